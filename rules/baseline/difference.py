"""How two baselines differ, and what both know together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rules.baseline.document import function_text, operation_name, place_text
from rules.baseline.model import (
    Baseline,
    Conversation,
    Function,
    Functions,
    Level,
    Objects,
    Operations,
    address_order,
    in_order,
)
from rules.baseline.ranges import joined, without


class Difference(NamedTuple):
    """Something that one baseline has and the other has not, told at the topmost level only."""

    level: Level
    text: str


def only_in(baseline: Baseline, other: Baseline) -> list[Difference]:
    """What `baseline` knows and `other` does not, in the order of the file."""
    found = [
        Difference(Level.ASSET, asset) for asset in sorted(baseline.assets - other.assets, key=address_order)
    ]
    for conversation in sorted(baseline.conversations, key=in_order):
        mine = baseline.conversations[conversation]
        theirs = other.conversations.get(conversation)
        if theirs is None:
            found.append(Difference(Level.CONVERSATION, str(conversation)))
        else:
            found.extend(_operations_only_in(conversation, mine, theirs))
    return found


def _operations_only_in(
    conversation: Conversation, mine: Operations, theirs: Operations
) -> Iterator[Difference]:
    for operation in sorted(mine, key=operation_name):
        text = f"{conversation}: {operation_name(operation)}"
        if operation not in theirs:
            yield Difference(Level.OPERATION, text)
        else:
            yield from _functions_only_in(conversation.protocol, text, mine[operation], theirs[operation])


def _functions_only_in(protocol: int, text: str, mine: Functions, theirs: Functions) -> Iterator[Difference]:
    for function in sorted(mine):
        line = f"{text}, {function_text(protocol, function)}"
        if function not in theirs:
            yield Difference(Level.FUNCTION, line)
        else:
            yield from _objects_only_in(protocol, line, mine[function], theirs[function])


def _objects_only_in(protocol: int, text: str, mine: Objects, theirs: Objects) -> Iterator[Difference]:
    for place in sorted(mine):
        rest = without(mine[place], theirs.get(place, []))
        if rest:
            yield Difference(Level.OBJECT, f"{text} {place_text(protocol, place, rest)}")


def merged(first: Baseline, second: Baseline) -> Baseline:
    """A new baseline that knows what either knows.

    An operation that one withheld and the other learned counts as accepted.
    """
    result = Baseline(first.assets | second.assets)
    for baseline in (first, second):
        result.learned += [note for note in baseline.learned if note not in result.learned]
        for conversation, operations in baseline.conversations.items():
            known = result.conversations.setdefault(conversation, {})
            for operation, functions in operations.items():
                for function, objects in functions.items():
                    _take(known, operation, function, objects)
    for key, entry in (second.withheld | first.withheld).items():
        if entry.operation not in result.conversations.get(entry.conversation, {}):
            result.withheld[key] = entry
    return result


def _take(known: Operations, operation: int, function: Function, objects: Objects) -> None:
    mine = known.setdefault(operation, {}).setdefault(function, {})
    for place, ranges in objects.items():
        mine[place] = joined([*mine.get(place, []), *ranges])
