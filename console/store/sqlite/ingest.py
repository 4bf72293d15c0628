"""A batch of documents, stored once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, replace

from console.store.bounds import Bounds
from console.store.errors import DocumentsRefused
from console.store.records import Document, Envelope, IngestReceipt
from console.store.sqlite import retention
from console.store.sqlite.alert_intake.intake import AlertIntake
from console.store.sqlite.asset_intake import AssetIntake, count_loss
from console.store.sqlite.behaviour_intake import BehaviourIntake
from console.store.sqlite.connection import Connections
from console.store.sqlite.sensors import NAME, know_sensor
from console.store.times import now, to_nanoseconds, to_text
from console.store.validation import Checked, checked

SEQUENCE_LENGTH = 128


class Ingest:
    """`IngestStore.ingest` in SQLite."""

    connections: Connections
    bounds: Bounds

    def ingest(
        self,
        sensor: str,
        sequence: str | int,
        documents: Iterable[Envelope],
        latest: int | None = None,
    ) -> IngestReceipt:
        """See IngestStore."""
        sequence = str(sequence)
        if NAME.fullmatch(sensor) is None:
            raise DocumentsRefused([("sensor", "up to 128 letters, digits and . : @ - _ inside")])
        if not 0 < len(sequence) <= SEQUENCE_LENGTH or not sequence.isprintable():
            raise DocumentsRefused([("sequence", f"1 to {SEQUENCE_LENGTH} printable characters")])
        with self.connections.read() as connection:
            earlier = _earlier(connection, sensor, sequence)
        if earlier is not None:
            return earlier
        # Checked before the write lock is taken: a large batch must not hold up other writers longer.
        accepted = checked(documents)
        with self.connections.write() as connection:
            earlier = _earlier(connection, sensor, sequence)
            if earlier is not None:
                return earlier
            receipt = self._store(connection, sensor, sequence, accepted, latest)
            retention.prune(connection, self.bounds, receipt)
        return receipt

    def raise_alert(self, sensor: str, document: Document) -> bool:
        """See IngestStore."""
        (accepted,) = checked([Envelope("alert", document)])
        with self.connections.write() as connection:
            known = connection.execute(
                "SELECT 1 FROM alert_event WHERE event_id = ? AND sensor = ?",
                (accepted.body["event"]["id"], sensor),
            ).fetchone()
            if known is not None:
                return False
            time = now()
            site = know_sensor(connection, sensor, time)
            alerts = AlertIntake(connection, sensor, site, time, None, self.bounds)
            alerts.take(accepted.body, accepted.text)
            alerts.flush()
        return True

    def _store(
        self,
        connection: sqlite3.Connection,
        sensor: str,
        sequence: str,
        documents: list[Checked],
        latest: int | None,
    ) -> IngestReceipt:
        time = now()
        site = know_sensor(connection, sensor, time)
        assets = AssetIntake(connection, sensor, site, latest, self.bounds)
        behaviours = BehaviourIntake(connection, sensor, latest)
        # Assets first, so that the alerts of the same batch find them.
        for document in documents:
            if document.type == "asset":
                assets.take(document.body)
            elif document.type == "behaviour":
                behaviours.take(document.body, document.text)
            elif document.type == "health":
                _health(connection, sensor, document, latest)
            elif document.type == "summary":
                connection.execute("UPDATE sensor SET summary = ? WHERE name = ?", (document.text, sensor))
        alerts = AlertIntake(connection, sensor, site, time, latest, self.bounds)
        reports = [document for document in documents if document.type == "alert"]
        alerts.expect(document.body["event"]["id"] for document in reports)
        for document in reports:
            alerts.take(document.body, document.text)
        alerts.flush()
        connection.execute(
            "UPDATE sensor SET last_seen = ?, batches = batches + 1, documents = documents + ?"
            " WHERE name = ?",
            (time, len(documents), sensor),
        )
        held_back = assets.held_back + behaviours.held_back + alerts.held_back
        count_loss(connection, "times_held_back", held_back)
        receipt = IngestReceipt(
            sensor=sensor,
            sequence=sequence,
            duplicate=False,
            accepted=len(documents),
            new_alerts=alerts.new,
            updated_alerts=alerts.updated,
            silenced_alerts=alerts.silenced,
            new_assets=assets.new,
            new_behaviours=behaviours.new,
            times_held_back=held_back,
        )
        connection.execute(
            "INSERT INTO batch (sensor, sequence, received, receipt) VALUES (?, ?, ?, ?)",
            (sensor, sequence, time, json.dumps(asdict(receipt))),
        )
        return receipt


def _earlier(connection: sqlite3.Connection, sensor: str, sequence: str) -> IngestReceipt | None:
    row = connection.execute(
        "SELECT receipt FROM batch WHERE sensor = ? AND sequence = ?", (sensor, sequence)
    ).fetchone()
    return replace(IngestReceipt(**json.loads(row[0])), duplicate=True) if row else None


def _health(connection: sqlite3.Connection, sensor: str, document: Checked, latest: int | None) -> None:
    time, text = to_nanoseconds(document.body["@timestamp"]), document.text
    if latest is not None and time > latest:
        time = latest
        text = json.dumps({**document.body, "@timestamp": to_text(time)}, ensure_ascii=False)
        count_loss(connection, "times_held_back")
    connection.execute("INSERT INTO health (sensor, time, document) VALUES (?, ?, ?)", (sensor, time, text))
