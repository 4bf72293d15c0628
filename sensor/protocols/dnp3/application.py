"""The application layer (IEEE 1815-2012, clause 4): one fragment, its indications and its pairing."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import (
    BROADCAST,
    MESSAGES,
    NEGATIVE,
    NO_CODE,
    SELECT,
    UNSOLICITED,
    Kind,
    Operation,
    Out,
    add_integer,
    wants_details,
)
from sensor.octets import be16, u8
from sensor.pairing import answer, ask, find
from sensor.protocols.dnp3 import fields, functions
from sensor.protocols.dnp3.fields import REFUSALS
from sensor.protocols.dnp3.functions import (
    AUTHENTICATE,
    AUTHENTICATE_RESPONSE,
    CONFIRM,
    RESPONSE,
    UNSOLICITED_RESPONSE,
    has_response,
    is_control,
    is_known,
    operation_answered,
    operation_of,
)
from sensor.protocols.dnp3.objects import decode_objects
from sensor.types import Bytes, Int

FIRST, FINAL, CONFIRMED, UNSOLICITED_BIT, SEQUENCE = 0x80, 0x40, 0x20, 0x10, 0x0F
UNSOLICITED_SEQUENCE = 1 << 22
"""Set in the transaction of unsolicited responses and their confirmations, which count apart."""


@kernel
def _add_details(control: Int, out: Out, first: Int) -> None:
    add_integer(out, first, fields.FIRST, control >> 7)
    add_integer(out, first, fields.FINAL, control >> 6 & 1)
    add_integer(out, first, fields.CONFIRM, control >> 5 & 1)
    add_integer(out, first, fields.UNSOLICITED, control >> 4 & 1)
    add_integer(out, first, fields.SEQUENCE, control & SEQUENCE)


@kernel
def _add_indications(iin: Int, out: Out, first: Int) -> None:
    add_integer(out, first, fields.IIN, iin)
    for bit in range(16):
        # IIN1 is the upper octet, and its bits are counted first.
        if iin >> (bit + 8 if bit < 8 else bit - 8) & 1:
            add_integer(out, first, fields.INDICATION, bit)


@kernel
def _finish_request(function: Int, out: Out, first: Int) -> None:
    """Operations of all rows, and who waits for a response."""
    head = out.messages[first]
    waits = has_response(function) and head["flags"] & BROADCAST == 0
    if function == AUTHENTICATE:
        # The reply to a challenge: what was challenged is what the response will answer.
        place = find(out.pairs, head["stream"], head["transaction"], 0)
        waits = waits and (place < 0 or out.pairs.pending[place]["function"] == AUTHENTICATE)
    for index in range(first, out.used[MESSAGES]):
        row = out.messages[index]
        row["operation"] = operation_of(function, row["space"])
        row["flags"] |= head["flags"] & BROADCAST
        if function == functions.SELECT:
            row["flags"] |= SELECT
        if waits and (index == first or is_control(function)):
            ask(out.pairs, row, row["space"])


@kernel
def _expect_more(out: Out, first: Int, asked: Int, asked_ns: Int, asked_packet: Int) -> None:
    """A response that is not final goes on under the next sequence number (4.2.2.4)."""
    row = out.messages[first]
    time_ns, packet = np.int64(row["time_ns"]), np.int64(row["packet"])
    transaction, function = np.int64(row["transaction"]), np.int64(row["function"])
    row["time_ns"], row["packet"], row["function"] = asked_ns, asked_packet, asked
    row["transaction"] = transaction & ~np.int64(SEQUENCE) | transaction + 1 & SEQUENCE
    ask(out.pairs, row, row["space"])
    row["time_ns"], row["packet"], row["function"] = time_ns, packet, function
    row["transaction"] = transaction


@kernel
def _finish_response(final: bool, out: Out, first: Int) -> None:
    """Operations of all rows, from the request where it was seen."""
    head = out.messages[first]
    place = find(out.pairs, head["stream"], head["transaction"], 0)
    asked = np.int64(-1)
    asked_ns, asked_packet = np.int64(0), np.int64(0)
    operation = np.int64(0)
    if place >= 0:
        request = out.pairs.pending[place]
        asked = np.int64(request["function"])
        asked_ns, asked_packet = np.int64(request["time_ns"]), np.int64(request["packet"])
        operation = np.int64(request["operation"])
    controls = is_control(asked)
    for index in range(first, out.used[MESSAGES]):
        row = out.messages[index]
        if asked < 0:
            row["operation"] = operation_answered(row["space"])
        else:
            row["operation"] = operation
            row["request_packet"] = asked_packet
            row["latency_ns"] = row["time_ns"] - asked_ns
        if asked == functions.SELECT:
            row["flags"] |= SELECT
        if index == first or (
            controls and find(out.pairs, row["stream"], row["transaction"], row["part"]) >= 0
        ):
            answer(out.pairs, row)
    if asked >= 0 and not final:
        _expect_more(out, first, asked, asked_ns, asked_packet)


@kernel
def _finish_challenge(out: Out, first: Int) -> None:
    """An authentication response answers the request it challenges without ending its wait."""
    head = out.messages[first]
    place = find(out.pairs, head["stream"], head["transaction"], 0)
    for index in range(first, out.used[MESSAGES]):
        row = out.messages[index]
        row["operation"] = Operation.AUTHENTICATE
        if place >= 0:
            row["request_packet"] = out.pairs.pending[place]["packet"]
            row["latency_ns"] = row["time_ns"] - out.pairs.pending[place]["time_ns"]
    if place >= 0 and out.pairs.pending[place]["function"] == AUTHENTICATE:
        answer(out.pairs, head)


@kernel
def _finish_report(out: Out, first: Int) -> None:
    for index in range(first, out.used[MESSAGES]):
        out.messages[index]["operation"] = Operation.REPORT
        out.messages[index]["flags"] |= UNSOLICITED


@kernel
def _decode_request(data: Bytes, at: Int, end: Int, from_master: bool, out: Out, first: Int) -> bool:
    function = u8(data, at + 1)
    if function == CONFIRM:
        out.messages[first]["kind"] = Kind.REQUEST if from_master else Kind.RESPONSE
        out.messages[first]["operation"] = Operation.SESSION
        return end - at == 2
    out.messages[first]["kind"] = Kind.REQUEST
    good = is_known(function) and from_master
    if is_known(function):
        good = decode_objects(data, at + 2, end, function, out, first) and good
    _finish_request(function, out, first)
    return good


@kernel
def _decode_response(data: Bytes, at: Int, end: Int, from_master: bool, out: Out, first: Int) -> bool:
    function = u8(data, at + 1)
    row = out.messages[first]
    row["kind"] = Kind.EVENT if function == UNSOLICITED_RESPONSE else Kind.RESPONSE
    if not is_known(function):
        return False
    if end - at < 4:
        return False
    iin = be16(data, at + 2)
    if wants_details(out, first):
        _add_indications(iin, out, first)
    good = decode_objects(data, at + 4, end, function, out, first)
    for index in range(first, out.used[MESSAGES]):
        if out.messages[index]["status"] == NO_CODE:
            out.messages[index]["status"] = iin & 0x3F
        if iin & REFUSALS:
            out.messages[index]["flags"] |= NEGATIVE
    if function == RESPONSE:
        _finish_response(u8(data, at) & FINAL != 0, out, first)
    elif function == AUTHENTICATE_RESPONSE:
        _finish_challenge(out, first)
    else:
        _finish_report(out, first)
    return good and not from_master


@kernel
def decode_fragment(data: Bytes, at: Int, end: Int, from_master: bool, out: Out, first: Int) -> bool:
    """Fill the row `first`, and add one for each further object, from a fragment; whether it is
    well-formed. The row has its unit (the outstation) and, where it applies, BROADCAST."""
    row = out.messages[first]
    if end - at < 2:
        return False
    control = u8(data, at)
    row["function"] = u8(data, at + 1)
    row["transaction"] = np.int64(row["unit"]) << 4 | control & SEQUENCE
    if control & UNSOLICITED_BIT:
        row["transaction"] |= UNSOLICITED_SEQUENCE
    if wants_details(out, first):
        _add_details(control, out, first)
    if u8(data, at + 1) >= 128:
        return _decode_response(data, at, end, from_master, out, first)
    return _decode_request(data, at, end, from_master, out, first)
