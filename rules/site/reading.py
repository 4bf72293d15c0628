"""Reads a site file; every mistake is told at once, with its line and what to write instead.

site: Pumping station 7
zones:
- name: control
  networks: [10.0.1.0/24]
  purdue_level: 1
  criticality: 1.5
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
  - {from: "2026-12-01T08:00:00+08:00", to: "2026-12-01T12:00:00+08:00", name: Valve overhaul}
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from rules.fields import ROLES
from rules.language.problems import Problem, RuleError, suggestion
from rules.language.source import Source, Trail, read_source
from rules.site.model import (
    CRITICALITIES,
    DAYS,
    PURDUE_NAMES,
    Hours,
    Maintenance,
    Network,
    Site,
    SiteAsset,
    Zone,
)

MOST_BYTES = 4 << 20
MOST_VALUES = 200_000
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_ZONE_KEYS = ("name", "networks", "vlans", "macs", "purdue_level", "criticality")
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


class _Reader:
    """Takes values out of a source; what is wrong is complained about and left out."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._say = source.complain
        self._time_zone: tzinfo = UTC

    def read(self) -> Site:
        document = self._map((), self._source.value, ("site", "zones", "assets", "schedule"), ("site",))
        zones = tuple(self._each(("zones",), document.get("zones"), self._zone))
        assets = tuple(self._each(("assets",), document.get("assets"), self._asset))
        self._once("zone name", [(("zones", place), zone.name) for place, zone in enumerate(zones)])
        networks = [
            (("zones", place), str(network)) for place, zone in enumerate(zones) for network in zone.networks
        ]
        self._once("network", networks)
        self._once("IP address", [(("assets", place), asset.ip) for place, asset in enumerate(assets)])
        self._once("MAC address", [(("assets", place), asset.mac) for place, asset in enumerate(assets)])
        zone, hours, maintenance = self._schedule(("schedule",), document.get("schedule"))
        name = self._text(("site",), document.get("site"))
        return Site(name, zones, assets, zone, hours, maintenance)

    def _once(self, what: str, owners: Sequence[tuple[Trail, str]]) -> None:
        first: dict[str, Trail] = {}
        for trail, value in owners:
            if value and value in first:
                line = self._source.place(first[value])[0]
                self._say(trail, f"the {what} {value} stands here a second time (first in line {line})")
            first.setdefault(value, trail)

    def _map(
        self, trail: Trail, value: Any, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._say(trail, f"a map (`key: value` lines) with {', '.join(known)} belongs here")
            return {}
        for key in value:
            if key not in known:
                hint = suggestion(key, known)
                self._say((*trail, key), f"unknown key {key!r}{hint}; known are {', '.join(known)}", True)
        for key in required:
            if key not in value:
                self._say(trail, f"the key {key!r} is missing")
        return {key: value[key] for key in value if key in known}

    def _each(self, trail: Trail, value: Any, read: Callable[[Trail, Any], Any]) -> Iterator[Any]:
        if value is None:
            return
        if not isinstance(value, list):
            self._say(trail, f"{trail[-1]} must be a list (lines that begin with a dash)")
            return
        for place, item in enumerate(value):
            found = read((*trail, place), item)
            if found is not None:
                yield found

    def _text(self, trail: Trail, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool | list | dict) or not str(value).strip() or len(str(value)) > 256:
            self._say(trail, f"{trail[-1]} must be a text of at most 256 characters")
            return ""
        return str(value)

    def _level(self, trail: Trail, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in PURDUE_NAMES:
            levels = ", ".join(f"{level:g} ({name})" for level, name in PURDUE_NAMES.items())
            self._say(trail, f"{value!r} is no Purdue level; it is one of {levels}")
            return None
        return float(value)

    def _criticality(self, trail: Trail, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or value not in CRITICALITIES:
            self._say(trail, f"criticality cannot be {value!r}; it is one of 0.5, 1, 1.5, 2")
            return None
        return float(value)

    def _mac(self, trail: Trail, value: Any) -> str | None:
        text = self._text(trail, value).lower().replace("-", ":")
        if text and not _MAC.fullmatch(text):
            self._say(trail, f"{value!r} is not a MAC address; write it as 00:1b:1b:aa:bb:cc")
            return None
        return text

    def _network(self, trail: Trail, value: Any) -> Network | None:
        try:
            return ipaddress.ip_network(str(value))
        except ValueError:
            pass
        try:
            loose = ipaddress.ip_network(str(value), strict=False)
        except ValueError:
            self._say(trail, f"{value!r} is not a network; write it as 10.0.1.0/24")
        else:
            self._say(trail, f"{value} is an address inside a network; did you mean {loose}?")
        return None

    def _vlan(self, trail: Trail, value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4094:
            self._say(trail, f"{value!r} is not a VLAN number (1 to 4094)")
            return None
        return value

    def _zone(self, trail: Trail, value: Any) -> Zone | None:
        entry = self._map(trail, value, _ZONE_KEYS, ("name",))
        networks = tuple(self._each((*trail, "networks"), entry.get("networks"), self._network))
        vlans = frozenset(self._each((*trail, "vlans"), entry.get("vlans"), self._vlan))
        macs = frozenset(self._each((*trail, "macs"), entry.get("macs"), self._mac))
        if entry and not any(entry.get(key) for key in ("networks", "vlans", "macs")):
            self._say(trail, "a zone needs networks, vlans or macs: nothing would ever belong to it")
        return Zone(
            self._text((*trail, "name"), entry.get("name")),
            networks,
            vlans,
            macs,
            self._level((*trail, "purdue_level"), entry.get("purdue_level")),
            self._criticality((*trail, "criticality"), entry.get("criticality")),
        )

    def _asset(self, trail: Trail, value: Any) -> SiteAsset | None:
        entry = self._map(trail, value, _ASSET_KEYS)
        if entry and not entry.get("ip") and not entry.get("mac"):
            self._say(trail, "an asset needs an ip or a mac: by what else should it be known?")
        role = self._text((*trail, "role"), entry.get("role"))
        if role and role not in ROLES:
            hint = suggestion(role, ROLES)
            self._say((*trail, "role"), f"{role!r} is no role{hint}; it is one of {', '.join(ROLES)}")
        authorised = entry.get("authorised", True)
        if not isinstance(authorised, bool):
            self._say((*trail, "authorised"), "authorised is true or false")
        return SiteAsset(
            self._ip((*trail, "ip"), entry.get("ip")),
            self._mac((*trail, "mac"), entry.get("mac")) or "",
            self._text((*trail, "name"), entry.get("name")),
            role,
            self._text((*trail, "vendor"), entry.get("vendor")),
            self._criticality((*trail, "criticality"), entry.get("criticality")),
            self._level((*trail, "purdue_level"), entry.get("purdue_level")),
            authorised is not False,
        )

    def _ip(self, trail: Trail, value: Any) -> str:
        if value is None:
            return ""
        try:
            return str(ipaddress.ip_address(str(value)))
        except ValueError:
            hint = "; a whole network is a zone" if "/" in str(value) else ""
            self._say(trail, f"{value!r} is not an IP address{hint}")
            return ""

    def _schedule(
        self, trail: Trail, value: Any
    ) -> tuple[tzinfo, tuple[Hours, ...], tuple[Maintenance, ...]]:
        if value is None:
            return UTC, (), ()
        entry = self._map(trail, value, ("time_zone", "working_hours", "maintenance"))
        name = str(entry.get("time_zone", "UTC"))
        if name != "UTC":
            zones = available_timezones()
            if name in zones:
                self._time_zone = ZoneInfo(name)
            else:
                hint = suggestion(name, zones) or "; write it as Asia/Shanghai"
                self._say((*trail, "time_zone"), f"{name!r} is no time zone{hint}")
        spans = self._each((*trail, "working_hours"), entry.get("working_hours"), self._hours)
        hours = tuple(day for span in spans for day in span)
        windows = self._each((*trail, "maintenance"), entry.get("maintenance"), self._maintenance)
        return self._time_zone, hours, tuple(windows)

    def _hours(self, trail: Trail, value: Any) -> list[Hours]:
        entry = self._map(trail, value, ("days", "from", "to"), ("from", "to"))
        days = list(self._each((*trail, "days"), entry.get("days", list(DAYS)), self._day))
        begin = self._clock((*trail, "from"), entry.get("from"))
        end = self._clock((*trail, "to"), entry.get("to"))
        found = []
        for day in days:
            start = day * 1440
            if begin < end:
                found.append(Hours(start + begin, start + end))
            else:  # a night shift ends on the next day, which after Sunday is Monday
                found.append(Hours(start + begin, start + 1440))
                found.append(Hours((start + 1440) % 10080, (start + 1440) % 10080 + end))
        return found

    def _day(self, trail: Trail, value: Any) -> int | None:
        if value not in DAYS:
            self._say(trail, f"{value!r} is no day{suggestion(str(value), DAYS)}; days are {', '.join(DAYS)}")
            return None
        return DAYS.index(value)

    def _clock(self, trail: Trail, value: Any) -> int:
        if value is None:
            return 0
        text = str(value)
        if not _CLOCK.fullmatch(text):
            self._say(trail, f'{text!r} is no time of day; write it as "08:00", in quotes')
            return 0
        return int(text[:2]) * 60 + int(text[3:])

    def _maintenance(self, trail: Trail, value: Any) -> Maintenance | None:
        entry = self._map(trail, value, ("from", "to", "name"), ("from", "to"))
        begin, end = (self._moment((*trail, key), entry.get(key)) for key in ("from", "to"))
        if begin is None or end is None:
            return None
        if begin >= end:
            self._say(trail, "the window ends before it begins")
        return Maintenance(begin, end, self._text((*trail, "name"), entry.get("name")))

    def _moment(self, trail: Trail, value: Any) -> int | None:
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(str(value))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._time_zone)
            return int(moment.timestamp()) * 10**9
        except (ValueError, OverflowError):
            self._say(trail, f"{value!r} is no time; write it as 2026-12-01T08:00:00+08:00")
            return None
