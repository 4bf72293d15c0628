"""Entries of a baseline by id, so that people can accept and forget single ones.

The id of an entry is a digest of what it is about (addresses, codes of the specification, names), so
it is the same in every baseline and every run, before the entry is there and after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from rules.baseline.model import Baseline, Conversation, Function, Place, address_order, in_order
from rules.baseline.ranges import as_text
from rules.baseline.values.point import Point
from rules.baseline.words import conversation_parts, function_text, operation_name, place_parts, quoted
from sensor.messages import NO_CODE
from sensor.protocols.protocol import NAMES

if TYPE_CHECKING:
    from rules.baseline.rhythms.model import Beat

DIGITS = 12
"""Hexadecimal digits of an id: enough that none of 2**18 entries is likely to share one."""
FEWEST_DIGITS = 4
"""Of an id that is typed: the beginning will do where only one entry has it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a baseline may know; what is lower down than the entry is None.

    An asset; a conversation, and in it an operation, a function, objects (a place and a span of
    addresses); a point, where there is a `value` that value of it; a rhythm.
    """

    asset: str | None = None
    conversation: Conversation | None = None
    operation: int | None = None
    function: Function | None = None
    place: Place | None = None
    span: tuple[int, int] = (NO_CODE, NO_CODE)
    point: Point | None = None
    value: float | None = None
    beat: Beat | None = None

    @property
    def what(self) -> str:
        """`asset`, `conversation`, `operation`, `function`, `object`, `value` or `rhythm`."""
        if self.asset is not None:
            return "asset"
        if self.point is not None:
            return "value"
        if self.beat is not None:
            return "rhythm"
        if self.place is not None:
            return "object"
        if self.function is not None:
            return "function"
        return "conversation" if self.operation is None else "operation"

    @property
    def id(self) -> str:
        """DIGITS hexadecimal digits."""
        return blake2b(
            repr(self._path()).encode("utf-8", "surrogatepass"), digest_size=DIGITS // 2
        ).hexdigest()

    def _path(self) -> tuple[object, ...]:
        if self.asset is not None:
            return "asset", self.asset
        if self.point is not None:
            point = (self.point.server, NAMES.get(self.point.protocol, ""), *self.point[2:])
            return ("value", *point) if self.value is None else ("value", *point, float(self.value))
        if self.beat is not None:
            return (
                "rhythm",
                *_talk(self.beat.conversation),
                self.beat.kind,
                operation_name(self.beat.operation),
                *self.beat.function,
                self.beat.unit,
            )
        assert self.conversation is not None
        path: tuple[object, ...] = (self.what, *_talk(self.conversation))
        if self.operation is not None:
            path += (operation_name(self.operation),)
        if self.function is not None:
            path += tuple(self.function)
        if self.place is not None:
            path += (*self.place, *self.span)
        return path

    def parts(self) -> list[str]:
        """What names it, for the inside of a flow map: `what: operation, client: …`."""
        parts = [f"what: {self.what}"]
        if self.asset is not None:
            return [*parts, f"address: {quoted(self.asset)}"]
        if self.point is not None:
            from rules.baseline.sections.values import number_text, point_parts

            parts += point_parts(self.point)
            return parts if self.value is None else [*parts, f"value: {number_text(self.value)}"]
        if self.beat is not None:
            from rules.baseline.sections.rhythms import which

            return [*parts, which(self.beat)]
        assert self.conversation is not None
        parts.append(conversation_parts(self.conversation))
        if self.operation is not None:
            parts.append(f"operation: {operation_name(self.operation)}")
        if self.function is not None:
            parts.append(f"function: {quoted(function_text(self.conversation.protocol, self.function))}")
        if self.place is not None:
            parts += place_parts(self.conversation.protocol, self.place)
            if self.span != (NO_CODE, NO_CODE):
                parts.append(f'at: "{as_text([self.span])}"')
        return parts

    @property
    def machines(self) -> tuple[str, ...]:
        """The addresses that it is about."""
        if self.asset is not None:
            return (self.asset,)
        if self.point is not None:
            return (self.point.server,)
        talk = self.beat.conversation if self.beat is not None else self.conversation
        return (talk.client, talk.server) if talk is not None else ()

    @property
    def label(self) -> str:
        """What it is about, for people."""
        if self.asset is not None:
            return self.asset
        return ", ".join(self.parts()[1:])

    @property
    def text(self) -> str:
        """The flow map that stands for it in a file: `{what: operation, client: …}`."""
        return "{" + ", ".join(self.parts()) + "}"

    def __str__(self) -> str:
        return f"{self.what} {self.label}"

    def covers(self, other: Entry) -> bool:
        """Whether this entry is the other one, or stands above it."""
        if self.asset is not None or self.beat is not None or self.point is not None:
            same = self.asset == other.asset and self.beat == other.beat and self.point == other.point
            return same and self.value in (None, other.value)
        if self.conversation != other.conversation or other.conversation is None:
            return False
        for mine, theirs in ((self.operation, other.operation), (self.function, other.function)):
            if mine is None:
                return True
            if mine != theirs:
                return False
        if self.place is None:
            return True
        inside = self.span[0] <= other.span[0] and other.span[1] <= self.span[1]
        return self.place == other.place and inside


def _talk(conversation: Conversation) -> tuple[str, str, str]:
    return conversation.client, conversation.server, conversation.service


def entries(baseline: Baseline) -> Iterator[tuple[Entry, bool]]:
    """Every entry of a baseline, in the order of its file, and whether it is withheld."""
    for asset in sorted(baseline.assets, key=address_order):
        yield Entry(asset=asset), False
    for talk in sorted(baseline.conversations, key=in_order):
        yield Entry(conversation=talk), False
        for operation, functions in sorted(baseline.conversations[talk].items()):
            yield Entry(conversation=talk, operation=operation), False
            for function, objects in sorted(functions.items()):
                yield Entry(conversation=talk, operation=operation, function=function), False
                for place, ranges in sorted(objects.items()):
                    for span in ranges:
                        yield Entry(None, talk, operation, function, place, span), False
    for point in sorted(baseline.values, key=lambda item: (address_order(item.server), item)):
        yield Entry(point=point), False
    for beat in sorted(baseline.rhythms):
        yield Entry(beat=beat), False
    for conversation, operation, function in sorted(baseline.withheld):
        yield Entry(conversation=conversation, operation=operation, function=function), True
