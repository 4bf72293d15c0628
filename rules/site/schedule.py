"""Reads the `schedule` of a site file: the time zone, working hours, maintenance windows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from rules.expression import Expression, Inside, Is, OneOf, both, either
from rules.fields import CHANGES as ALL_CHANGES
from rules.fields import OPERATIONS, Category
from rules.language.problems import suggestion
from rules.language.source import Source, Trail
from rules.site.entries import Entries
from rules.site.hours import DAYS, WEEK, Hours
from rules.site.maintenance import CHANGES, EFFECTS, ENGINEERING, MOVING, SHOWING, SIGNS, Maintenance

WEEK_NS = WEEK * 60 * 10**9
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")
_WINDOW = (
    "from",
    "to",
    "name",
    "work_order",
    "who",
    "effect",
    "every",
    "ends",
    "assets",
    "zones",
    "addresses",
    "sources",
    "operations",
    "changes",
)


class ScheduleReader(Entries):
    """Reads a schedule; assets are named by what `addresses_of` knows of the site, zones by `zones`."""

    def __init__(
        self, source: Source, addresses_of: dict[str, tuple[str, ...]], zones: Iterable[str]
    ) -> None:
        super().__init__(source)
        self._addresses_of = addresses_of
        self._zones = tuple(zones)

    def read(self, trail: Trail, value: Any) -> tuple[tzinfo, tuple[Hours, ...], tuple[Maintenance, ...]]:
        """The time zone, the working hours and the maintenance windows."""
        if value is None:
            return UTC, (), ()
        entry = self.map(trail, value, ("time_zone", "working_hours", "maintenance"))
        name = str(entry.get("time_zone", "UTC"))
        if name != "UTC":
            zones = available_timezones()
            if name in zones:
                self.time_zone = ZoneInfo(name)
            else:
                hint = suggestion(name, zones) or "; write it as Asia/Shanghai"
                self.say((*trail, "time_zone"), f"{name!r} is no time zone{hint}")
        spans = self.each((*trail, "working_hours"), entry.get("working_hours"), self._hours)
        hours = tuple(day for span in spans for day in span)
        windows = self.each((*trail, "maintenance"), entry.get("maintenance"), self._maintenance)
        return self.time_zone, hours, tuple(windows)

    def _hours(self, trail: Trail, value: Any) -> list[Hours]:
        entry = self.map(trail, value, ("days", "from", "to"), ("from", "to"))
        days = list(self.each((*trail, "days"), entry.get("days", list(DAYS)), self._day))
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
            self.say(trail, f"{value!r} is no day{suggestion(str(value), DAYS)}; days are {', '.join(DAYS)}")
            return None
        return DAYS.index(value)

    def _clock(self, trail: Trail, value: Any) -> int:
        if value is None:
            return 0
        text = str(value)
        if not _CLOCK.fullmatch(text):
            self.say(trail, f'{text!r} is no time of day; write it as "08:00", in quotes')
            return 0
        return int(text[:2]) * 60 + int(text[3:])

    def _maintenance(self, trail: Trail, value: Any) -> Maintenance | None:
        entry = self.map(trail, value, _WINDOW, ("from", "to"))
        texts = {key: self.text((*trail, key), entry.get(key)) for key in ("name", "work_order", "who")}
        effect = self.choice((*trail, "effect"), entry.get("effect", "annotate"), EFFECTS)
        weekly = entry.get("every") is not None
        if weekly:
            self.choice((*trail, "every"), entry["every"], ("week",))
        covers = self._covers(trail, entry)
        begin, end = (self.moment((*trail, key), entry.get(key)) for key in ("from", "to"))
        last = self.moment((*trail, "ends"), entry.get("ends"))
        if begin is None or end is None:
            return None
        if begin >= end:
            self.say(trail, "the window ends before it begins")
        if weekly and end - begin >= WEEK_NS:
            self.say(trail, "a window that comes every week is shorter than a week")
        if last is not None and not weekly:
            self.say((*trail, "ends"), "`ends` goes with `every: week`", True)
        if effect == "silence" and not (texts["work_order"] or texts["name"]):
            self.say(
                trail, "a window that silences needs a work_order or a name: it is told with what it hid"
            )
        return Maintenance(
            begin,
            end,
            texts["name"],
            texts["work_order"],
            texts["who"],
            "silence" if effect == "silence" else "annotate",
            weekly,
            last,
            self.time_zone,
            covers,
        )

    def _covers(self, trail: Trail, entry: dict[str, Any]) -> dict[Category, Expression]:
        places = [
            place
            for key, read in (("assets", self._asset), ("addresses", self._address))
            for found in self.each((*trail, key), entry.get(key), read)
            for place in found
        ]
        zones = list(self.each((*trail, "zones"), entry.get("zones"), self._zone))
        sources = [
            place
            for found in self.each((*trail, "sources"), entry.get("sources"), self._machine)
            for place in found
        ]
        operations = self._words(trail, entry, "operations", OPERATIONS, ENGINEERING)
        changes = self._words(trail, entry, "changes", ALL_CHANGES, CHANGES)
        folded = frozenset(zone.casefold() for zone in zones)

        def on(end: str) -> list[Expression]:
            covered = _at(end, places) + ([OneOf(f"{end}.zone", folded)] if folded else [])
            return [either(*covered)] if covered else []

        done: list[Expression] = [OneOf("ics.operation", operations), *on("destination")]
        if sources:
            done.append(either(*_at("source", sources)))
        traffic = both(*done)
        if operations & MOVING:
            # Whoever reads the device meanwhile sees what the work does to its values, or no answer.
            signs = either(*(Is(name, True) for name in SIGNS))
            traffic = either(traffic, both(signs, OneOf("ics.operation", SHOWING), *on("destination")))
        return {"behaviour": traffic, "asset": both(OneOf("asset.change", changes), *on("asset"))}

    def _words(
        self, trail: Trail, entry: dict[str, Any], key: str, known: tuple[str, ...], usual: tuple[str, ...]
    ) -> frozenset[str]:
        if entry.get(key) is None:
            return frozenset(usual)
        here = (*trail, key)
        return frozenset(self.each(here, entry[key], lambda at, word: self.choice(at, word, known)))

    def _zone(self, trail: Trail, value: Any) -> str | None:
        return self.choice(trail, value, self._zones)

    def _asset(self, trail: Trail, value: Any) -> tuple[str, ...] | None:
        """The addresses of an asset of the file, by its name or by one of them."""
        found = self._addresses_of.get(str(value))
        if found is None:
            hint = suggestion(str(value), self._addresses_of)
            self.say(
                trail, f"no asset of this file is {value!r}{hint}; machines not listed go to `addresses`"
            )
        return found

    def _address(self, trail: Trail, value: Any) -> tuple[str, ...] | None:
        text = str(value)
        if _MAC.fullmatch(text):
            return (text.lower().replace("-", ":"),)
        try:
            return (str(ipaddress.ip_network(text)),)
        except ValueError:
            self.say(trail, f"{value!r} is no address and no network; write 10.0.1.10 or 10.0.1.0/24")
            return None

    def _machine(self, trail: Trail, value: Any) -> tuple[str, ...] | None:
        return self._addresses_of.get(str(value)) or self._address(trail, value)


def _at(end: str, places: Iterable[str]) -> list[Expression]:
    """Predicates that hold where one end is one of these addresses or in one of these networks."""
    macs = frozenset(place for place in places if _MAC.fullmatch(place))
    found: list[Expression] = [OneOf(f"{end}.mac", macs)] if macs else []
    for place in places:
        if place not in macs:
            found.append(Inside(f"{end}.ip", ipaddress.ip_network(place)))
    return found
