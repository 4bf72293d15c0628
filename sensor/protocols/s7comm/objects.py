"""S7comm for the Python side: objects as an S7 engineer writes them, and what devices say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.protocols.protocol import Fact, Record
from sensor.protocols.s7comm import codes, names

_LETTERS = {
    codes.INPUT: "I",
    codes.OUTPUT: "Q",
    codes.FLAG: "M",
    codes.PERIPHERAL: "PI",
    codes.LOCAL: "L",
    codes.PREVIOUS_LOCAL: "V",
    codes.ANALOG_INPUT: "AI",
    codes.ANALOG_OUTPUT: "AQ",
    codes.SYSTEM_INFO: "SI",
    codes.SYSTEM_FLAGS: "SM",
}
_NUMBERED = {codes.COUNTER: "C", codes.TIMER: "T", codes.IEC_COUNTER: "C", codes.IEC_TIMER: "T"}
_WIDTHS = {
    codes.BIT: "X",
    codes.BYTE: "B",
    codes.CHAR: "B",
    codes.WORD: "W",
    codes.INT: "W",
    codes.DATE: "W",
    codes.S5TIME: "W",
    codes.DWORD: "D",
    codes.DINT: "D",
    codes.REAL: "D",
    codes.TIME: "D",
    codes.TIME_OF_DAY: "D",
}
_NCK_AREAS = "NBCATVMM"
_SIEMENS = 0x002A


def variable_text(space: int, address: int, count: int) -> str:
    """`DB10.DBX4.0`, `M20.1`, `DB5.DBW2 x 4`, `T5`; from the packing that `codes` describes."""
    area, size = space & 0xFF, space >> codes.SIZE_SHIFT
    db, place = address >> codes.DB_SHIFT, address & 0xFFFFFF
    times = f" x {count}" if count > 1 else ""
    if area in _NUMBERED:
        return f"{_NUMBERED[area]}{place}{times}"
    width = _WIDTHS.get(size, "B")
    where = f"{place >> 3}.{place & 7}" if size == codes.BIT else str(place >> 3)
    if area in (codes.DB, codes.INSTANCE_DB):
        letters = "DB" if area == codes.DB else "DI"
        return f"{letters}{db}.{letters}{width}{where}{times}"
    letter = _LETTERS.get(area, f"area {area:#04x} ")
    # A bit of inputs, outputs and flags is written without X: M20.1.
    return f"{letter}{'' if size == codes.BIT else width}{where}{times}"


def _other_text(area: int, address: int, record: Record) -> str:
    if area == codes.BLOCK:
        kind, number = address >> 32, address & 0xFFFFFFFF
        letters = names.BLOCK_TYPES.get(kind, f"block type {kind} ")
        # Group 3 also asks for all blocks of a type: then there is no number.
        of_type = int(record.message["subfunction"]) == 2 and int(record.message["function"]) == 0x103
        return letters if of_type else f"{letters}{number}"
    if area == codes.SZL:
        title = names.SZL_LISTS.get(address >> 16 & 0xFF, "")
        return f"SZL {address >> 16:04X} index {address & 0xFFFF:04X} {title}".rstrip()
    if area == codes.NCK:
        nck, unit = address >> 45 & 7, address >> 40 & 0x1F
        column, line, module = address >> 24 & 0xFFFF, address >> 8 & 0xFFFF, address & 0xFF
        return f"NCK {_NCK_AREAS[nck]}{unit} module {module:02X} column {column} line {line}"
    if area == codes.SYMBOL:
        where, checksum = address >> 32, address & 0xFFFFFFFF
        return f"symbol {checksum:08X}" + (f" of area {where:04X}" if where else "")
    if area == codes.DRIVE:
        return f"drive {address >> 32} p{address >> 16 & 0xFFFF}[{address & 0xFFFF}]"
    return f"event {address:08X}" if area == codes.ALARM_EVENT else ""


def describe(record: Record) -> str:
    """The variable, block, list, event or service that a row names."""
    space, address = int(record.message["space"]), int(record.message["address"])
    if space < 0 or address < 0:
        return record.name
    area = space & 0xFF
    if codes.NCK <= area <= codes.OTHER_SYNTAX:
        return _other_text(area, address, record) or record.name
    return variable_text(space, address, int(record.message["count"]))


def describe_connection(record: Record) -> str:
    """`rack 0 slot 2`, or the called TSAP's text."""
    address = int(record.message["address"])
    if address >= 0 and int(record.message["space"]) > 0:
        return f"rack {address >> 5 & 7} slot {address & 0x1F}"
    if address >= 0:
        return f"TSAP {address:04X}"
    return record.name.replace("\0", "") if record.name.isprintable() else ""


def _version(value: int) -> str:
    """Firmware as printed on the module: "V" and three numbers, from SZL 11's two version words."""
    letter = value >> 24 & 0xFF
    if letter != ord("V"):
        return ""
    return f"V{value >> 16 & 0xFF}.{value >> 8 & 0xFF}.{value & 0xFF}"


def _text(value: Any) -> str:
    """Text up to the first NUL, without what no name contains."""
    text: str = str(value).split("\0", 1)[0].strip()
    return text if text.isprintable() else ""


def _module_facts(record: Record) -> Iterator[Fact]:
    """SZL 11: order number (1: of the module), firmware (7: basic firmware)."""
    details = record.details
    for index, order, version in zip(
        details.get("s7comm.module_index", []),
        details.get("s7comm.order_number", []),
        details.get("s7comm.module_version", []),
        strict=False,
    ):
        if index == 1 and _text(order):
            yield record.fact("model", _text(order), confidence=0.95)
            if _text(order).startswith(("6ES7", "6GK", "6AV", "6AG", "6SL", "6FC", "6AU", "6RA")):
                yield record.fact("vendor", "Siemens AG", confidence=0.95)
        if index == 7 and _version(version):
            yield record.fact("firmware", _version(version), confidence=0.95)


_COMPONENTS = {
    1: "name",
    2: "module_name",
    3: "plant_name",
    5: "serial",
    7: "type",
    8: "memory_card_serial",
    11: "location",
}
"""Index of a record of SZL 1C to the field that it proves."""


def _component_facts(record: Record) -> Iterator[Fact]:
    """SZL 1C: names of station, module and plant, serial number, type, location."""
    details = record.details
    indices = details.get("s7comm.component_index", [])
    for index, value in zip(indices, details.get("s7comm.component_name", []), strict=False):
        text = _text(value)
        if index & 0xFF in _COMPONENTS and text:
            yield record.fact(_COMPONENTS[index & 0xFF], text, confidence=0.95)
            if index & 0xFF == 7 and text.startswith("CPU"):
                yield record.fact("role", "plc", confidence=0.95)
    if details.get("s7comm.manufacturer_id") == _SIEMENS:
        yield record.fact("vendor", "Siemens AG", confidence=0.95)


def facts(record: Record) -> Iterator[Fact]:
    """Model, firmware, serial number, names and addresses from SZL 11, 1C and 37."""
    yield from _module_facts(record)
    yield from _component_facts(record)
    for address in record.details.get("s7comm.mac", []):
        if any(address):
            yield record.fact("mac", ":".join(f"{octet:02x}" for octet in address))
    for address in record.details.get("s7comm.ip", []):
        if any(address):
            yield record.fact("ip", ".".join(str(octet) for octet in address))
