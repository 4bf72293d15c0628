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
    add_bytes,
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
from sensor.protocols.dnp3.objects import UNKNOWN_HERE, decode_header
from sensor.protocols.dnp3.records import APPLICATION_CONTROL, add_layout
from sensor.types import Bytes, Int

FINAL, UNSOLICITED_BIT, SEQUENCE = 0x40, 0x10, 0x0F
UNSOLICITED_SEQUENCE = 1 << 22
"""Set in the transaction of unsolicited responses and their confirmations, which count apart."""


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
def _begin(data: Bytes, at: Int, end: Int, from_master: bool, out: Out, first: Int) -> bool:
    """The row from the fragment's header (4.2.2); whether it is as it should be."""
    row = out.messages[first]
    if wants_details(out, first):
        add_layout(data, at, APPLICATION_CONTROL, out, first)
    control, function = u8(data, at), u8(data, at + 1)
    row["function"] = function
    row["transaction"] = np.int64(row["unit"]) << 4 | control & SEQUENCE
    if control & UNSOLICITED_BIT:
        row["transaction"] |= UNSOLICITED_SEQUENCE
    if function >= RESPONSE:
        row["kind"] = Kind.EVENT if function == UNSOLICITED_RESPONSE else Kind.RESPONSE
        if is_known(function) and end - at >= 4 and wants_details(out, first):
            _add_indications(be16(data, at + 2), out, first)
        return is_known(function) and end - at >= 4 and not from_master
    if function == CONFIRM:
        row["kind"] = Kind.REQUEST if from_master else Kind.RESPONSE
        return end - at == 2
    row["kind"] = Kind.REQUEST
    return is_known(function) and from_master


@kernel
def _finish(data: Bytes, at: Int, out: Out, first: Int) -> None:
    """What is known of all rows only when the fragment's objects have been read."""
    function = u8(data, at + 1)
    if function < RESPONSE:
        _finish_request(function, out, first)
        return
    iin = be16(data, at + 2)
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


@kernel
def decode_fragment(data: Bytes, at: Int, end: Int, from_master: bool, out: Out, first: Int) -> bool:
    """Fill the row `first`, and add one for each further object, from a fragment; whether it is
    well-formed. The row has its unit (the outstation) and, where it applies, BROADCAST.

    An object that the standard does not have ends the reading, as its size is not known: the row
    says which, and its remaining octets are in the details.
    """
    if end - at < 2:
        return False
    good = _begin(data, at, end, from_master, out, first)
    function = u8(data, at + 1)
    if function >= RESPONSE and (end - at < 4 or not is_known(function)):
        return False
    place = at + (4 if function >= RESPONSE else 2)
    while place < end and function != CONFIRM and is_known(function):
        after = decode_header(data, place, end, function, out, first)
        if after < 0:
            row = out.used[MESSAGES] - 1
            if after == UNKNOWN_HERE and wants_details(out, row):
                add_integer(out, row, fields.UNKNOWN_OBJECT, be16(data, place))
                add_bytes(out, row, fields.DATA, place, end - place)
            good = good and after == UNKNOWN_HERE
            break
        place = after
    _finish(data, at, out, first)
    return good
