"""The Python side: what an object is called, and what device attributes say of an outstation."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.messages import NO_CODE, ValueKind
from sensor.protocols.dnp3 import groups
from sensor.protocols.dnp3.fields import ATTRIBUTES, CONTROL_OPERATIONS, TRIP_CLOSE
from sensor.protocols.protocol import Fact, Record

_BLOCK_VARIATIONS = (1, 2)
_FACT_OF_ATTRIBUTE = {
    252: "vendor",
    250: "model",
    248: "serial",
    242: "firmware",
    247: "name",
    245: "location",
}


def control_text(code: int) -> str:
    """A control code in words: `trip pulse_on`, `latch_off clear`."""
    words = [] if code >> 6 == 0 else [TRIP_CLOSE[code >> 6]]
    words.append(CONTROL_OPERATIONS.get(code & 0x0F, f"operation {code & 0x0F}"))
    return " ".join(words + ["clear"] * (code >> 5 & 1))


def describe(record: Record) -> str:
    """`analog_input 0-9`, `binary_output_command 5 trip pulse_on`, `class 1`, `file <name>`."""
    row = record.message
    group, variation = int(row["space"]), int(row["subfunction"])
    if row["function"] == NO_CODE or group < 0:
        return ""
    space = groups.SPACES.get(group, f"group {group}")
    address, count = int(row["address"]), int(row["count"])
    if group == groups.ATTRIBUTES:
        return f"{space} {ATTRIBUTES.get(variation, variation)}"
    if group == groups.CLASSES:
        return f"{space} {variation - 1}"
    if group == groups.FILES:
        return f"{space} {record.name}" if record.name else space
    text = space
    if address >= 0:
        text += f" {address}" if count <= 1 else f" {address}-{address + count - 1}"
    elif count > 1:
        text += f" ({count} points)"
    if (
        group == groups.BINARY_COMMAND
        and variation in _BLOCK_VARIATIONS
        and row["value_kind"] == ValueKind.DISCRETE
    ):
        text += f" {control_text(int(row['value']))}"
    return text


def facts(record: Record) -> Iterator[Fact]:
    """Vendor, model, serial number, firmware, name and location from the standard attribute set."""
    row = record.message
    field = _FACT_OF_ATTRIBUTE.get(int(row["subfunction"]))
    if row["space"] != groups.ATTRIBUTES or row["address"] > 0 or field is None:
        return
    for value in record.details.get("dnp3.attribute_value", [])[:1]:
        if value.strip():
            yield record.fact(field, value, confidence=0.95)
