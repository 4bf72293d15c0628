"""The baseline as a YAML file that people read, compare, merge and keep in git.

Everything has one order and one spelling, one line for each object space of each function, so that
two files of the same plant differ where the plant differs. Codes count, the names beside them are
for the reader.

    fieldwatch_baseline: 1
    learned:
    - {observer: sensor-1, from: "…Z", until: "…Z", behaviours: 12, left_out: 0}
    assets:
    - 10.0.0.5
    conversations:
    - client: 10.0.0.5
      server: 10.0.0.10
      service: modbus tcp/502
      operations:
        read:
          3 Read Holding Registers:
          - {unit: 1, space: holding_register, at: "0-9, 100-109"}
    withheld:
    - {client: 10.0.0.5, server: 10.0.0.10, service: s7comm tcp/102, operation: stop, function: …}
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rules.baseline.model import Baseline, Conversation, Function, Operations, Place, address_order, in_order
from rules.baseline.ranges import Ranges, as_text
from rules.documents import timestamp
from sensor.messages import NO_CODE, Operation
from sensor.protocols.protocol import Protocol
from sensor.protocols.registry import PROTOCOLS

VERSION = 1
NO_FUNCTION = "none"

_WORDS = r"[A-Za-z][A-Za-z0-9_]*(?:[ ./-][A-Za-z0-9_]+)*"
_PLAIN = re.compile(rf"(?:[0-9]+(?:/[0-9]+)? )?{_WORDS}|[0-9]+(?:\.[0-9]+){{3}}")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_HEADER = """\
# What this plant normally does, as learned by Fieldwatch. Edit it, compare it with
# `fieldwatch baseline diff`, keep it in version control. To accept a withheld operation, add it to
# its conversation under `operations`.
"""


def text_of_baseline(baseline: Baseline) -> str:
    """The whole file."""
    return _HEADER + "\n".join(_lines(baseline)) + "\n"


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write the file in one go: readers see the old one or the new one."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text_of_baseline(baseline), encoding="utf-8")
    draft.replace(path)


def quoted(text: str) -> str:
    """`text` as a YAML scalar that is read as text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    written = json.dumps(text, ensure_ascii=False)
    # YAML wants escapes for more characters than JSON does.
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in written)


def operation_name(operation: int) -> str:
    """The vocabulary's word, or the number of a later version's word."""
    return Operation(operation).name.lower() if operation in list(Operation) else str(operation)


def function_text(protocol: int, function: Function) -> str:
    """`3 Read Holding Registers`, `8/1 Restart Communications Option`, `none`."""
    if function == (NO_CODE, NO_CODE):
        return NO_FUNCTION
    code = str(function.code) if function.sub == NO_CODE else f"{function.code}/{function.sub}"
    known = PROTOCOLS.get(protocol)
    name = known.functions.get(function) or known.functions.get((function.code, NO_CODE)) if known else None
    return f"{code} {name}" if name else code


def space_text(protocol: int, space: int) -> str:
    """The protocol's word for an object space, with its number where the word stands for several."""
    known = PROTOCOLS.get(protocol)
    name = known.spaces.get(space) if known else None
    if known is None or name is None:
        return str(space)
    return name if spaces_by_name(known).get(name) == space else f"{name}/{space}"


@cache
def _spaces_by_name(number: int) -> dict[str, int]:
    counts = Counter(PROTOCOLS[number].spaces.values())
    return {name: space for space, name in PROTOCOLS[number].spaces.items() if counts[name] == 1}


def spaces_by_name(protocol: Protocol) -> dict[str, int]:
    """The words that stand for one object space only."""
    return _spaces_by_name(int(protocol.number))


def place_text(protocol: int, place: Place, ranges: Ranges) -> str:
    """One flow map: `{unit: 1, space: holding_register, at: "0-9"}`."""
    parts = []
    if place.unit != NO_CODE:
        parts.append(f"unit: {place.unit}")
    if place.space != NO_CODE:
        parts.append(f"space: {quoted(space_text(protocol, place.space))}")
    if place.name:
        parts.append(f"name: {quoted(place.name)}")
    if ranges != [(NO_CODE, NO_CODE)]:
        parts.append(f'at: "{as_text(ranges)}"')
    return "{" + ", ".join(parts) + "}"


def _lines(baseline: Baseline) -> Iterator[str]:
    yield f"fieldwatch_baseline: {VERSION}"
    yield "learned:" if baseline.learned else "learned: []"
    for note in sorted(baseline.learned, key=lambda note: (note.from_ns, note)):
        yield (
            f'- {{observer: {quoted(note.observer)}, from: "{timestamp(note.from_ns)}",'
            f' until: "{timestamp(note.until_ns)}", behaviours: {note.behaviours},'
            f" left_out: {note.left_out}}}"
        )
    yield "assets:" if baseline.assets else "assets: []"
    for asset in sorted(baseline.assets, key=address_order):
        yield f"- {quoted(asset)}"
    yield "conversations:" if baseline.conversations else "conversations: []"
    for conversation in sorted(baseline.conversations, key=in_order):
        yield f"- client: {quoted(conversation.client)}"
        yield f"  server: {quoted(conversation.server)}"
        yield f"  service: {quoted(conversation.service)}"
        yield from _operation_lines(conversation, baseline.conversations[conversation])
    yield "withheld:" if baseline.withheld else "withheld: []"
    for entry in sorted(baseline.withheld.values(), key=lambda entry: (in_order(entry[0]), entry[1:])):
        conversation = entry.conversation
        yield (
            f"- {{client: {quoted(conversation.client)}, server: {quoted(conversation.server)},"
            f" service: {quoted(conversation.service)}, operation: {operation_name(entry.operation)},"
            f" function: {quoted(function_text(conversation.protocol, entry.function))},"
            f' first: "{timestamp(entry.first_ns)}"}}'
        )


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
