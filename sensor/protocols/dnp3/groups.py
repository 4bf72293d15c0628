"""Object groups and the shape of their variations (IEEE 1815-2012, annex A and table 12-1 ff.).

An object of fixed shape is: one octet of flags where `FLAGGED`, a value in the encoding `ENCODING`,
a time or the status of a command in the form `TIMED`. `SIZES` has the octets of all that, and of
other fixed objects; PACKED objects are sequences of bits. The tables are indexed
`group * VARIATIONS + variation`.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.types import Int

ATTRIBUTES, BINARY_OUTPUT, BINARY_COMMAND, DEADBAND = 0, 10, 12, 34
OUTPUT_STATUS, OUTPUT_COMMAND, TIME, COMMON_TIME, TIME_DELAY, CLASSES = 40, 41, 50, 51, 52, 60
FILES, INDICATIONS, REGISTRATION, ACTIVATE, AUTHENTICATION = 70, 80, 83, 91, 120
OCTET_STRING, TERMINAL_EVENT = 110, 113

SPACES = {
    ATTRIBUTES: "device_attribute",
    1: "binary_input",
    2: "binary_input_event",
    3: "double_bit_input",
    4: "double_bit_input_event",
    BINARY_OUTPUT: "binary_output",
    11: "binary_output_event",
    BINARY_COMMAND: "binary_output_command",
    13: "binary_output_command_event",
    20: "counter",
    21: "frozen_counter",
    22: "counter_event",
    23: "frozen_counter_event",
    30: "analog_input",
    31: "frozen_analog_input",
    32: "analog_input_event",
    33: "frozen_analog_input_event",
    DEADBAND: "analog_input_deadband",
    OUTPUT_STATUS: "analog_output",
    OUTPUT_COMMAND: "analog_output_command",
    42: "analog_output_event",
    43: "analog_output_command_event",
    TIME: "time",
    COMMON_TIME: "common_time_of_occurrence",
    TIME_DELAY: "time_delay",
    CLASSES: "class",
    FILES: "file",
    INDICATIONS: "internal_indication",
    81: "device_storage",
    82: "device_profile",
    REGISTRATION: "private_registration",
    85: "data_set_prototype",
    86: "data_set_descriptor",
    87: "data_set",
    88: "data_set_event",
    90: "application",
    ACTIVATE: "requested_operation_status",
    100: "floating_point",
    101: "bcd",
    102: "unsigned_integer",
    OCTET_STRING: "octet_string",
    111: "octet_string_event",
    112: "virtual_terminal_output",
    TERMINAL_EVENT: "virtual_terminal_event",
    AUTHENTICATION: "authentication",
    121: "security_statistic",
    122: "security_statistic_event",
}

GROUPS, VARIATIONS = 128, 16

NO_VALUE, STATE, DOUBLE_STATE, COMMANDED, U8, U16, U32, I16, I32, F32, F64, TIME48 = range(12)
WIDTHS = np.array([0, 0, 0, 0, 1, 2, 4, 2, 4, 4, 8, 6], np.int64)
"""Octets of each encoding; the three states are bits of the flags."""
UNTIMED, ABSOLUTE, RELATIVE, STATUS = 0, 1, 2, 3
TIME_WIDTHS = (0, 6, 2, 1)
UNKNOWN_SIZE, PACKED, PACKED_PAIRS = -1, -2, -3

ENCODING = np.zeros(GROUPS * VARIATIONS, np.int8)
FLAGGED = np.zeros(GROUPS * VARIATIONS, np.int8)
TIMED = np.zeros(GROUPS * VARIATIONS, np.int8)
SIZES = np.full(GROUPS * VARIATIONS, UNKNOWN_SIZE, np.int16)

_Shape = tuple[int, int, int]
_COUNTS: tuple[_Shape, ...] = ((U32, 1, 0), (U16, 1, 0), (U32, 1, 0), (U16, 1, 0))
_COUNT_EVENTS = _COUNTS + tuple((code, 1, ABSOLUTE) for code, _, _ in _COUNTS)
_BARE_COUNTS: tuple[_Shape, ...] = ((U32, 0, 0), (U16, 0, 0), (U32, 0, 0), (U16, 0, 0))
_ANALOG_EVENTS: tuple[_Shape, ...] = (
    (I32, 1, 0),
    (I16, 1, 0),
    (I32, 1, ABSOLUTE),
    (I16, 1, ABSOLUTE),
    (F32, 1, 0),
    (F64, 1, 0),
    (F32, 1, ABSOLUTE),
    (F64, 1, ABSOLUTE),
)
_STATE_EVENTS: tuple[_Shape, ...] = ((STATE, 1, 0), (STATE, 1, ABSOLUTE), (STATE, 1, RELATIVE))
_OUTPUTS: tuple[_Shape, ...] = ((I32, 1, 0), (I16, 1, 0), (F32, 1, 0), (F64, 1, 0))

_SHAPES: dict[tuple[int, int], tuple[_Shape, ...]] = {
    # (group, first variation): (encoding, has flags, time) of it and those that follow
    (1, 2): ((STATE, 1, 0),),
    (2, 1): _STATE_EVENTS,
    (3, 2): ((DOUBLE_STATE, 1, 0),),
    (4, 1): tuple((DOUBLE_STATE, flags, time) for _, flags, time in _STATE_EVENTS),
    (10, 2): ((STATE, 1, 0),),
    (11, 1): _STATE_EVENTS[:2],
    (13, 1): ((COMMANDED, 1, 0), (COMMANDED, 1, ABSOLUTE)),
    (20, 1): _COUNTS + _BARE_COUNTS,
    (21, 1): _COUNT_EVENTS + _BARE_COUNTS,
    (22, 1): _COUNT_EVENTS,
    (23, 1): _COUNT_EVENTS,
    (30, 1): ((I32, 1, 0), (I16, 1, 0), (I32, 0, 0), (I16, 0, 0), (F32, 1, 0), (F64, 1, 0)),
    (31, 1): (
        *_ANALOG_EVENTS[:4],
        (I32, 0, 0),
        (I16, 0, 0),
        (F32, 1, 0),
        (F64, 1, 0),
    ),
    (32, 1): _ANALOG_EVENTS,
    (33, 1): _ANALOG_EVENTS,
    (34, 1): ((U16, 0, 0), (U32, 0, 0), (F32, 0, 0)),
    (40, 1): _OUTPUTS,
    (41, 1): tuple((code, 0, STATUS) for code in (I32, I16, F32, F64)),
    (42, 1): _ANALOG_EVENTS,
    (43, 1): _ANALOG_EVENTS,
    (50, 1): ((TIME48, 0, 0),),
    (50, 3): ((TIME48, 0, 0),),
    (51, 1): ((TIME48, 0, 0), (TIME48, 0, 0)),
    (52, 1): ((U16, 0, 0), (U16, 0, 0)),
    (100, 1): ((F32, 1, 0),),
    (102, 1): ((U8, 0, 0),),
}
_OTHER_SIZES = {
    (1, 1): PACKED,
    (3, 1): PACKED_PAIRS,
    (10, 1): PACKED,
    (12, 1): 11,
    (12, 2): 11,
    (12, 3): PACKED,
    (50, 2): 10,
    (50, 4): 11,
    (60, 1): 0,
    (60, 2): 0,
    (60, 3): 0,
    (60, 4): 0,
    (80, 1): PACKED,
    (81, 1): 3,
    (101, 1): 2,
    (101, 2): 4,
    (101, 3): 8,
    (120, 3): 6,
    (120, 4): 2,
    (121, 1): 7,
    (122, 1): 7,
    (122, 2): 13,
}
for (_group, _first), _shapes in _SHAPES.items():
    for _variation, (_encoding, _flags, _time) in enumerate(_shapes, _first):
        _place = _group * VARIATIONS + _variation
        ENCODING[_place], FLAGGED[_place], TIMED[_place] = _encoding, _flags, _time
        SIZES[_place] = _flags + WIDTHS[_encoding] + TIME_WIDTHS[_time]
for (_group, _variation), _size in _OTHER_SIZES.items():
    SIZES[_group * VARIATIONS + _variation] = _size


@kernel
def size_of(group: Int, variation: Int) -> Int:
    """Octets of one object; PACKED or PACKED_PAIRS for bits; UNKNOWN_SIZE where the object itself
    says (groups 0 and 83) or where the standard has no such object."""
    if OCTET_STRING <= group <= TERMINAL_EVENT:
        return variation
    if group >= GROUPS or variation >= VARIATIONS:
        return np.int64(UNKNOWN_SIZE)
    return np.int64(SIZES[group * VARIATIONS + variation])
