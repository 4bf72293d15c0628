"""Reading assets and zones, and what people decide about assets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from console.store import paging
from console.store.asset_merge import DECIDABLE, UNASSIGNED, decided, merge
from console.store.bounds import Bounds
from console.store.errors import NotFound, QueryRefused
from console.store.filters import ASSET_SORTS, AssetFilter, PageRequest
from console.store.records import AssetChange, AssetRecord, Page, Tally, Zone
from console.store.sqlite import tally
from console.store.sqlite.asset_intake import note_changes, write_asset
from console.store.sqlite.asset_lookup import ADDRESS, PROTOCOL
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.sqlite.where import Where, marks
from console.store.times import now, to_text

MOST_CRITICALITY = 10.0
NAME_LENGTH = 256
_COLUMNS = f"""asset.id, asset.document, asset.decided, asset.site, asset.first_seen, asset.last_seen,
(SELECT json_group_array(sensor) FROM asset_sensor WHERE asset_sensor.asset = asset.id),
(SELECT ifnull(sum(count), 0) FROM alert_tally WHERE facet = {tally.KEYED + tally.ASSET}
  AND value = asset.id AND status < 2)"""
_SORTS = {
    "last_seen": "asset.last_seen",
    "first_seen": "asset.first_seen",
    "name": "ifnull(asset.name, '')",
    "ip": "ifnull(asset.ip, '')",
    "vendor": "ifnull(asset.vendor, '')",
    "role": "asset.role",
    "zone": "asset.zone",
    "purdue_level": "ifnull(asset.purdue_level, -1)",
    "criticality": "asset.criticality",
}
_TALLIES = {
    "role": "SELECT role, count(*) FROM asset",
    "vendor": "SELECT vendor, count(*) FROM asset WHERE vendor IS NOT NULL",
    "zone": "SELECT zone, count(*) FROM asset",
    "purdue_level": "SELECT purdue_level, count(*) FROM asset WHERE purdue_level IS NOT NULL",
    "protocol": f"SELECT value, count(*) FROM asset_key WHERE kind = {PROTOCOL}",
    "sensor": "SELECT sensor, count(*) FROM asset_sensor",
}


class Assets:
    """Assets of `AssetStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def assets(self, query: AssetFilter, page: PageRequest) -> Page[AssetRecord]:
        """See AssetStore."""
        paging.check(page, ASSET_SORTS)
        where = _where(query)
        columns = (_SORTS[page.sort], "asset.id")
        cursor = paging.decode(page, len(columns))
        direction = "DESC" if page.descending else "ASC"
        behind = ""
        if cursor is not None:
            behind = f" AND ({', '.join(columns)}) {'<' if page.descending else '>'} (?, ?)"
        order = ", ".join(f"{column} {direction}" for column in columns)
        with self.connections.read() as connection:
            (total,) = connection.execute(
                f"SELECT count(*) FROM asset WHERE {where}", where.values
            ).fetchone()
            rows = connection.execute(
                f"SELECT {', '.join(columns)}, {_COLUMNS} FROM asset WHERE {where}{behind}"
                f" ORDER BY {order} LIMIT ? OFFSET ?",
                (*where.values, *(cursor or ()), page.limit + 1, 0 if cursor else page.offset),
            ).fetchall()
        more = len(rows) > page.limit
        rows = rows[: page.limit]
        following = paging.encode(page, list(rows[-1][:2])) if more else None
        return Page([_record(row[2:]) for row in rows], total, True, following)

    def asset(self, asset_id: str) -> AssetRecord:
        """See AssetStore."""
        with self.connections.read() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM asset WHERE id = ?", (asset_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no asset {asset_id}")
        return _record(row)

    def asset_history(self, asset_id: str, limit: int = 200) -> list[AssetChange]:
        """See AssetStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT time, field, old, new, source, evidence FROM asset_history WHERE asset = ?"
                " ORDER BY entry DESC LIMIT ?",
                (asset_id, limit),
            ).fetchall()
        return [
            AssetChange(
                time=to_text(time),
                field=field,
                old=None if old is None else json.loads(old),
                new=None if new is None else json.loads(new),
                source=source,
                evidence=None if evidence is None else json.loads(evidence),
            )
            for time, field, old, new, source, evidence in rows
        ]

    def decide_asset(self, asset_id: str, decisions: Mapping[str, Any], actor: str) -> AssetRecord:
        """See AssetStore."""
        for field, value in decisions.items():
            _check_decision(field, value)
        time = now()
        with self.connections.write() as connection:
            row = connection.execute(
                "SELECT document, decided, site FROM asset WHERE id = ?", (asset_id,)
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no asset {asset_id}")
            old, present = json.loads(row[0]), json.loads(row[1])
            for field, value in decisions.items():
                if value is None:
                    present.pop(field, None)
                else:
                    present[field] = {"value": value, "by": actor, "time": to_text(time)}
            said = connection.execute(
                "SELECT document FROM asset_sensor WHERE asset = ? ORDER BY last_seen, sensor", (asset_id,)
            ).fetchall()
            document = decided(merge(json.loads(item[0]) for item in said), present)
            write_asset(connection, asset_id, document, row[2])
            connection.execute("UPDATE asset SET decided = ? WHERE id = ?", (json.dumps(present), asset_id))
            note_changes(connection, asset_id, old, document, f"user/{actor}", time, self.bounds)
            audit_note(connection, actor, "asset.decided", f"asset/{asset_id}", dict(decisions))
        return self.asset(asset_id)

    def tally_assets(self, field: str, limit: int = 50) -> list[Tally]:
        """See AssetStore."""
        if field not in _TALLIES:
            raise QueryRefused(f"field: not one of {', '.join(_TALLIES)}")
        with self.connections.read() as connection:
            rows = connection.execute(
                f"{_TALLIES[field]} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?", (limit,)
            ).fetchall()
        return [Tally(f"{value:g}" if isinstance(value, float) else value, count) for value, count in rows]

    def zones(self) -> list[Zone]:
        """See AssetStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                "SELECT zone, count(*), json_group_array(DISTINCT purdue_level)"
                " FILTER (WHERE purdue_level IS NOT NULL) FROM asset GROUP BY zone"
            ).fetchall()
            alerts = dict(
                connection.execute(
                    "SELECT value, sum(count) FROM alert_tally WHERE facet = ? AND status < 2 GROUP BY value",
                    (tally.KEYED + tally.ZONE,),
                ).fetchall()
            )
        found = {
            name: Zone(name, count, alerts.get(name, 0), sorted(json.loads(p))) for name, count, p in rows
        }
        for name, count in alerts.items():
            if name not in found and count:
                found[name] = Zone(name, 0, count)
        return sorted(found.values(), key=lambda zone: (zone.name == UNASSIGNED, zone.name))


def _check_decision(field: str, value: Any) -> None:
    if field not in DECIDABLE:
        raise QueryRefused(f"{field}: only {', '.join(DECIDABLE)} can be decided")
    if value is None:
        return
    if field in ("name", "zone") and not (isinstance(value, str) and 0 < len(value.strip()) <= NAME_LENGTH):
        raise QueryRefused(f"{field}: a text of 1 to {NAME_LENGTH} characters")
    if field == "authorised" and not isinstance(value, bool):
        raise QueryRefused("authorised: true or false")
    if field == "criticality":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= MOST_CRITICALITY:
            raise QueryRefused(f"criticality: a number from 0 to {MOST_CRITICALITY:g}")


def _where(query: AssetFilter) -> Where:
    where = Where()
    where.any_of("asset.role", query.roles)
    where.any_of("asset.zone", query.zones)
    where.any_of("asset.vendor", query.vendors)
    where.any_of("asset.purdue_level", query.purdue_levels)
    addresses = (query.address,) if query.address else ()
    for kind, wanted in ((PROTOCOL, query.protocols), (ADDRESS, addresses)):
        if wanted:
            keyed = f"SELECT asset FROM asset_key WHERE kind = {kind} AND value IN ({marks(wanted)})"
            where.add(f"asset.id IN ({keyed})", *wanted)
    if query.sensors:
        named = marks(query.sensors)
        where.add(f"asset.id IN (SELECT asset FROM asset_sensor WHERE sensor IN ({named}))", *query.sensors)
    where.given("asset.authorised = ?", query.authorised)
    where.given("asset.last_seen >= ?", query.since)
    where.words("asset.words", query.text)
    return where


def _record(row: tuple[Any, ...]) -> AssetRecord:
    asset_id, document, decisions, site, first_seen, last_seen, sensors, open_alerts = row
    return AssetRecord(
        id=asset_id,
        document=json.loads(document),
        sensors=sorted(json.loads(sensors)),
        first_seen=to_text(first_seen),
        last_seen=to_text(last_seen),
        decided=json.loads(decisions),
        open_alerts=open_alerts,
        site=site,
    )
