"""The store in one SQLite file: all its parts together."""

from __future__ import annotations

from pathlib import Path

from console.store.bounds import Bounds
from console.store.sqlite import tally
from console.store.sqlite.accounts import Accounts
from console.store.sqlite.alert_queries import AlertQueries
from console.store.sqlite.allowances import Allowances
from console.store.sqlite.assets import Assets
from console.store.sqlite.audit import Audit
from console.store.sqlite.behaviours import Behaviours
from console.store.sqlite.configurations import Configurations
from console.store.sqlite.connection import Connections
from console.store.sqlite.enrolments import Enrolments
from console.store.sqlite.evidence import Evidence
from console.store.sqlite.ingest import Ingest
from console.store.sqlite.posture_samples import PostureSamples
from console.store.sqlite.sensors import Sensors
from console.store.sqlite.workflow import Workflow

LOSSES = (
    "alert_history_evicted",
    "asset_history_evicted",
    "assets_evicted",
    "audit_rows_evicted",
    "batches_forgotten",
    "behaviours_evicted",
    "closed_alerts_evicted",
    "configuration_versions_forgotten",
    "enrolments_forgotten",
    "evidence_evicted",
    "evidence_no_pcap",
    "evidence_too_large",
    "evidence_without_alert",
    "health_evicted",
    "open_alerts_evicted",
    "sessions_evicted",
    "times_held_back",
)


class SqliteStore(
    Ingest,
    Evidence,
    AlertQueries,
    Workflow,
    Allowances,
    Assets,
    Behaviours,
    Sensors,
    Enrolments,
    Configurations,
    Accounts,
    Audit,
    PostureSamples,
):
    """`console.store.interface.Store` on SQLite, safe for many threads and for a second process."""

    def __init__(self, path: Path, bounds: Bounds | None = None) -> None:
        self.connections = Connections(path)
        self.bounds = bounds or Bounds()

    def revision(self) -> int:
        """See Store."""
        with self.connections.read() as connection:
            return connection.execute("SELECT revision FROM state").fetchone()[0]

    def last_heard(self) -> int:
        """See Store."""
        with self.connections.read() as connection:
            return connection.execute("SELECT ifnull(max(last_seen), 0) FROM sensor").fetchone()[0]

    def losses(self) -> dict[str, int]:
        """See Store."""
        with self.connections.read() as connection:
            counted = dict(connection.execute("SELECT cause, count FROM loss"))
        return {**dict.fromkeys(LOSSES, 0), **counted}

    def counts(self) -> dict[str, int]:
        """See Store."""
        with self.connections.read() as connection:
            alerts = connection.execute(
                "SELECT ifnull(sum(count), 0), ifnull(sum(count) FILTER (WHERE status < 2), 0)"
                " FROM alert_tally WHERE facet = ? AND value = ''",
                (tally.ALL,),
            ).fetchone()
            rest = {
                f"{table}s": connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("asset", "behaviour", "sensor", "user")
            }
        return {"alerts": alerts[0], "open_alerts": alerts[1], **rest}

    def close(self) -> None:
        """See Store."""
        self.connections.close()
