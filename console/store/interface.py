"""The store as the console sees it. SQLite is one, Elasticsearch may be another; both pass the same tests.

Every method may be called from any thread. Methods that change something take `actor`, the user
(or `sensor/<name>`) who does it, and write the audit row themselves, in the same transaction;
`address` in an audit row comes from `acting_from`. Raised errors are those of `console.store.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from console.store.filters import (
    AlertFacet,
    AlertFilter,
    AssetFilter,
    AuditFilter,
    BehaviourFilter,
    CloseReason,
    PageRequest,
)
from console.store.records import (
    AlertRecord,
    Allowance,
    AllowanceKind,
    ApiToken,
    AssetChange,
    AssetRecord,
    AuditRow,
    BehaviourRecord,
    ConfigurationContent,
    ConfigurationVersion,
    Document,
    Enrolled,
    Enrolment,
    Envelope,
    EvidenceRequest,
    Flow,
    HistoryRow,
    IngestReceipt,
    OpenItem,
    Page,
    PosturePoint,
    Preview,
    Role,
    RuleRecord,
    Scope,
    SensorRecord,
    Session,
    Tally,
    TimelineBucket,
    User,
    Zone,
)


class IngestStore(Protocol):
    """The way in."""

    def ingest(
        self,
        sensor: str,
        sequence: str | int,
        documents: Iterable[Envelope],
        latest: int | None = None,
    ) -> IngestReceipt:
        """Store a batch of documents in one transaction, once per (sensor, sequence).

        Raises DocumentsRefused, and stores nothing, where a document is not what docs/documents.md
        says. Times after `latest` (nanoseconds) are taken as `latest`: a sensor's clock may be wrong.
        """
        ...

    def raise_alert(self, sensor: str, document: Document) -> bool:
        """Store an alert the console itself raises about a sensor, as if the sensor had reported it.

        It is no sign of life of the sensor. False where the same event has been told before.
        """
        ...


class EvidenceStore(Protocol):
    """Packets of alerts, and the requests for them."""

    def put_evidence(
        self, event_id: str, pcap: bytes, sensor: str | None = None, marked: Sequence[int] = ()
    ) -> bool:
        """Keep a pcap slice with the alert of `event_id`, reported by `sensor` where given.

        `marked` are the numbers, from 1, of the packets in the slice that the alert is about.
        False when refused: no such alert, no pcap, or larger than the bound (counted in `losses`).
        """
        ...

    def evidence(self, alert_id: str) -> bytes | None:
        """The pcap slice of an alert."""
        ...

    def evidence_marked(self, alert_id: str) -> list[int]:
        """The numbers of the alert's own packets within its slice; empty where nobody has said."""
        ...

    def request_evidence(self, alert_id: str, actor: str) -> list[EvidenceRequest]:
        """Ask the sensors that reported an alert for its packets; Conflict where none can be asked."""
        ...

    def evidence_requests(self, alert_id: str) -> list[EvidenceRequest]:
        """What was asked of whom, and what became of it."""
        ...

    def evidence_wanted(self, sensor: str, limit: int = 64) -> list[str]:
        """The `event.id`s whose packets this sensor is asked for, oldest request first."""
        ...

    def evidence_not_held(self, sensor: str, event_ids: Sequence[str]) -> int:
        """The sensor says that it holds no packets of these events; returns how many requests that ends."""
        ...


class AlertStore(Protocol):
    """Alerts and their workflow: new, active, closed."""

    def alerts(self, query: AlertFilter, page: PageRequest) -> Page[AlertRecord]:
        """One page of alerts; sort keys are `ALERT_SORTS`."""
        ...

    def alert(self, alert_id: str) -> AlertRecord:
        """One alert; NotFound when there is none."""
        ...

    def alert_history(self, alert_id: str) -> list[HistoryRow]:
        """Everything that happened to an alert, comments included, oldest first (bounded)."""
        ...

    def tally_alerts(self, query: AlertFilter, facet: AlertFacet, limit: int = 50) -> list[Tally]:
        """How many alerts per value of `facet`, most first; with many filters, of the newest ones only."""
        ...

    def alert_timeline(
        self, query: AlertFilter, since: int, until: int, buckets: int = 48
    ) -> list[TimelineBucket]:
        """Alerts per equal slice of [since, until) and level, empty slices included."""
        ...

    def acknowledge(self, alert_ids: Sequence[str], actor: str, note: str | None = None) -> int:
        """New alerts become active; returns how many changed."""
        ...

    def close_alerts(
        self, alert_ids: Sequence[str], reason: CloseReason, actor: str, note: str | None = None
    ) -> int:
        """Open alerts become closed; returns how many changed."""
        ...

    def reopen(self, alert_ids: Sequence[str], actor: str, note: str | None = None) -> int:
        """Closed alerts become active again; returns how many changed."""
        ...

    def assign(self, alert_ids: Sequence[str], assignee: str | None, actor: str) -> int:
        """Give alerts to a user, or to nobody; returns how many changed."""
        ...

    def comment(self, alert_id: str, text: str, actor: str) -> None:
        """Add a comment to an alert's history."""
        ...

    def open_items(self) -> list[OpenItem]:
        """All alerts that are not closed, as the ledger weighs them."""
        ...

    def rules(self) -> list[RuleRecord]:
        """Every rule that has fired."""
        ...


class AllowanceStore(Protocol):
    """Learn and mute."""

    def scope_of(self, alert_id: str) -> Scope:
        """The narrowest scope that covers an alert: a starting point for a person to widen."""
        ...

    def preview(self, scope: Scope) -> Preview:
        """What an allowance of this scope would have hidden."""
        ...

    def allow(
        self, kind: AllowanceKind, scope: Scope, reason: str, expires: int | None, actor: str
    ) -> Allowance:
        """Close what the scope covers and silence repeats until `expires`; a scope must name something."""
        ...

    def revoke_allowance(self, allowance_id: int, actor: str, reopen: bool = True) -> Allowance:
        """End an allowance now; with `reopen`, the alerts it closed become active again."""
        ...

    def allowances(self, include_ended: bool = False) -> list[Allowance]:
        """Learns and mutes, newest first."""
        ...


class AssetStore(Protocol):
    """Assets, zones and who talks to whom."""

    def assets(self, query: AssetFilter, page: PageRequest) -> Page[AssetRecord]:
        """One page of assets; sort keys are `ASSET_SORTS`."""
        ...

    def asset(self, asset_id: str) -> AssetRecord:
        """One asset; NotFound when there is none."""
        ...

    def asset_history(self, asset_id: str, limit: int = 200) -> list[AssetChange]:
        """Attribute changes, newest first."""
        ...

    def decide_asset(self, asset_id: str, decisions: Mapping[str, Any], actor: str) -> AssetRecord:
        """Let a person's word win for name, zone, criticality, authorised; None: back to the sensor's."""
        ...

    def tally_assets(self, field: str, limit: int = 50) -> list[Tally]:
        """How many assets per role, vendor, zone, protocol, purdue_level or sensor, most first."""
        ...

    def zones(self) -> list[Zone]:
        """Every zone with its counts."""
        ...

    def behaviours(self, query: BehaviourFilter, page: PageRequest) -> Page[BehaviourRecord]:
        """One page of behaviours; sort keys are `BEHAVIOUR_SORTS`."""
        ...

    def behaviour(self, behaviour_id: str) -> BehaviourRecord:
        """One behaviour; NotFound when there is none."""
        ...

    def flows(self, query: BehaviourFilter, limit: int = 5000) -> list[Flow]:
        """Behaviours summed per (source, destination, protocol), busiest first."""
        ...


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

    def configuration(self, version: int) -> tuple[ConfigurationVersion, ConfigurationContent]:
        """One version; NotFound when there is none."""
        ...

    def newest_version(self, scope: str) -> int | None:
        """The version a scope has now, without its content."""
        ...

    def newest_configuration(self, scope: str) -> tuple[int, ConfigurationContent] | None:
        """The version and content a scope has now."""
        ...


class AccountStore(Protocol):
    """Users, sessions, API tokens."""

    def add_user(self, name: str, role: Role, password_hash: str, actor: str) -> User:
        """Create an account; Conflict when the name is taken."""
        ...

    def user(self, name: str) -> User:
        """One account; NotFound when there is none."""
        ...

    def users(self) -> list[User]:
        """All accounts by name."""
        ...

    def password_hash(self, name: str) -> str | None:
        """The stored argon2 hash, or None."""
        ...

    def set_password(self, name: str, password_hash: str, actor: str) -> None:
        """Change a password; all sessions of that user end."""
        ...

    def change_user(
        self, name: str, actor: str, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """Change role or disable; sessions end. The last enabled admin stays one."""
        ...

    def set_preferences(self, name: str, preferences: Mapping[str, str]) -> User:
        """Replace a user's own settings (language, theme …)."""
        ...

    def open_session(self, user: str, token_hash: str, csrf: str, expires: int, address: str) -> None:
        """Remember a browser session by its token's hash; bounded per user, oldest go first."""
        ...

    def session(self, token_hash: str) -> Session | None:
        """A session that is neither expired nor of a disabled user."""
        ...

    def extend_session(self, token_hash: str, expires: int) -> None:
        """Move a session's end."""
        ...

    def close_session(self, token_hash: str) -> None:
        """Log out."""
        ...

    def add_api_token(
        self, owner: str, name: str, role: Role, token_hash: str, expires: int | None, actor: str
    ) -> ApiToken:
        """Remember a bearer token for programs by its hash."""
        ...

    def api_token(self, token_hash: str) -> ApiToken | None:
        """A token that works now; notes its use."""
        ...

    def api_tokens(self, owner: str | None = None) -> list[ApiToken]:
        """All tokens, or one owner's."""
        ...

    def revoke_api_token(self, token_id: int, actor: str) -> None:
        """The token works no more."""
        ...


class AuditStore(Protocol):
    """Who changed what."""

    def audit(self, query: AuditFilter, page: PageRequest) -> Page[AuditRow]:
        """One page of the audit log, newest first."""
        ...

    def record_audit(self, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Note something that changed nothing in the store: a login, a refused login, an export."""
        ...

    def acting_from(self, address: str | None) -> AbstractContextManager[None]:
        """Within the block, audit rows carry this network address."""
        ...


class PostureStore(Protocol):
    """Scores over time."""

    def put_posture(self, points: Iterable[PosturePoint]) -> None:
        """Keep samples (bounded in age)."""
        ...

    def posture_series(self, scope: str, since: int, until: int, limit: int = 1000) -> list[PosturePoint]:
        """Samples of one scope, oldest first, thinned evenly to `limit`."""
        ...


class Store(
    IngestStore,
    EvidenceStore,
    AlertStore,
    AllowanceStore,
    AssetStore,
    SensorStore,
    ConfigurationStore,
    AccountStore,
    AuditStore,
    PostureStore,
    Protocol,
):
    """All of it."""

    def revision(self) -> int:
        """Grows with every change by any process: what was computed at one revision holds until the next.

        Heartbeats change nothing in that sense.
        """
        ...

    def last_heard(self) -> int:
        """When any sensor was last heard, nanoseconds; 0 where none ever was."""
        ...

    def losses(self) -> dict[str, int]:
        """What was not kept, by cause, zeros included: evidence refused, history rows evicted …"""
        ...

    def counts(self) -> dict[str, int]:
        """How many alerts (open and all), assets, behaviours, sensors and users there are."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...
