"""`withheld`: dangerous operations that were seen while learning and not learned."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.learning import MOST_WITHHELD
from rules.baseline.model import Baseline, Withheld, in_order
from rules.baseline.nodes import Reader
from rules.baseline.sections.section import Section, no_difference
from rules.baseline.words import conversation_parts, function_text, operation_name, quoted
from rules.documents import timestamp

_PARTS = ("client", "server", "service", "operation", "function", "first")


def _lines(baseline: Baseline) -> Iterator[str]:
    yield "withheld:" if baseline.withheld else "withheld: []"
    for entry in sorted(baseline.withheld.values(), key=lambda entry: (in_order(entry[0]), entry[1:])):
        conversation = entry.conversation
        yield (
            f"- {{{conversation_parts(conversation)}, operation: {operation_name(entry.operation)},"
            f" function: {quoted(function_text(conversation.protocol, entry.function))},"
            f' first: "{timestamp(entry.first_ns)}"}}'
        )


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    for item in reader.list(node, "withheld", MOST_WITHHELD):
        parts = reader.record(item, "a withheld operation", _PARTS)
        entry = Withheld(
            reader.conversation(parts),
            reader.operation(parts["operation"]),
            reader.function(parts["function"]),
            reader.time(parts["first"], "first"),
        )
        baseline.withheld[entry[:3]] = entry


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    for key, entry in (second.withheld | first.withheld).items():
        if entry.operation not in result.conversations.get(entry.conversation, {}):
            result.withheld[key] = entry


WITHHELD = Section("withheld", False, _lines, _read, no_difference, _merge)
