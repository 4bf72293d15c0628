"""Reads a site file; every mistake is told at once, with its line and what to write instead.

site: Pumping station 7
zones:
- name: control
  networks: [10.0.1.0/24]
  purdue_level: 1
  criticality: 1.5
  assets_complete: true
conduits:
- {from: supervision, to: control, protocols: [modbus]}
assets:
- ip: 10.0.1.10
  name: Pump PLC
  role: plc
  criticality: 2
schedule:
  time_zone: Asia/Shanghai
  working_hours:
  - {days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00"}
  maintenance:
  - {from: "2026-12-01T08:00", to: "2026-12-01T12:00", work_order: WO-4711, assets: [Pump PLC]}
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rules.fields import PROTOCOLS, ROLES
from rules.language.problems import Problem, RuleError, suggestion
from rules.language.source import Trail, read_source
from rules.site.conduits import Conduit, Conduits
from rules.site.entries import Entries
from rules.site.model import CRITICALITIES, INTERNET_ZONE, PURDUE_NAMES, Network, Site, SiteAsset, Zone
from rules.site.schedule import ScheduleReader
from rules.site.suppressions import SuppressionReader

MOST_BYTES = 4 << 20
MOST_VALUES = 200_000
_KEYS = ("site", "zones", "conduits", "assets", "assets_complete", "schedule", "suppressions")
_ZONE_KEYS = ("name", "networks", "vlans", "macs", "purdue_level", "criticality", "assets_complete")
_ASSET_KEYS = ("ip", "mac", "name", "role", "vendor", "criticality", "purdue_level", "authorised")


class SiteError(RuleError):
    """A site file cannot be used; `problems` says why, all that was found at once."""


def load_site(path: Path) -> Site:
    """The site that a file describes. Raises SiteError."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise SiteError([Problem(path, 0, 0, f"cannot be read: {error.strerror}", "site")]) from None
    except UnicodeDecodeError:
        raise SiteError([Problem(path, 0, 0, "not UTF-8; save the file as UTF-8", "site")]) from None
    return site_of_text(text, path)


def site_of_text(text: str, path: Path) -> Site:
    """The site that `text` describes; `path` names it in errors. Raises SiteError."""
    hint = "a site file begins with `site:` and the site's name"
    try:
        source = read_source(text, path, hint, MOST_BYTES, MOST_VALUES)
    except RuleError as error:
        raise SiteError(_as_site(error.problems)) from None
    site = _Reader(source).read()
    if source.problems:
        raise SiteError(_as_site(source.problems))
    return site


def _as_site(problems: Any) -> Iterator[Problem]:
    return (Problem(item.path, item.line, item.column, item.text, "site") for item in problems)


class _Reader(Entries):
    def read(self) -> Site:
        document = self.map((), self.source.value, _KEYS, ("site",))
        zones = tuple(self.each(("zones",), document.get("zones"), self._zone))
        assets = tuple(self.each(("assets",), document.get("assets"), self._asset))
        self.once("zone name", [(("zones", place), zone.name) for place, zone in enumerate(zones)])
        networks: list[tuple[Trail, str]] = [
            (("zones", place), str(network)) for place, zone in enumerate(zones) for network in zone.networks
        ]
        self.once("network", networks)
        self.once("IP address", [(("assets", place), asset.ip) for place, asset in enumerate(assets)])
        self.once("MAC address", [(("assets", place), asset.mac) for place, asset in enumerate(assets)])
        names = tuple(zone.name for zone in zones)
        complete = self.flag(("assets_complete",), document.get("assets_complete"))
        if complete and not assets:
            self.say(
                ("assets_complete",),
                "no asset is listed, so every machine of the plant would count as not authorised; "
                "list them under assets, or leave assets_complete out",
            )
        schedule = ScheduleReader(self.source, _addresses(assets), names)
        time_zone, hours, maintenance = schedule.read(("schedule",), document.get("schedule"))
        known = (*names, INTERNET_ZONE)
        conduits = self.each(
            ("conduits",), document.get("conduits"), lambda at, value: self._conduit(at, value, known)
        )
        listed = SuppressionReader(self.source, time_zone)
        suppressions = listed.read(("suppressions",), document.get("suppressions"))
        name = self.text(("site",), document.get("site"))
        return Site(
            name,
            zones,
            assets,
            time_zone,
            hours,
            maintenance,
            Conduits(tuple(conduits)),
            suppressions,
            complete,
        )

    def _level(self, trail: Trail, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in PURDUE_NAMES:
            levels = ", ".join(f"{level:g} ({name})" for level, name in PURDUE_NAMES.items())
            self.say(trail, f"{value!r} is no Purdue level; it is one of {levels}")
            return None
        return float(value)

    def _criticality(self, trail: Trail, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or value not in CRITICALITIES:
            self.say(trail, f"criticality cannot be {value!r}; it is one of 0.5, 1, 1.5, 2")
            return None
        return float(value)

    def _network(self, trail: Trail, value: Any) -> Network | None:
        try:
            return ipaddress.ip_network(str(value))
        except ValueError:
            pass
        try:
            loose = ipaddress.ip_network(str(value), strict=False)
        except ValueError:
            self.say(trail, f"{value!r} is not a network; write it as 10.0.1.0/24")
        else:
            self.say(trail, f"{value} is an address inside a network; did you mean {loose}?")
        return None

    def _vlan(self, trail: Trail, value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4094:
            self.say(trail, f"{value!r} is not a VLAN number (1 to 4094)")
            return None
        return value

    def _zone(self, trail: Trail, value: Any) -> Zone | None:
        entry = self.map(trail, value, _ZONE_KEYS, ("name",))
        networks: tuple[Network, ...] = tuple(
            self.each((*trail, "networks"), entry.get("networks"), self._network)
        )
        vlans = frozenset(self.each((*trail, "vlans"), entry.get("vlans"), self._vlan))
        macs = frozenset(self.each((*trail, "macs"), entry.get("macs"), self.mac))
        if entry and not any(entry.get(key) for key in ("networks", "vlans", "macs")):
            self.say(trail, "a zone needs networks, vlans or macs: nothing would ever belong to it")
        complete = entry.get("assets_complete")
        return Zone(
            self.text((*trail, "name"), entry.get("name")),
            networks,
            vlans,
            macs,
            self._level((*trail, "purdue_level"), entry.get("purdue_level")),
            self._criticality((*trail, "criticality"), entry.get("criticality")),
            None if complete is None else self.flag((*trail, "assets_complete"), complete),
        )

    def _conduit(self, trail: Trail, value: Any, zones: tuple[str, ...]) -> Conduit | None:
        entry = self.map(trail, value, ("from", "to", "protocols", "both", "name"), ("from", "to"))
        if "from" not in entry or "to" not in entry:
            return None
        ends = [self.choice((*trail, key), entry[key], zones) for key in ("from", "to")]
        protocols = frozenset(
            self.each(
                (*trail, "protocols"),
                entry.get("protocols"),
                lambda at, word: self.choice(at, word, PROTOCOLS),
            )
        )
        source, destination = ends
        if source is None or destination is None:
            return None
        if source == destination:
            self.say(trail, "a conduit joins two zones; inside a zone nothing needs to be allowed")
        both = self.flag((*trail, "both"), entry.get("both"))
        return Conduit(source, destination, protocols, both, self.text((*trail, "name"), entry.get("name")))

    def _asset(self, trail: Trail, value: Any) -> SiteAsset | None:
        entry = self.map(trail, value, _ASSET_KEYS)
        if entry and not entry.get("ip") and not entry.get("mac"):
            self.say(trail, "an asset needs an ip or a mac: by what else should it be known?")
        role = self.text((*trail, "role"), entry.get("role"))
        if role and role not in ROLES:
            hint = suggestion(role, ROLES)
            self.say((*trail, "role"), f"{role!r} is no role{hint}; it is one of {', '.join(ROLES)}")
        authorised = entry.get("authorised", True)
        if not isinstance(authorised, bool):
            self.say((*trail, "authorised"), "authorised is true or false")
        return SiteAsset(
            self.ip((*trail, "ip"), entry.get("ip")),
            self.mac((*trail, "mac"), entry.get("mac")) or "",
            self.text((*trail, "name"), entry.get("name")),
            role,
            self.text((*trail, "vendor"), entry.get("vendor")),
            self._criticality((*trail, "criticality"), entry.get("criticality")),
            self._level((*trail, "purdue_level"), entry.get("purdue_level")),
            authorised is not False,
        )


def _addresses(assets: tuple[SiteAsset, ...]) -> dict[str, tuple[str, ...]]:
    """The addresses of each asset by its name and by each of them; names may be shared."""
    found: dict[str, tuple[str, ...]] = {}
    for asset in assets:
        mine = tuple(address for address in (asset.ip, asset.mac) if address)
        for key in (asset.name, *mine):
            if key and mine:
                found[key] = (*found.get(key, ()), *mine) if key == asset.name else mine
    return found
