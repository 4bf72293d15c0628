"""What people decided about single entries: that they are accepted for a time, or not known any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rules.baseline.entries import FEWEST_DIGITS, Entry, entries
from rules.baseline.model import INTERNET, Baseline
from rules.baseline.ranges import Ranges, insert, without

MOST_DECISIONS = 4096
FOREVER = (1 << 63) - 1


class Decision(NamedTuple):
    """One decision. Times in nanoseconds since 1970; `until_ns` is the first at which it is void."""

    accepts: bool
    entry: Entry
    by: str
    at_ns: int
    until_ns: int
    reason: str
    first_ns: int = 0
    """Of a withheld operation that was accepted: when it was seen, so that it can be withheld again."""

    def holds(self, now_ns: int) -> bool:
        """Whether it counts at this packet time."""
        return now_ns < self.until_ns


class NotFound(ValueError):
    """No entry, or more than one, has this id; the text says so."""


def find(ids: Iterable[tuple[str, Entry]], wanted: str) -> Entry:
    """The entry whose id is, or begins with, what somebody typed. Raises NotFound."""
    wanted = wanted.strip().lower()
    if len(wanted) < FEWEST_DIGITS:
        raise NotFound(f"{wanted!r} is too short: give at least {FEWEST_DIGITS} digits of an id")
    found = {identifier: entry for identifier, entry in ids if identifier.startswith(wanted)}
    if not found:
        raise NotFound(f"no entry has the id {wanted!r}")
    if len(found) > 1:
        raise NotFound(f"{wanted!r} begins {len(found)} ids: {', '.join(sorted(found)[:4])}; give more of it")
    return next(iter(found.values()))


def decide(baseline: Baseline, decision: Decision) -> None:
    """Note a decision, in place of an earlier one about the same entry, and carry it out.

    What is accepted stays among the decisions, so that it can end; an operation that was withheld is
    not withheld any more. What is forgotten is taken out, with all below it.
    """
    entry = decision.entry
    if decision.accepts:
        for key, known in list(baseline.withheld.items()):
            if entry.covers(Entry(conversation=key[0], operation=key[1], function=key[2])):
                decision = decision._replace(
                    first_ns=min(known.first_ns, decision.first_ns or known.first_ns)
                )
                del baseline.withheld[key]
    baseline.decisions[entry.id] = decision
    if not decision.accepts:
        take_out(baseline, [entry])


def forgotten(baseline: Baseline) -> list[Entry]:
    """Entries that must not be learned."""
    return [decision.entry for decision in baseline.decisions.values() if not decision.accepts]


def accepted(baseline: Baseline, now_ns: int) -> list[Entry]:
    """Entries that are accepted at this packet time."""
    return [
        decision.entry
        for decision in baseline.decisions.values()
        if decision.accepts and decision.holds(now_ns)
    ]


def ends(baseline: Baseline) -> list[int]:
    """The packet times at which decisions become void, in order."""
    return sorted({item.until_ns for item in baseline.decisions.values()} - {FOREVER})


def take_out(baseline: Baseline, gone: Iterable[Entry]) -> None:
    """Remove these entries, with all below them."""
    gone = list(gone)
    if not gone:
        return
    for entry in gone:
        if entry.asset is not None:
            baseline.assets.discard(entry.asset)
        elif entry.what == "object":
            _take_out_span(baseline, entry)
    for known, withheld in list(entries(baseline)):
        if withheld or known.asset is not None or not any(entry.covers(known) for entry in gone):
            continue
        if known.point is not None:
            baseline.values.pop(known.point, None)
        elif known.beat is not None:
            baseline.rhythms.pop(known.beat, None)
        elif known.conversation is not None:
            _take_out(baseline, known)


def _take_out(baseline: Baseline, known: Entry) -> None:
    assert known.conversation is not None
    operations = baseline.conversations.get(known.conversation, {})
    if known.operation is None:
        baseline.conversations.pop(known.conversation, None)
    elif known.function is None:
        operations.pop(known.operation, None)
    elif known.place is None:
        operations.get(known.operation, {}).pop(known.function, None)


def _take_out_span(baseline: Baseline, entry: Entry) -> None:
    assert entry.conversation is not None
    assert entry.operation is not None
    assert entry.function is not None
    assert entry.place is not None
    functions = baseline.conversations.get(entry.conversation, {}).get(entry.operation, {})
    objects = functions.get(entry.function, {})
    if entry.place in objects:
        rest: Ranges = without(objects[entry.place], [entry.span])
        if rest:
            objects[entry.place] = rest
        else:
            del objects[entry.place]


def picked(baseline: Baseline, chosen: Iterable[Entry]) -> Baseline:
    """A baseline of those entries alone that are among the chosen or below them."""
    chosen = list(chosen)
    result = Baseline(learned=list(baseline.learned))
    for entry, withheld in entries(baseline):
        if not any(item.covers(entry) for item in chosen):
            continue
        if withheld:
            key = next(item for item in baseline.withheld if Entry(None, *item) == entry)
            result.withheld[key] = baseline.withheld[key]
        elif entry.asset is not None:
            result.assets.add(entry.asset)
        elif entry.point is not None:
            result.values[entry.point] = baseline.values[entry.point]
        elif entry.beat is not None:
            result.rhythms[entry.beat] = baseline.rhythms[entry.beat]
        elif entry.conversation is not None:
            _put(result, entry)
    return result


def _put(baseline: Baseline, entry: Entry) -> None:
    assert entry.conversation is not None
    baseline.assets |= {entry.conversation.client, entry.conversation.server} - {INTERNET}
    operations = baseline.conversations.setdefault(entry.conversation, {})
    if entry.operation is not None:
        functions = operations.setdefault(entry.operation, {})
        if entry.function is not None:
            objects = functions.setdefault(entry.function, {})
            if entry.place is not None:
                insert(objects.setdefault(entry.place, []), *entry.span)


def can_be_accepted(entry: Entry) -> str:
    """Why an entry cannot be accepted; empty where it can."""
    if entry.beat is not None:
        return "a rhythm is not accepted but forgotten and learned again"
    if entry.point is not None and entry.value is None:
        return "a point is known already; what is accepted is a value of it, as an alert names it"
    return ""
