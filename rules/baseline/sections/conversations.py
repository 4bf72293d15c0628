"""`conversations`: who speaks to whom, and what they do to which objects."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.learning import MOST_CONVERSATIONS, MOST_RANGES
from rules.baseline.model import (
    Baseline,
    Conversation,
    Function,
    Functions,
    Objects,
    Operations,
    in_order,
)
from rules.baseline.nodes import Reader
from rules.baseline.ranges import from_text, joined, without
from rules.baseline.sections.section import Difference, Section
from rules.baseline.words import function_text, operation_name, place_text, quoted
from sensor.messages import NO_CODE


def _lines(baseline: Baseline) -> Iterator[str]:
    yield "conversations:" if baseline.conversations else "conversations: []"
    for conversation in sorted(baseline.conversations, key=in_order):
        yield f"- client: {quoted(conversation.client)}"
        yield f"  server: {quoted(conversation.server)}"
        yield f"  service: {quoted(conversation.service)}"
        yield from _operation_lines(conversation, baseline.conversations[conversation])


def _operation_lines(conversation: Conversation, operations: Operations) -> Iterator[str]:
    if operations:
        yield "  operations:"
    for operation in sorted(operations, key=operation_name):
        functions = operations[operation]
        yield f"    {operation_name(operation)}:" if functions else f"    {operation_name(operation)}: {{}}"
        for function, objects in sorted(functions.items()):
            key = quoted(function_text(conversation.protocol, function))
            yield f"      {key}:" if objects else f"      {key}: []"
            for place, ranges in sorted(objects.items()):
                yield f"      - {place_text(conversation.protocol, place, ranges)}"


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    ranges = 0
    for item in reader.list(node, "conversations", MOST_CONVERSATIONS):
        parts = reader.record(item, "a conversation", ("client", "server", "service"), ("operations",))
        conversation = reader.conversation(parts)
        if conversation in baseline.conversations:
            reader.fail(item, f"the conversation {conversation} stands twice")
        operations: Operations = {}
        if "operations" in parts:
            for name, (key, value) in reader.map(parts["operations"], "operations").items():
                functions = operations[reader.operation(key)] = {}
                for key, listed in reader.map(value, f"operation {name}").values():
                    function = reader.function(key)
                    if function in functions:
                        reader.fail(key, "this function stands twice")
                    functions[function], ranges = _objects(reader, listed, conversation.protocol, ranges)
        baseline.conversations[conversation] = operations


def _objects(reader: Reader, node: yaml.Node, protocol: int, before: int) -> tuple[Objects, int]:
    """The objects of a function, and how many ranges of addresses there are with those before."""
    objects: Objects = {}
    for item in reader.list(node, "objects", MOST_RANGES):
        parts = reader.record(item, "an object", (), ("unit", "space", "name", "at"))
        place = reader.place(parts, protocol)
        ranges = [(NO_CODE, NO_CODE)]
        if "at" in parts:
            try:
                ranges = from_text(reader.text(parts["at"], "at"))
            except ValueError as error:
                reader.fail(parts["at"], str(error))
        before += len(ranges)
        if before > MOST_RANGES:
            reader.fail(item, f"more than {MOST_RANGES} ranges of addresses")
        if place in objects:
            reader.fail(item, "an object with this unit, space and name stands twice; join their `at`")
        objects[place] = ranges
    return objects, before


def _only_in(mine: Baseline, theirs: Baseline) -> Iterator[Difference]:
    for conversation in sorted(mine.conversations, key=in_order):
        known = theirs.conversations.get(conversation)
        if known is None:
            yield Difference("conversation", str(conversation))
        else:
            yield from _operations_only_in(conversation, mine.conversations[conversation], known)


def _operations_only_in(
    conversation: Conversation, mine: Operations, theirs: Operations
) -> Iterator[Difference]:
    for operation in sorted(mine, key=operation_name):
        text = f"{conversation}: {operation_name(operation)}"
        if operation not in theirs:
            yield Difference("operation", text)
        else:
            yield from _functions_only_in(conversation.protocol, text, mine[operation], theirs[operation])


def _functions_only_in(protocol: int, text: str, mine: Functions, theirs: Functions) -> Iterator[Difference]:
    for function in sorted(mine):
        line = f"{text}, {function_text(protocol, function)}"
        if function not in theirs:
            yield Difference("function", line)
        else:
            yield from _objects_only_in(protocol, line, mine[function], theirs[function])


def _objects_only_in(protocol: int, text: str, mine: Objects, theirs: Objects) -> Iterator[Difference]:
    for place in sorted(mine):
        rest = without(mine[place], theirs.get(place, []))
        if rest:
            yield Difference("object", f"{text} {place_text(protocol, place, rest)}")


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    for baseline in (first, second):
        for conversation, operations in baseline.conversations.items():
            known = result.conversations.setdefault(conversation, {})
            for operation, functions in operations.items():
                mine = known.setdefault(operation, {})
                for function, objects in functions.items():
                    _take(mine, function, objects)


def _take(functions: Functions, function: Function, objects: Objects) -> None:
    mine = functions.setdefault(function, {})
    for place, ranges in objects.items():
        mine[place] = joined([*mine.get(place, []), *ranges])


CONVERSATIONS = Section("conversations", True, _lines, _read, _only_in, _merge)
