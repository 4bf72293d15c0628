"""Takes values out of a site's files; what is wrong is complained about, with its line, and left out."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

from rules.language.problems import suggestion
from rules.language.source import Source, Trail

LONGEST_TEXT = 256
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
T = TypeVar("T")


class Entries:
    """The values of a source by trail; `time_zone` is that of times which name none."""

    def __init__(self, source: Source, time_zone: tzinfo = UTC) -> None:
        self.source = source
        self.say = source.complain
        self.time_zone = time_zone

    def once(self, what: str, owners: Sequence[tuple[Trail, str]]) -> None:
        """Complain where one of these values stands a second time; empty ones may."""
        first: dict[str, Trail] = {}
        for trail, value in owners:
            if value and value in first:
                line = self.source.place(first[value])[0]
                self.say(trail, f"the {what} {value} stands here a second time (first in line {line})")
            first.setdefault(value, trail)

    def map(
        self, trail: Trail, value: Any, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The known keys of a map."""
        if not isinstance(value, dict):
            self.say(trail, f"a map (`key: value` lines) with {', '.join(known)} belongs here")
            return {}
        for key in value:
            if key not in known:
                hint = suggestion(key, known)
                self.say((*trail, key), f"unknown key {key!r}{hint}; known are {', '.join(known)}", True)
        for key in required:
            if key not in value:
                self.say(trail, f"the key {key!r} is missing")
        return {key: value[key] for key in value if key in known}

    def each(self, trail: Trail, value: Any, read: Callable[[Trail, Any], T | None]) -> Iterator[T]:
        """What `read` makes of each entry of a list, but for what it makes None of."""
        if value is None:
            return
        if not isinstance(value, list):
            self.say(trail, f"{trail[-1]} must be a list (lines that begin with a dash)")
            return
        for place, item in enumerate(value):
            found = read((*trail, place), item)
            if found is not None:
                yield found

    def text(self, trail: Trail, value: Any) -> str:
        """A text, "" where there is none."""
        if value is None:
            return ""
        if isinstance(value, bool | list | dict) or not str(value).strip() or len(str(value)) > LONGEST_TEXT:
            self.say(trail, f"{trail[-1]} must be a text of at most {LONGEST_TEXT} characters")
            return ""
        return str(value)

    def choice(self, trail: Trail, value: Any, known: Sequence[str]) -> str | None:
        """One of these words."""
        if isinstance(value, str) and value in known:
            return value
        hint = suggestion(str(value), known)
        what = trail[-1] if isinstance(trail[-1], str) else trail[-2]
        self.say(trail, f"{what}: {value!r} is none of {', '.join(known)}{hint}")
        return None

    def flag(self, trail: Trail, value: Any) -> bool:
        """True or false; false where nothing stands."""
        if value is not None and not isinstance(value, bool):
            self.say(trail, f"{trail[-1]} is true or false")
        return value is True

    def mac(self, trail: Trail, value: Any) -> str | None:
        """A MAC address, lower case with colons."""
        text = self.text(trail, value).lower().replace("-", ":")
        if text and not _MAC.fullmatch(text):
            self.say(trail, f"{value!r} is not a MAC address; write it as 00:1b:1b:aa:bb:cc")
            return None
        return text

    def ip(self, trail: Trail, value: Any) -> str:
        """An IP address, "" where there is none."""
        if value is None:
            return ""
        try:
            return str(ipaddress.ip_address(str(value)))
        except ValueError:
            hint = "; a whole network is a zone" if "/" in str(value) else ""
            self.say(trail, f"{value!r} is not an IP address{hint}")
            return ""

    def moment(self, trail: Trail, value: Any) -> int | None:
        """A time in nanoseconds since 1970; in the site's time zone where it names none."""
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(str(value))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.time_zone)
            return int(moment.timestamp()) * 10**9
        except (ValueError, OverflowError):
            self.say(trail, f"{value!r} is no time; write it as 2026-12-01T08:00:00+08:00")
            return None
