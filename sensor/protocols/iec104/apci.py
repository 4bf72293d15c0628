"""IEC 60870-5-104, chapter 5: the APCI: framing, and recognition on any port."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.octets import u8
from sensor.protocols.iec104.tables import (
    ACTIVATION,
    ACTIVATION_TERM,
    COUNTER_GROUP_4,
    DEACTIVATION,
    ELEMENT,
    FILE_TRANSFER,
    INTERROGATED,
    REQUESTED,
    SIZE,
    STARTDT_ACT,
    STARTDT_CON,
    STOPDT_ACT,
    STOPDT_CON,
    TESTFR_ACT,
    TESTFR_CON,
    UNKNOWN_ADDRESS,
    UNKNOWN_ELEMENT,
    UNKNOWN_TYPE,
)
from sensor.protocols.protocol import IS_EITHER, IS_REQUEST, IS_RESPONSE, NEED_MORE, NOT_IT, UNFRAMED
from sensor.types import Bytes, Int

START = 0x68
APCI = 6
ASDU_HEADER = 6
"""Type, VSQ, cause (2), common address (2): -104 fixes these sizes (7.1), and 3 octets of object address."""
OBJECT_ADDRESS = 3
SHORTEST, LONGEST = 4, 253
"""Of the length octet: it counts what follows it."""


@kernel
def frame_length(data: Bytes, at: Int, available: Int) -> Int:
    """Octets of the APDU that starts at `at`; 0 where more are needed to tell, UNFRAMED if none."""
    if available >= 1 and u8(data, at) != START:
        return np.int64(UNFRAMED)
    if available < 2:
        return np.int64(0)
    length = u8(data, at + 1)
    if length < SHORTEST or length > LONGEST:
        return np.int64(UNFRAMED)
    return 2 + length


@kernel
def _is_cause(cause: Int) -> bool:
    return (
        1 <= cause <= FILE_TRANSFER + 3
        or INTERROGATED <= cause <= COUNTER_GROUP_4
        or UNKNOWN_TYPE <= cause <= UNKNOWN_ADDRESS
    )


@kernel
def _recognise_unnumbered(data: Bytes, at: Int, length: Int) -> Int:
    """U frames: one function bit set, the other control octets 0 (5.1, figure 8)."""
    for place in range(at + 3, at + min(length, APCI)):
        if data[place] != 0:
            return np.int64(NOT_IT)
    function = u8(data, at + 2) >> 2
    if function == STARTDT_ACT or function == STOPDT_ACT:
        return np.int64(IS_REQUEST)
    if function == STARTDT_CON or function == STOPDT_CON:
        return np.int64(IS_RESPONSE)
    return np.int64(IS_EITHER if function == TESTFR_ACT or function == TESTFR_CON else NOT_IT)


@kernel
def _recognise_objects(data: Bytes, at: Int, length: Int, total: Int, known_port: bool) -> Int:
    """I frames: a known type, objects that fill the length exactly, a defined cause."""
    if length < APCI + 1:
        return np.int64(IS_EITHER)
    code = u8(data, at + APCI)
    if ELEMENT[code] == UNKNOWN_ELEMENT and not (known_port and code > 40):
        return np.int64(NOT_IT)
    if length < APCI + 2:
        return np.int64(IS_EITHER)
    count = u8(data, at + APCI + 1) & 0x7F
    if count == 0:
        return np.int64(NOT_IT)
    if SIZE[code] >= 0:
        addresses = 1 if u8(data, at + APCI + 1) & 0x80 else count
        if total != APCI + ASDU_HEADER + addresses * OBJECT_ADDRESS + count * SIZE[code]:
            return np.int64(NOT_IT)
    if length < APCI + 3:
        return np.int64(IS_EITHER)
    cause = u8(data, at + APCI + 2) & 0x3F
    if not _is_cause(cause):
        return np.int64(NOT_IT)
    if cause == ACTIVATION or cause == DEACTIVATION:
        return np.int64(IS_REQUEST)
    if cause == REQUESTED and code >= 45:
        return np.int64(IS_REQUEST)
    if cause <= ACTIVATION_TERM + 2 or cause >= INTERROGATED:
        return np.int64(IS_RESPONSE)
    return np.int64(IS_EITHER)


@kernel
def recognise(data: Bytes, at: Int, length: Int, known_port: bool) -> Int:
    """Whether the octets that begin a stream are IEC 104; see `protocol`'s verdicts.

    The port hardly matters: the first APDU must be of one of the three formats, and an I frame's
    objects must fill it. On its own port, types without fixed size (security, private) count too.
    """
    total = frame_length(data, at, length)
    if total == UNFRAMED:
        return np.int64(NOT_IT)
    if length < 3:
        return np.int64(NEED_MORE)
    first = u8(data, at + 2)
    verdict = np.int64(IS_EITHER)
    if first & 3 == 3:
        if total != APCI:
            return np.int64(NOT_IT)
        verdict = _recognise_unnumbered(data, at, length)
    elif first & 1:
        if total != APCI or first != 1 or (length >= 4 and data[at + 3] != 0):
            return np.int64(NOT_IT)
        if length >= 5 and u8(data, at + 4) & 1:
            return np.int64(NOT_IT)
    else:
        if total < APCI + ASDU_HEADER + OBJECT_ADDRESS or (length >= 5 and u8(data, at + 4) & 1):
            return np.int64(NOT_IT)
        verdict = _recognise_objects(data, at, length, total, known_port)
    return np.int64(verdict if verdict == NOT_IT or length >= total else NEED_MORE)
