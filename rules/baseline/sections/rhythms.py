"""`rhythms`: how often, how regularly and how much each function is asked for or reported.

    rhythms:
    - {client: 10.0.0.5, server: 10.0.0.10, service: modbus tcp/502, kind: request, operation: read,
       function: 3 Read Holding Registers, unit: 1, every: 1.0, low: 0.98, high: 1.02, regular: 1.0,
       intervals: 3599, silence: 2.1, steady: true, per_10s: 10, per_minute: 60, minutes: 60}

Times are in seconds. `every`, `low`, `high` and `regular` are missing where no interval was seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.model import Baseline, in_order
from rules.baseline.nodes import Reader
from rules.baseline.rhythms.learning import MOST_RHYTHMS
from rules.baseline.rhythms.model import Beat, Rhythm, joined
from rules.baseline.sections.section import Difference, Section
from rules.baseline.words import conversation_parts, function_text, operation_name, quoted
from sensor.messages import NO_CODE, Kind

_KINDS = {kind.name.lower(): int(kind) for kind in Kind}
_WHICH = ("client", "server", "service", "kind", "operation", "function")
_HOW = ("intervals", "silence", "steady", "per_10s", "per_minute", "minutes")
_TIMED = ("every", "low", "high", "regular")
_MOST_SECONDS = 1e9
_SAME = 1.5
"""Two intervals that differ by no more than this factor are told as the same."""


def _order(beat: Beat) -> tuple[object, ...]:
    return (in_order(beat.conversation), beat[1:])


def which(beat: Beat) -> str:
    """The channel, inside of a flow map."""
    text = (
        f"{conversation_parts(beat.conversation)}, kind: {Kind(beat.kind).name.lower()},"
        f" operation: {operation_name(beat.operation)},"
        f" function: {quoted(function_text(beat.conversation.protocol, beat.function))}"
    )
    return text if beat.unit == NO_CODE else f"{text}, unit: {beat.unit}"


def _seconds(nanoseconds: int) -> str:
    """Seconds with as many digits as mean something."""
    seconds = nanoseconds / 1e9
    return f"{seconds:.6g}" if seconds < 1000 else f"{seconds:.0f}"


def _lines(baseline: Baseline) -> Iterator[str]:
    if baseline.rhythms:
        yield "rhythms:"
    for beat in sorted(baseline.rhythms, key=_order):
        rhythm = baseline.rhythms[beat]
        timed = ""
        if rhythm.intervals:
            timed = (
                f" every: {_seconds(rhythm.every_ns)}, low: {_seconds(rhythm.low_ns)},"
                f" high: {_seconds(rhythm.high_ns)}, regular: {rhythm.regular:g},"
            )
        yield (
            f"- {{{which(beat)},{timed} intervals: {rhythm.intervals},"
            f" silence: {_seconds(rhythm.silence_ns)}, steady: {str(rhythm.steady).lower()},"
            f" per_10s: {rhythm.per_ten}, per_minute: {rhythm.per_minute}, minutes: {rhythm.minutes}}}"
        )


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    for item in reader.list(node, "rhythms", MOST_RHYTHMS):
        parts = reader.record(item, "a rhythm", (*_WHICH, *_HOW), ("unit", *_TIMED))
        beat = Beat(
            reader.conversation(parts),
            reader.word(parts["kind"], "kind", _KINDS),
            reader.operation(parts["operation"]),
            reader.function(parts["function"]),
            reader.integer(parts["unit"], "unit") if "unit" in parts else NO_CODE,
        )
        if beat in baseline.rhythms:
            reader.fail(item, "the rhythm of this function stands twice")
        intervals = _count(reader, parts["intervals"], "intervals")
        for name in _TIMED if intervals else ():
            if name not in parts:
                reader.fail(item, f"a rhythm with intervals lacks {name!r}")
        every, low, high = (
            _time(reader, parts[name], name) if name in parts else 0 for name in ("every", "low", "high")
        )
        if not low <= every <= high:
            reader.fail(item, "`low`, `every` and `high` must not decrease")
        regular = reader.real(parts["regular"], "regular") if "regular" in parts else 0.0
        if not 0 <= regular <= 1:
            reader.fail(parts["regular"], "regular must lie between 0 and 1")
        baseline.rhythms[beat] = Rhythm(
            intervals,
            every,
            low,
            high,
            regular,
            _time(reader, parts["silence"], "silence"),
            reader.word(parts["steady"], "steady", {"false": 0, "true": 1}) == 1,
            _count(reader, parts["per_10s"], "per_10s"),
            _count(reader, parts["per_minute"], "per_minute"),
            _count(reader, parts["minutes"], "minutes"),
        )


def _count(reader: Reader, node: yaml.Node, what: str) -> int:
    return max(0, reader.integer(node, what))


def _time(reader: Reader, node: yaml.Node, what: str) -> int:
    seconds = reader.real(node, what)
    if not 0 <= seconds <= _MOST_SECONDS:
        reader.fail(node, f"{what} must be a time in seconds, from 0 to {_MOST_SECONDS:.0f}")
    return round(seconds * 1e9)


def _only_in(mine: Baseline, theirs: Baseline) -> Iterator[Difference]:
    for beat in sorted(mine.rhythms, key=_order):
        if beat.conversation not in theirs.conversations:
            continue  # told as a conversation
        rhythm, known = mine.rhythms[beat], theirs.rhythms.get(beat)
        if known is not None and _alike(rhythm, known):
            continue
        how = f"every {_seconds(rhythm.every_ns)} s, " if rhythm.is_periodic else ""
        function = function_text(beat.conversation.protocol, beat.function)
        yield Difference(
            "rhythm",
            f"{beat.conversation}: {operation_name(beat.operation)}, {function}:"
            f" {how}at most {rhythm.per_minute} a minute",
        )


def _alike(one: Rhythm, other: Rhythm) -> bool:
    if one.is_periodic != other.is_periodic:
        return False
    if one.is_periodic and not 1 / _SAME <= one.every_ns / max(other.every_ns, 1) <= _SAME:
        return False
    return one.per_minute <= other.per_minute * _SAME + 20


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    result.rhythms.update(first.rhythms)
    for beat, rhythm in second.rhythms.items():
        known = first.rhythms.get(beat)
        if known is not None:
            result.rhythms[beat] = joined(known, rhythm)
        elif len(result.rhythms) < MOST_RHYTHMS:
            result.rhythms[beat] = rhythm


RHYTHMS = Section("rhythms", False, _lines, _read, _only_in, _merge)
