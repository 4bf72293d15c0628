"""How a baseline spells things: YAML scalars, operations, functions, object spaces, places."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache

from rules.baseline.model import Conversation, Function, Place, Withheld
from rules.baseline.ranges import Ranges, as_text
from rules.documents import timestamp
from sensor.messages import NO_CODE, Operation
from sensor.protocols.protocol import Protocol
from sensor.protocols.registry import PROTOCOLS

NO_FUNCTION = "none"

_WORDS = r"[A-Za-z][A-Za-z0-9_]*(?:[ ./-][A-Za-z0-9_]+)*"
_PLAIN = re.compile(rf"(?:[0-9]+(?:/[0-9]+)? )?{_WORDS}|[0-9]+(?:\.[0-9]+){{3}}")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


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


def withheld_text(entry: Withheld) -> str:
    """When it was seen first, between whom, and what it was."""
    what = f"{operation_name(entry.operation)}, {function_text(entry.conversation.protocol, entry.function)}"
    return f"{timestamp(entry.first_ns)} {entry.conversation}: {what}"


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


def place_parts(protocol: int, place: Place) -> list[str]:
    """What of a place is there: `unit: 1`, `space: holding_register`, `name: "…"`."""
    parts = []
    if place.unit != NO_CODE:
        parts.append(f"unit: {place.unit}")
    if place.space != NO_CODE:
        parts.append(f"space: {quoted(space_text(protocol, place.space))}")
    if place.name:
        parts.append(f"name: {quoted(place.name)}")
    return parts


def place_text(protocol: int, place: Place, ranges: Ranges) -> str:
    """One flow map: `{unit: 1, space: holding_register, at: "0-9"}`."""
    parts = place_parts(protocol, place)
    if ranges != [(NO_CODE, NO_CODE)]:
        parts.append(f'at: "{as_text(ranges)}"')
    return "{" + ", ".join(parts) + "}"


def conversation_parts(conversation: Conversation) -> str:
    """`client: …, server: …, service: …`, inside of a flow map."""
    return (
        f"client: {quoted(conversation.client)}, server: {quoted(conversation.server)},"
        f" service: {quoted(conversation.service)}"
    )
