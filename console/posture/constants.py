"""Every constant of the posture formula, so that a site can set its own in the settings file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PostureConstants(BaseModel):
    """Defaults are the published formula's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    informational: float = Field(0.02, ge=0, lt=1, description="p of an informational alert")
    low: float = Field(0.08, ge=0, lt=1)
    medium: float = Field(0.20, ge=0, lt=1)
    high: float = Field(0.45, ge=0, lt=1)
    critical: float = Field(0.70, ge=0, lt=1)

    half_life_hours: float = Field(
        72, gt=0, description="An event's weight halves in this time after last seen"
    )
    count_slope: float = Field(0.1, ge=0, description="Weight added per factor of ten in repeats")
    count_cap: float = Field(1.5, ge=1, description="Most that repeats can multiply an item's weight")
    spread: float = Field(0.5, ge=0, le=0.5, description="How much the other children add to the worst one")

    vulnerability_cap: float = Field(0.7, ge=0, lt=1)
    epss_floor: float = Field(0.1, ge=0, le=1, description="Factor of a vulnerability nobody exploits")
    unreachable: float = Field(0.3, ge=0, le=1, description="Factor where no observed flow reaches the asset")

    unauthorised_device: float = Field(0.20, ge=0, lt=1, description="p of a device nobody authorised")
    internet_flow: float = Field(0.20, ge=0, lt=1, description="p of an asset that talks with the internet")
    cleartext_engineering: float = Field(0.08, ge=0, lt=1)
    cleartext_protocols: tuple[str, ...] = Field(
        ("s7comm", "modbus", "enip", "cip", "umas", "fins", "melsec", "codesys", "dnp3", "iec104"),
        description="Protocols that carry engineering without encryption or authentication",
    )
    standing_rules: tuple[str, ...] = Field(
        ("sensor-silent",),
        description="Names of rules whose alerts state a condition, such as program mode: no decay",
    )

    heartbeat_seconds: float = Field(300, gt=0, description="A sensor silent for longer lowers confidence")
    late_seconds: float = Field(
        120, gt=0, description="What is judged, or delivered, later than this lowers confidence"
    )
    clock_seconds: float = Field(
        5, gt=0, description="A sensor's clock that is off by more lowers confidence"
    )
    unknown_below: float = Field(0.5, ge=0, le=1, description="Below this confidence the score is unknown")

    blue_below: float = Field(90, description="Scores under this raise the blue warning (level IV)")
    yellow_below: float = Field(75, description="Level III")
    orange_below: float = Field(60, description="Level II")
    red_below: float = Field(40, description="Level I")
