"""Sensors, and what they should run."""

from __future__ import annotations

from typing import Any, Protocol

from console.store.records import (
    ConfigurationContent,
    ConfigurationVersion,
    Document,
    Enrolled,
    Enrolment,
    SensorRecord,
)


class SensorStore(Protocol):
    """Sensors, their tokens and their health."""

    def add_enrolment(
        self, code_hash: str, name: str | None, site: str, expires: int, actor: str
    ) -> Enrolment:
        """Remember a one-time code by the hash of its secret; open ones are bounded (Conflict)."""
        ...

    def enrolments(self, limit: int = 50) -> list[Enrolment]:
        """Codes, newest first."""
        ...

    def withdraw_enrolment(self, enrolment_id: int, actor: str) -> None:
        """The code works no more; NotFound where it is not open."""
        ...

    def redeem_enrolment(self, code_hash: str, name: str | None) -> Enrolled:
        """Use a code up and give its sensor a token.

        NotFound: unknown, used, expired or withdrawn. Conflict: made for another name, or the name is
        taken by a sensor with a token and the code was not made for it. QueryRefused: no usable name.
        """
        ...

    def add_sensor(self, name: str, site: str, actor: str) -> str:
        """Register a sensor; returns its bearer token, which is stored only as a hash."""
        ...

    def revoke_sensor(self, name: str, actor: str) -> None:
        """Its token works no more; its data stays."""
        ...

    def sensor_of_token(self, token: str) -> str | None:
        """The sensor a bearer token belongs to, or None."""
        ...

    def site_of(self, sensor: str) -> str:
        """The site of a sensor; NotFound when there is none of that name."""
        ...

    def sensors(self) -> list[SensorRecord]:
        """Registered sensors and every other source of batches."""
        ...

    def heartbeat(self, sensor: str, state: Document) -> None:
        """A sensor is alive and says this of itself. It changes no `revision`."""
        ...

    def health(self, sensor: str, limit: int = 200) -> list[dict[str, Any]]:
        """A sensor's health documents, newest first (bounded)."""
        ...

    def health_series(self, sensor: str, since: int, until: int, slices: int = 144) -> list[dict[str, Any]]:
        """The last health document of each equal slice of [since, until) that has one, oldest first."""
        ...


class ConfigurationStore(Protocol):
    """What sensors should run: a history of versions for all sensors and for each site."""

    def put_configuration(
        self, scope: str, content: ConfigurationContent, note: str, actor: str, base: int | None
    ) -> ConfigurationVersion:
        """Make a new version, numbered above every other; Conflict where `base` is not the scope's newest.

        Old versions are kept (bounded). Where nothing differs from the newest, that one is returned.
        """
        ...

    def configurations(self, scope: str | None = None, limit: int = 100) -> list[ConfigurationVersion]:
        """The history of a scope, or of all of them, newest first."""
        ...

    def configured_scopes(self) -> list[str]:
        """Every scope that has a version."""
        ...

    def configuration(self, version: int) -> tuple[ConfigurationVersion, ConfigurationContent]:
        """One version; NotFound when there is none."""
        ...

    def newest_version(self, scope: str) -> int | None:
        """The version a scope has now, without its content."""
        ...

    def newest_configuration(self, scope: str) -> tuple[int, ConfigurationContent] | None:
        """The version and content a scope has now."""
        ...
