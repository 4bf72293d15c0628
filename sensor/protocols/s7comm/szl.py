"""System status lists (SZL): who a module is, which state it is in.

SIMATIC "System Software for S7-300/400, System and Standard Functions", chapter on SZL partial
lists. The low octet of an SZL id is the partial list, the others select an extract of it.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import inner
from sensor.messages import (
    IDENTITY,
    Operation,
    Out,
    ValueKind,
    add_bytes,
    add_integer,
    add_text,
    wants_details,
)
from sensor.octets import be16, be32, u8
from sensor.protocols.s7comm import fields
from sensor.protocols.s7comm.codes import SZL
from sensor.types import Bytes, Int

MODULES, COMPONENTS, MODES, COMMUNICATION_STATUS, ETHERNET = 0x11, 0x1C, 0x24, 0x32, 0x37
HEADER = 8
"""SZL id, index, octets of a record, number of records: two octets each."""
_HEADER_ONLY = 0x0F
"""This extract of any list answers without records."""


@inner
def operation_of(szl: Int) -> Int:
    """IDENTIFY for lists that say who a module is, DIAGNOSE for the others."""
    partial = szl & 0xFF
    identifies = partial == MODULES or partial == COMPONENTS or partial == ETHERNET
    return np.int64(Operation.IDENTIFY if identifies else Operation.DIAGNOSE)


@inner
def name_list(szl: Int, place: Int, out: Out, index: Int) -> None:
    """The list as the row's object: `address` is SZL id << 16 | index."""
    row = out.messages[index]
    row["space"] = SZL
    row["address"] = szl << 16 | place
    row["operation"] = operation_of(szl)


@inner
def add_list_details(szl: Int, place: Int, out: Out, index: Int) -> None:
    """SZL id, list and index as details, where they are wanted."""
    if wants_details(out, index):
        add_integer(out, index, fields.SZL_ID, szl)
        add_integer(out, index, fields.SZL_LIST, szl & 0xFF)
        add_integer(out, index, fields.SZL_INDEX, place)


@inner
def _identity_record(data: Bytes, at: Int, length: Int, partial: Int, out: Out, index: Int) -> None:
    """A record of list 11 (index, order number, class, versions), 1C (index, text) or 37 (addresses)."""
    if partial == MODULES and length >= 28:
        add_integer(out, index, fields.MODULE_INDEX, be16(data, at))
        add_text(out, index, fields.ORDER_NUMBER, at + 2, 20)
        add_integer(out, index, fields.MODULE_VERSION, be32(data, at + 24))
    elif partial == COMPONENTS and length >= 34:
        add_integer(out, index, fields.COMPONENT_INDEX, be16(data, at))
        if be16(data, at) == 9:
            add_text(out, index, fields.COMPONENT_NAME, at + 2, 0)
            add_integer(out, index, fields.MANUFACTURER, be16(data, at + 2))
        else:
            add_text(out, index, fields.COMPONENT_NAME, at + 2, 32)
    elif partial == ETHERNET and length >= 20:
        add_bytes(out, index, fields.IP, at + 2, 4)
        add_bytes(out, index, fields.MAC, at + 14, 6)


@inner
def _state_record(data: Bytes, at: Int, length: Int, szl: Int, place: Int, out: Out, index: Int) -> None:
    """What a controller does now (list 24) or allows (list 32, index 4: protection level)."""
    row = out.messages[index]
    if szl & 0xFF == MODES and length >= 4:
        state = u8(data, at + 3) & 0x0F
        row["value_kind"], row["value"] = ValueKind.DISCRETE, state
        if wants_details(out, index):
            add_integer(out, index, fields.OPERATING_STATE, state)
    elif szl & 0xFF == COMMUNICATION_STATUS and place == 4 and length >= 10:
        row["value_kind"], row["value"] = ValueKind.DISCRETE, be16(data, at + 6)
        if wants_details(out, index):
            add_integer(out, index, fields.PROTECTION_LEVEL, be16(data, at + 6))
            add_integer(out, index, fields.MODE_SELECTOR, be16(data, at + 8))


@inner
def decode_list(data: Bytes, at: Int, end: Int, whole: bool, out: Out, index: Int) -> bool:
    """Fill the row from a list; whether it is well-formed. Records are read where it is `whole`."""
    if at + HEADER > end:
        return at + 4 <= end
    szl, place, length, count = be16(data, at), be16(data, at + 2), be16(data, at + 4), be16(data, at + 6)
    name_list(szl, place, out, index)
    row = out.messages[index]
    row["count"] = count
    identifies = row["operation"] == Operation.IDENTIFY and whole and count > 0
    if identifies:
        row["flags"] |= IDENTITY
    add_list_details(szl, place, out, index)
    if wants_details(out, index):
        add_integer(out, index, fields.SZL_RECORDS, count)
    if not whole or (szl >> 8) & 0x0F == _HEADER_ONLY:
        return True
    at += HEADER
    if length == 0:
        return count == 0 or at == end
    held = min(count, (end - at) // length)
    if identifies:
        for record in range(held):
            _identity_record(data, at + record * length, length, szl & 0xFF, out, index)
    elif held > 0:
        _state_record(data, at, length, szl, place, out, index)
    if wants_details(out, index) and not identifies:
        add_bytes(out, index, fields.DATA, at, end - at)
    return at + length * count == end
