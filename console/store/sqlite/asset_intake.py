"""Assets on their way in: each sensor's word is kept, the merged asset and its history are derived."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from console.store.asset_merge import UNASSIGNED, changes, decided, merge
from console.store.bounds import Bounds
from console.store.records import Document
from console.store.sqlite import tally
from console.store.sqlite.asset_lookup import ADDRESS, PROTOCOL
from console.store.sqlite.rows import compact
from console.store.times import to_nanoseconds, to_text
from console.store.words import asset_words


class AssetIntake:
    """Takes the assets of one batch of one sensor."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sensor: str,
        site: str,
        latest: int | None,
        bounds: Bounds,
    ) -> None:
        self.connection = connection
        self.sensor = sensor
        self.site = site
        self.latest = latest
        self.bounds = bounds
        self.new = self.held_back = 0

    def take(self, body: Document) -> None:
        """Store or merge one checked asset document."""
        body = self._hold_back(body)
        asset_id = body["asset"]["id"]
        said = self._said(asset_id)
        before = said.get(self.sensor)
        last_seen = to_nanoseconds(body["asset"]["last_seen"])
        if before is not None:
            first = min(before[1]["asset"]["first_seen"], body["asset"]["first_seen"])
            if last_seen < before[0]:
                # An older report adds what was not known; it does not overrule.
                body = {
                    **body,
                    "asset": {**body["asset"], **before[1]["asset"]},
                    "evidence": {**body.get("evidence", {}), **before[1].get("evidence", {})},
                }
                last_seen = before[0]
            body = {**body, "asset": {**body["asset"], "first_seen": first}}
        said[self.sensor] = (last_seen, body)
        self.connection.execute(
            "INSERT OR REPLACE INTO asset_sensor VALUES (?, ?, ?, ?)",
            (asset_id, self.sensor, last_seen, compact(body)),
        )
        self.settle(asset_id, said, f"sensor/{self.sensor}", last_seen)

    def settle(self, asset_id: str, said: dict[str, tuple[int, Document]], source: str, time: int) -> None:
        """Derive the asset anew from what sensors and people say, noting what changed and who said so."""
        row = self.connection.execute(
            "SELECT document, decided, site FROM asset WHERE id = ?", (asset_id,)
        ).fetchone()
        old = json.loads(row[0]) if row else None
        decisions = json.loads(row[1]) if row else {}
        ordered = sorted(said.items(), key=lambda item: (item[1][0], item[0]))
        document = decided(merge(document for _, (_, document) in ordered), decisions)
        write_asset(self.connection, asset_id, document, row[2] if row else self.site)
        self.new += row is None
        note_changes(self.connection, asset_id, old, document, source, time, self.bounds)
        self._rekey(asset_id, old, document["asset"])

    def _hold_back(self, body: Document) -> Document:
        """The document with its times in one form, none later than `latest`."""
        times = {name: to_nanoseconds(body["asset"][name]) for name in ("first_seen", "last_seen")}
        if self.latest is not None and max(times.values()) > self.latest:
            self.held_back += 1
            times = {name: min(time, self.latest) for name, time in times.items()}
        return {**body, "asset": {**body["asset"], **{name: to_text(time) for name, time in times.items()}}}

    def _said(self, asset_id: str) -> dict[str, tuple[int, Document]]:
        rows = self.connection.execute(
            "SELECT sensor, last_seen, document FROM asset_sensor WHERE asset = ?", (asset_id,)
        )
        return {sensor: (last_seen, json.loads(document)) for sensor, last_seen, document in rows}

    def _rekey(self, asset_id: str, old: Document | None, asset: Document) -> None:
        before, after = _keys(old["asset"] if old else {}), _keys(asset)
        gone, come = before - after, after - before
        self.connection.executemany(
            "DELETE FROM asset_key WHERE kind = ? AND value = ? AND asset = ?",
            [(*key, asset_id) for key in gone],
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO asset_key VALUES (?, ?, ?)", [(*key, asset_id) for key in come]
        )
        for kind, value in come:
            if kind == ADDRESS:
                adopt(self.connection, value, asset_id)


def _keys(asset: Document) -> set[tuple[int, str]]:
    addresses = {(ADDRESS, address) for name in ("ip", "mac") for address in asset.get(name, ())}
    return addresses | {(PROTOCOL, protocol) for protocol in asset.get("protocols", ())}


def write_asset(connection: sqlite3.Connection, asset_id: str, document: Document, site: str) -> None:
    """Insert or update the row of an asset from its merged document."""
    asset = document["asset"]
    values: dict[str, Any] = {
        "id": asset_id,
        "document": compact(document),
        "site": site,
        "name": asset.get("name"),
        "ip": next(iter(asset.get("ip", ())), None),
        "vendor": asset.get("vendor"),
        "role": asset["role"],
        "zone": asset.get("zone", UNASSIGNED),
        "purdue_level": asset.get("purdue_level"),
        "criticality": asset.get("criticality", 1.0),
        "authorised": asset.get("authorised"),
        "first_seen": to_nanoseconds(asset["first_seen"]),
        "last_seen": to_nanoseconds(asset["last_seen"]),
        "words": asset_words(asset),
    }
    columns = ", ".join(values)
    updates = ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("id", "site"))
    connection.execute(
        f"INSERT INTO asset ({columns}) VALUES ({', '.join('?' * len(values))})"
        f" ON CONFLICT (id) DO UPDATE SET {updates}",
        tuple(values.values()),
    )


def note_changes(
    connection: sqlite3.Connection,
    asset_id: str,
    old: Document | None,
    new: Document,
    source: str,
    time: int,
    bounds: Bounds,
) -> None:
    """Add the differences to an asset's history, oldest rows beyond the bound going."""
    found = changes(old, new)
    if not found:
        return
    evidence = new.get("evidence") or {}
    connection.executemany(
        "INSERT INTO asset_history (asset, time, field, old, new, source, evidence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                asset_id,
                time,
                field,
                None if before is None else json.dumps(before, ensure_ascii=False),
                None if after is None else json.dumps(after, ensure_ascii=False),
                source,
                compact(evidence[field]) if field in evidence else None,
            )
            for field, before, after in found
        ],
    )
    if old is None:
        return
    evicted = connection.execute(
        "DELETE FROM asset_history WHERE entry IN (SELECT entry FROM asset_history WHERE asset = ?"
        " ORDER BY entry DESC LIMIT -1 OFFSET ?)",
        (asset_id, bounds.history_per_asset),
    ).rowcount
    count_loss(connection, "asset_history_evicted", evicted)


def adopt(connection: sqlite3.Connection, address: str, asset_id: str) -> None:
    """Link alerts that came before their asset did, by address."""
    for kind, column in ((tally.SOURCE, "source"), (tally.DESTINATION, "destination")):
        rows = connection.execute(
            f"SELECT alert.number, status, level, first_seen FROM alert_key JOIN alert USING (number)"
            f" WHERE kind = ? AND value = ? AND {column} = ? AND {column}_asset IS NULL",
            (kind, address, address),
        ).fetchall()
        if not rows:
            continue
        connection.executemany(
            f"UPDATE alert SET {column}_asset = ? WHERE number = ?", [(asset_id, row[0]) for row in rows]
        )
        tallies = tally.Tallies()
        for number, status, level, _ in rows:
            added = connection.execute(
                "INSERT OR IGNORE INTO alert_key VALUES (?, ?, ?)", (tally.ASSET, asset_id, number)
            ).rowcount
            if added:
                tallies.add_facets([(tally.KEYED + tally.ASSET, asset_id)], status, level)
                connection.execute(
                    "UPDATE alert_document SET keys = json_insert(keys, '$[#]', json_array(?, ?))"
                    " WHERE number = ?",
                    (tally.ASSET, asset_id, number),
                )
        tallies.flush(connection)


def count_loss(connection: sqlite3.Connection, cause: str, count: int = 1) -> None:
    """Add to `Store.losses`."""
    if count:
        connection.execute(
            "INSERT INTO loss VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (cause, count),
        )
