"""The common vocabulary as people say it, for sentences in English and Chinese."""

from __future__ import annotations

import re

from rules import chinese

PROTOCOLS = {
    "unknown": "unknown protocol",
    "modbus": "Modbus",
    "s7comm": "S7comm",
    "s7comm-plus": "S7comm-plus",
    "enip": "EtherNet/IP",
    "cip-io": "CIP I/O",
    "iec104": "IEC 104",
    "mdns": "mDNS",
    "nbns": "NetBIOS names",
}
"""What protocols are called, where that is not their name in capitals."""
ROLES = {"plc": "PLC", "rtu": "RTU", "ied": "IED", "hmi": "HMI", "scada": "SCADA server"}
"""What roles are called, where that is not their code with blanks."""
_FIELDS = ("ics.operation", "network.protocol", "ics.object", "ics.space", "ics.status", "asset.change")
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def spoken(field: str, value: object, language: str, change: object = None) -> object:
    """A field's value as a sentence needs it: codes of the vocabulary as words, others as they are.

    `change` is the kind of asset change that the sentence is about: of a role, the old and new value
    are codes, too.
    """
    if field.endswith(".role") or (field in ("asset.old", "asset.new") and change == "role"):
        field = "role"
    elif field not in _FIELDS:
        return value
    if isinstance(value, list | tuple):
        return [spoken(field, item, language) for item in value]
    return _word(field, value, language == "zh") if isinstance(value, str) else value


def _word(field: str, value: str, is_chinese: bool) -> str:
    if field == "network.protocol":
        if value == "unknown" and is_chinese:
            return "未知协议"
        return PROTOCOLS.get(value, value.upper())
    if field == "ics.object":
        kind, _, rest = value.partition(" ")
        if kind not in chinese.OBJECTS_ZH:
            return value
        if kind.endswith("command"):
            rest = " ".join(_said(word, chinese.CONTROLS_ZH, is_chinese) for word in rest.split(" "))
        return f"{_said(kind, chinese.OBJECTS_ZH, is_chinese)} {rest}".rstrip()
    if field == "role" and not is_chinese:
        return ROLES.get(value, value.replace("_", " "))
    if field == "ics.status":
        mark = "、" if is_chinese else ", "
        return mark.join(_said(part, chinese.STATUSES_ZH, is_chinese) for part in value.split(", "))
    table = {
        "ics.operation": chinese.OPERATIONS_ZH,
        "ics.space": chinese.OBJECTS_ZH,
        "asset.change": chinese.CHANGES_ZH,
        "role": chinese.ROLES_ZH,
    }[field]
    return _said(value, table, is_chinese)


def _said(code: str, table: dict[str, str], is_chinese: bool) -> str:
    if is_chinese:
        return table.get(code, code)
    return code.replace("_", " ") if _CODE.fullmatch(code) else code
