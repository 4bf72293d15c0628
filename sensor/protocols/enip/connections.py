"""Forward Open and Forward Close (CIP volume 1, 3-5.6): which identifiers carry what.

The request says the application path, the response the identifiers; both are needed before a
connected message or an I/O packet can be told from its identifier.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Out, add_integer, wants_details
from sensor.octets import le16, le32, u8
from sensor.protocols.enip import fields
from sensor.protocols.enip.paths import read_path
from sensor.protocols.enip.services import LARGE_FORWARD_OPEN
from sensor.protocols.enip.state import (
    CLOSED,
    INSTANCE,
    NAME_LENGTH,
    OPENED,
    POINT_O2T,
    POINT_T2O,
    SPACE,
    UNIT,
    State,
    drop_connection,
    enter_connection,
    find_connection,
    triple_key,
)
from sensor.strings import intern
from sensor.types import Bytes, Int

_O2T = fields.CIP["cip.o2t_connection_id"]
_T2O = fields.CIP["cip.t2o_connection_id"]
_SERIAL = fields.CIP["cip.connection_serial"]
_VENDOR = fields.CIP["cip.originator_vendor"]
_ORIGINATOR = fields.CIP["cip.originator_serial"]
_MULTIPLIER = fields.CIP["cip.timeout_multiplier"]
_O2T_RPI = fields.CIP["cip.o2t_rpi"]
_T2O_RPI = fields.CIP["cip.t2o_rpi"]
_O2T_SIZE = fields.CIP["cip.o2t_size"]
_T2O_SIZE = fields.CIP["cip.t2o_size"]
_O2T_TYPE = fields.CIP["cip.o2t_type"]
_T2O_TYPE = fields.CIP["cip.t2o_type"]
_TRANSPORT = fields.CIP["cip.transport_class"]
_TRIGGER = fields.CIP["cip.trigger"]

_NO_ROW = np.int64(-1)

IMPLICIT_CLASSES = 2
"""Transport classes below this one carry I/O, class 3 carries explicit messages."""


@kernel
def _add_triple(data: Bytes, at: Int, out: Out, index: Int) -> None:
    add_integer(out, index, _SERIAL, le16(data, at))
    add_integer(out, index, _VENDOR, le16(data, at + 2))
    add_integer(out, index, _ORIGINATOR, le32(data, at + 4))


@kernel
def _triple_at(data: Bytes, at: Int) -> Int:
    return triple_key(le16(data, at), le16(data, at + 2), le32(data, at + 4))


@kernel
def _add_open_details(data: Bytes, at: Int, large: bool, out: Out, index: Int) -> None:
    _add_triple(data, at + 10, out, index)
    wide = np.int64(4 if large else 2)
    add_integer(out, index, _O2T, le32(data, at + 2))
    add_integer(out, index, _T2O, le32(data, at + 6))
    add_integer(out, index, _MULTIPLIER, 4 << min(u8(data, at + 18), 7))
    add_integer(out, index, _O2T_RPI, le32(data, at + 22))
    add_integer(out, index, _T2O_RPI, le32(data, at + 26 + wide))
    to_target = le32(data, at + 26) if large else le16(data, at + 26)
    back = le32(data, at + 34) if large else le16(data, at + 32)
    add_integer(out, index, _O2T_SIZE, to_target & (0xFFFF if large else 0x1FF))
    add_integer(out, index, _T2O_SIZE, back & (0xFFFF if large else 0x1FF))
    add_integer(out, index, _O2T_TYPE, to_target >> (29 if large else 13) & 3)
    add_integer(out, index, _T2O_TYPE, back >> (29 if large else 13) & 3)
    trigger = u8(data, at + 30 + 2 * wide)
    add_integer(out, index, _TRANSPORT, trigger & 0x0F)
    add_integer(out, index, _TRIGGER, trigger >> 4 & 7)


@kernel
def decode_open_request(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> bool:
    """Forward Open or Large Forward Open after the request path; whether it fits.

    The row's unit becomes the slot at the end of the connection path.
    """
    row = out.messages[index]
    large = row["function"] == LARGE_FORWARD_OPEN
    head = np.int64(40 if large else 36)
    if at + head > end or at + head + 2 * u8(data, at + head - 1) > end:
        return False
    details = wants_details(out, index)
    if details:
        _add_open_details(data, at, large, out, index)
    path_end = at + head + 2 * u8(data, at + head - 1)
    good = read_path(data, at + head, path_end, state, out, index if details else _NO_ROW)
    path = state.path
    row["unit"] = path[UNIT]
    entry = enter_connection(state, row["client"], _triple_at(data, at + 10), row["time_ns"])
    opening = state.connections[entry]
    opening["serial"] = le16(data, at + 10)
    opening["space"] = path[SPACE]
    opening["instance"] = path[INSTANCE]
    # A single connection point is produced: nothing flows to the target but a heartbeat.
    opening["instance_o2t"] = path[POINT_O2T] if path[POINT_T2O] >= 0 else -1
    opening["instance_t2o"] = path[POINT_T2O] if path[POINT_T2O] >= 0 else path[POINT_O2T]
    opening["rpi_o2t"] = le32(data, at + 22)
    opening["rpi_t2o"] = le32(data, at + 26 + (4 if large else 2))
    opening["unit"] = path[UNIT]
    opening["transport_class"] = u8(data, at + head - 2) & 0x0F
    if path[NAME_LENGTH] > 0:
        opening["name"] = intern(out.strings, state.text, 0, path[NAME_LENGTH])
    return good


@kernel
def _enter_direction(state: State, opening: Int, sender: Int, key: Int, time_ns: Int, to_target: Int) -> None:
    place = enter_connection(state, sender, key, time_ns)
    if place == opening:
        return
    source = state.connections[opening]
    row = state.connections[place]
    row["serial"] = source["serial"]
    row["space"] = source["space"]
    row["unit"] = source["unit"]
    row["name"] = source["name"]
    row["transport_class"] = source["transport_class"]
    row["to_target"] = to_target
    row["instance"] = source["instance_o2t"] if to_target else source["instance_t2o"]
    row["rpi"] = source["rpi_o2t"] if to_target else source["rpi_t2o"]
    if row["transport_class"] >= IMPLICIT_CLASSES:
        row["instance"] = source["instance"]


@kernel
def decode_open_response(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> bool:
    """A successful Forward Open response: the identifiers come into force; whether it fits."""
    if at + 26 > end or at + 26 + 2 * u8(data, at + 24) > end:
        return False
    row = out.messages[index]
    if wants_details(out, index):
        _add_triple(data, at + 8, out, index)
        add_integer(out, index, _O2T, le32(data, at))
        add_integer(out, index, _T2O, le32(data, at + 4))
        add_integer(out, index, _O2T_RPI, le32(data, at + 16))
        add_integer(out, index, _T2O_RPI, le32(data, at + 20))
    key = _triple_at(data, at + 8)
    opening = find_connection(state, row["client"], key)
    if opening < 0:
        opening = enter_connection(state, row["client"], key, row["time_ns"])
        state.connections[opening]["serial"] = le16(data, at + 8)
    entry = state.connections[opening]
    entry["time_ns"] = row["time_ns"]
    entry["o2t"] = le32(data, at)
    entry["t2o"] = le32(data, at + 4)
    entry["rpi_o2t"] = le32(data, at + 16)
    entry["rpi_t2o"] = le32(data, at + 20)
    state.used[OPENED] += 1
    _enter_direction(state, opening, row["client"], entry["o2t"], row["time_ns"], np.int64(1))
    _enter_direction(state, opening, row["server"], entry["t2o"], row["time_ns"], np.int64(0))
    return True


@kernel
def decode_close_request(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> bool:
    """Forward Close after the request path; whether it fits."""
    if at + 12 > end or at + 12 + 2 * u8(data, at + 10) > end:
        return False
    details = wants_details(out, index)
    if details:
        _add_triple(data, at + 2, out, index)
    good = read_path(
        data, at + 12, at + 12 + 2 * u8(data, at + 10), state, out, index if details else _NO_ROW
    )
    out.messages[index]["unit"] = state.path[UNIT]
    return good


@kernel
def decode_close_response(data: Bytes, at: Int, end: Int, state: State, out: Out, index: Int) -> bool:
    """A successful Forward Close response: its identifiers are forgotten; whether it fits."""
    if at + 10 > end:
        return False
    row = out.messages[index]
    if wants_details(out, index):
        _add_triple(data, at, out, index)
    key = _triple_at(data, at)
    place = find_connection(state, row["client"], key)
    if place >= 0:
        entry = state.connections[place]
        o2t = entry["o2t"]
        t2o = entry["t2o"]
        drop_connection(state, row["client"], o2t)
        drop_connection(state, row["server"], t2o)
        drop_connection(state, row["client"], key)
        state.used[CLOSED] += 1
    return True


@kernel
def decode_refusal(data: Bytes, at: Int, end: Int, out: Out, index: Int) -> bool:
    """The triple in an unsuccessful Forward Open or Forward Close response; whether it fits."""
    if end - at < 8:
        return end == at
    if wants_details(out, index):
        _add_triple(data, at, out, index)
    return True
