"""What may be set for a sensor, in a YAML file or by options; every value has a default that is safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from console.agent.bundle import Level

DEFAULT_FILE = Path("/etc/fieldwatch/sensor.yaml")
DEFAULT_STATE = Path("/var/lib/fieldwatch")
_INTERFACE = re.compile(r"[^\s/]{1,15}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:]+):(\d{1,5})")


class SettingsError(Exception):
    """A settings file that cannot be read or holds a wrong value; the message names file and key."""


def _interface(name: str) -> str:
    if _INTERFACE.fullmatch(name) is None or name in (".", ".."):
        raise ValueError("not a name of a network interface")
    return name


def _span(text: str) -> str:
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?\s*[smhdw]", text) is None:
        raise ValueError("write a number and s, m, h, d or w, as in 7d")
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SpoolSettings(_Strict):
    """What waits for the console."""

    megabytes: int = Field(512, ge=1, le=1 << 20, description="Most that waits; alerts go last")


class EvidenceSettings(_Strict):
    """Packets that are kept, and what is cut out of them."""

    enabled: bool = Field(True, description="Keep the last packets on disk")
    megabytes: int = Field(1024, ge=4, le=1 << 24, description="Most that is kept")
    minutes: float = Field(60, gt=0, le=60 * 24 * 365, description="For how long at most")
    level: Level = Field("high", description="Packets of alerts from this level on go to the console")
    before_s: float = Field(30, ge=0, le=3600, description="How much before an alert goes with it")
    after_s: float = Field(30, ge=0, le=3600, description="How much after it")


class LimitSettings(_Strict):
    """From where on the sensor itself raises an alert."""

    no_traffic_s: float = Field(120, ge=10, description="An interface brought no packet for so long")
    fall_share: float = Field(0.2, gt=0, lt=1, description="Packets fell below this share of the usual")
    drop_share: float = Field(0.01, gt=0, lt=1, description="More than this share of packets was dropped")
    understood_fall: float = Field(0.1, gt=0, lt=1, description="The understood share fell by more than this")
    clock_skew_s: float = Field(2.0, gt=0, description="The clock differs from the console's by more")
    spool_share: float = Field(0.8, gt=0, lt=1, description="The spool is fuller than this")


class SensorSettings(_Strict):
    """All of it; nested keys in YAML are the field names here."""

    name: str | None = Field(
        None, max_length=128, description="Name in documents; else that of the enrolment"
    )
    interfaces: tuple[Annotated[str, AfterValidator(_interface)], ...] = Field(
        (), max_length=16, description="Mirror ports to listen at"
    )
    filter: str | None = Field(None, max_length=1 << 16, description="BPF filter, or `tcpdump -ddd` output")
    ring_megabytes: int = Field(
        256, ge=1, le=1024, description="The kernel's memory for packets of each interface that wait"
    )
    state: Path = Field(
        DEFAULT_STATE, description="Folder for spool, evidence, identity and what was learned"
    )
    user: str | None = Field(None, max_length=64, description="Become this user when the sockets are open")
    proxy: str | None = Field(None, max_length=1024, description="HTTP proxy on the way to the console")
    rules: tuple[Path, ...] = Field((), description="Rule files or folders beside those that ship")
    shipped_rules: bool = Field(True, description="Use the rules that ship with Fieldwatch")
    site: Path | None = Field(None, description="Site file")
    baseline: Path | None = Field(None, description="What is normal, from `baseline learn`")
    learn: Annotated[str, AfterValidator(_span)] | None = Field(
        None, description="Learn what is normal for so long from the first packet ever: 7d"
    )
    heartbeat_s: float = Field(15, ge=1, le=300, description="Seconds between health reports")
    metrics: str | None = Field(
        "127.0.0.1:9464", description="Where /metrics and /healthz are; none: nowhere"
    )
    log: Literal["text", "json"] = Field("text", description="Form of the log on standard error")
    spool: SpoolSettings = SpoolSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    limits: LimitSettings = LimitSettings()

    @field_validator("metrics")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if text == "none":
            return None
        if text is not None and ((match := _ADDRESS.fullmatch(text)) is None or int(match[2]) > 65535):
            raise ValueError("write it as 127.0.0.1:9464")
        return text


def load_settings(path: Path | None, overrides: dict[str, Any] | None = None) -> SensorSettings:
    """The settings in `path` with `overrides` on top (None there: not given). Raises SettingsError.

    Without `path` the default file is read where it exists.
    """
    content: dict[str, Any] = {}
    source = path or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    if source is not None:
        try:
            content = yaml.safe_load(source.read_text("utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise SettingsError(f"{source}: {error}") from error
        if not isinstance(content, dict):
            raise SettingsError(f"{source}: not a list of keys and values")
    for key, value in (overrides or {}).items():
        if value is None or value == ():
            continue
        *sections, last = key.split(".")
        place = content
        for section in sections:
            nested = place.setdefault(section, {})
            if not isinstance(nested, dict):
                raise SettingsError(f"{source}: {section}: not a list of keys and values")
            place = nested
        place[last] = value
    try:
        return SensorSettings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top)"
        where = f"{source}: " if source else ""
        raise SettingsError(f"{where}{key}: {first['msg'].removeprefix('Value error, ')}") from error
