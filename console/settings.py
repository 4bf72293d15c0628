"""What an operator may set for the console, from a YAML file; every value has a default that is safe."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console.posture.constants import PostureConstants


class SettingsError(Exception):
    """A settings file that cannot be read or holds a wrong value; the message names file and key."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoginSettings(_Strict):
    """Sessions and how often a login may fail."""

    session_hours: float = Field(
        12, gt=0, le=24 * 30, description="A session ends after this time at the latest"
    )
    idle_minutes: float = Field(120, gt=0, description="A session ends when unused for this long")
    failures_per_account: int = Field(5, ge=1, description="Failed logins of one account within the window")
    failures_per_address: int = Field(
        20, ge=1, description="Failed logins from one address within the window"
    )
    window_minutes: float = Field(15, gt=0)
    password_length: int = Field(12, ge=8, le=128, description="Shortest password accepted for a new one")


class IngestSettings(_Strict):
    """Bounds of one delivery of a sensor."""

    body_bytes: int = Field(16 << 20, ge=1024, description="Largest body on the wire")
    decoded_bytes: int = Field(64 << 20, ge=1024, description="Largest body after decompression")
    documents: int = Field(20_000, ge=1, description="Most documents in one batch")
    future_minutes: float = Field(10, ge=0, description="How far a sensor's clock may run ahead")


class SensorSettings(_Strict):
    """Live sensors: how often they are heard, and which certificates they may accept."""

    heartbeat_seconds: float = Field(15, ge=5, le=300, description="Wished time between heartbeats")
    silent_heartbeats: float = Field(3, ge=2, description="A sensor is silent after missing this many")
    silent_seconds: float = Field(60, ge=10, description="… and no sooner than this")
    certificates: tuple[Path, ...] = Field(
        (),
        description="PEM files whose fingerprints enrolment codes carry and sensors accept, first the"
        " one in use: where a proxy serves TLS, or a certificate is about to be replaced",
    )

    @property
    def silent_after(self) -> float:
        """Seconds without a word after which a sensor counts as silent."""
        return max(self.silent_seconds, self.silent_heartbeats * self.heartbeat_seconds)


class Settings(_Strict):
    """All of it; nested keys in YAML are the field names here."""

    https: bool = Field(
        False, description="Browsers reach the console by HTTPS: cookies are Secure, HSTS is sent"
    )
    body_bytes: int = Field(1 << 20, ge=1024, description="Largest request body outside ingest")
    body_seconds: float = Field(300, gt=0, description="Longest time a request body may take to arrive")
    pause_seconds: float = Field(30, gt=0, description="Longest pause within a request body")
    configuration_bytes: int = Field(16 << 20, ge=1024, description="Largest upload of a configuration")
    trusted_proxies: tuple[str, ...] = Field((), description="Peers whose X-Forwarded-For is believed")
    metrics_public: bool = Field(False, description="Let /metrics be read from other machines without login")
    login: LoginSettings = LoginSettings()
    ingest: IngestSettings = IngestSettings()
    sensors: SensorSettings = SensorSettings()
    posture: PostureConstants = PostureConstants()


def load_settings(path: Path | None) -> Settings:
    """Read a settings file, or the defaults when there is none."""
    if path is None:
        return Settings()
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
    try:
        return Settings.model_validate(content or {})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise SettingsError(f"{path}: {key}: {first['msg']}") from error
