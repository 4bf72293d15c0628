"""IEC 60870-5-104: type identifications, causes of transmission, element layouts, fields."""

from __future__ import annotations

import numpy as np

from sensor.messages import Operation
from sensor.protocols.protocol import Field, Number, field_ids
from sensor.types import Ints

S_FRAME = 256
"""Function of an S frame. A U frame's is 256 plus the six function bits of its first control octet
(those above the two format bits), so neither can be taken for a type identification."""
STARTDT_ACT, STARTDT_CON, STOPDT_ACT, STOPDT_CON, TESTFR_ACT, TESTFR_CON = 1, 2, 4, 8, 16, 32

TYPES = {
    1: "M_SP_NA_1",
    2: "M_SP_TA_1",
    3: "M_DP_NA_1",
    4: "M_DP_TA_1",
    5: "M_ST_NA_1",
    6: "M_ST_TA_1",
    7: "M_BO_NA_1",
    8: "M_BO_TA_1",
    9: "M_ME_NA_1",
    10: "M_ME_TA_1",
    11: "M_ME_NB_1",
    12: "M_ME_TB_1",
    13: "M_ME_NC_1",
    14: "M_ME_TC_1",
    15: "M_IT_NA_1",
    16: "M_IT_TA_1",
    17: "M_EP_TA_1",
    18: "M_EP_TB_1",
    19: "M_EP_TC_1",
    20: "M_PS_NA_1",
    21: "M_ME_ND_1",
    30: "M_SP_TB_1",
    31: "M_DP_TB_1",
    32: "M_ST_TB_1",
    33: "M_BO_TB_1",
    34: "M_ME_TD_1",
    35: "M_ME_TE_1",
    36: "M_ME_TF_1",
    37: "M_IT_TB_1",
    38: "M_EP_TD_1",
    39: "M_EP_TE_1",
    40: "M_EP_TF_1",
    41: "S_IT_TC_1",
    45: "C_SC_NA_1",
    46: "C_DC_NA_1",
    47: "C_RC_NA_1",
    48: "C_SE_NA_1",
    49: "C_SE_NB_1",
    50: "C_SE_NC_1",
    51: "C_BO_NA_1",
    58: "C_SC_TA_1",
    59: "C_DC_TA_1",
    60: "C_RC_TA_1",
    61: "C_SE_TA_1",
    62: "C_SE_TB_1",
    63: "C_SE_TC_1",
    64: "C_BO_TA_1",
    70: "M_EI_NA_1",
    81: "S_CH_NA_1",
    82: "S_RP_NA_1",
    83: "S_AR_NA_1",
    84: "S_KR_NA_1",
    85: "S_KS_NA_1",
    86: "S_KC_NA_1",
    87: "S_ER_NA_1",
    90: "S_US_NA_1",
    91: "S_UQ_NA_1",
    92: "S_UR_NA_1",
    93: "S_UK_NA_1",
    94: "S_UA_NA_1",
    95: "S_UC_NA_1",
    100: "C_IC_NA_1",
    101: "C_CI_NA_1",
    102: "C_RD_NA_1",
    103: "C_CS_NA_1",
    104: "C_TS_NA_1",
    105: "C_RP_NA_1",
    106: "C_CD_NA_1",
    107: "C_TS_TA_1",
    110: "P_ME_NA_1",
    111: "P_ME_NB_1",
    112: "P_ME_NC_1",
    113: "P_AC_NA_1",
    120: "F_FR_NA_1",
    121: "F_SR_NA_1",
    122: "F_SC_NA_1",
    123: "F_LS_NA_1",
    124: "F_AF_NA_1",
    125: "F_SG_NA_1",
    126: "F_DR_TA_1",
    127: "F_SC_NB_1",
}
FUNCTIONS = {(code, -1): name for code, name in TYPES.items()} | {
    (S_FRAME, -1): "S",
    (S_FRAME + STARTDT_ACT, -1): "STARTDT act",
    (S_FRAME + STARTDT_CON, -1): "STARTDT con",
    (S_FRAME + STOPDT_ACT, -1): "STOPDT act",
    (S_FRAME + STOPDT_CON, -1): "STOPDT con",
    (S_FRAME + TESTFR_ACT, -1): "TESTFR act",
    (S_FRAME + TESTFR_CON, -1): "TESTFR con",
}

PERIODIC, BACKGROUND, SPONTANEOUS, INITIALISED, REQUESTED = 1, 2, 3, 4, 5
ACTIVATION, ACTIVATION_CON, DEACTIVATION, DEACTIVATION_CON, ACTIVATION_TERM = 6, 7, 8, 9, 10
REMOTE_COMMAND, LOCAL_COMMAND, FILE_TRANSFER = 11, 12, 13
INTERROGATED, COUNTER_GROUP_4 = 20, 41
UNKNOWN_TYPE, UNKNOWN_ADDRESS = 44, 47
CAUSES = (
    {
        PERIODIC: "periodic",
        BACKGROUND: "background_scan",
        SPONTANEOUS: "spontaneous",
        INITIALISED: "initialised",
        REQUESTED: "request",
        ACTIVATION: "activation",
        ACTIVATION_CON: "activation_confirmation",
        DEACTIVATION: "deactivation",
        DEACTIVATION_CON: "deactivation_confirmation",
        ACTIVATION_TERM: "activation_termination",
        REMOTE_COMMAND: "return_of_remote_command",
        LOCAL_COMMAND: "return_of_local_command",
        FILE_TRANSFER: "file_transfer",
        14: "authentication",
        15: "session_key_maintenance",
        16: "update_key_maintenance",
        INTERROGATED: "interrogated_by_station",
        37: "counter_general_request",
        44: "unknown_type",
        45: "unknown_cause",
        46: "unknown_common_address",
        47: "unknown_object_address",
    }
    | {20 + group: f"interrogated_by_group_{group}" for group in range(1, 17)}
    | {37 + group: f"counter_group_{group}_request" for group in range(1, 5)}
)
NEGATIVE_CONFIRMATION = 1
STATUSES = {NEGATIVE_CONFIRMATION: "negative_confirmation"} | {code: CAUSES[code] for code in range(44, 48)}

# What stands first in an information object (IEC 60870-5-101, 7.2.6). Those without a time tag
# of their own have it behind the element where TAG says so.
(
    NOTHING,
    SINGLE,  # SIQ
    DOUBLE,  # DIQ
    STEP,  # VTI, QDS
    BITS,  # BSI, QDS
    NORMALISED,  # NVA, QDS
    SCALED,  # SVA, QDS
    FLOAT,  # R32, QDS
    COUNTER,  # BCR
    PROTECTION,  # SEP, CP16
    PROTECTION_START,  # SPE, QDP, CP16
    PROTECTION_OUTPUT,  # OCI, QDP, CP16
    PACKED,  # SCD, QDS
    BARE_NORMALISED,  # NVA
    COMMAND,  # SCO, DCO or RCO
    SET_NORMALISED,  # NVA, QOS
    SET_SCALED,  # SVA, QOS
    SET_FLOAT,  # R32, QOS
    SET_BITS,  # BSI
    QUALIFIER,  # COI, QOI, QCC, QRP or QPA
    PATTERN,  # FBP or TSC
    DELAY,  # CP16
    PARAMETER_NORMALISED,  # NVA, QPM
    PARAMETER_SCALED,  # SVA, QPM
    PARAMETER_FLOAT,  # R32, QPM
    FILE_ELEMENT,
    UNKNOWN_ELEMENT,
) = range(27)

SPACES = {
    0: "single_point",
    1: "double_point",
    2: "step_position",
    3: "bitstring",
    4: "normalised_value",
    5: "scaled_value",
    6: "float_value",
    7: "counter",
    8: "protection_event",
    9: "packed_points",
    10: "single_command",
    11: "double_command",
    12: "step_command",
    13: "normalised_setpoint",
    14: "scaled_setpoint",
    15: "float_setpoint",
    16: "bitstring_command",
    17: "station",
    18: "parameter",
    19: "file",
}

ELEMENT: Ints = np.full(256, UNKNOWN_ELEMENT, np.int64)
"""Type identification to the element its objects begin with."""
SIZE: Ints = np.full(256, -1, np.int64)
"""Type identification to the octets of an object behind its address; -1 where not fixed."""
TAG: Ints = np.zeros(256, np.int64)
"""Type identification to the octets of the time tag that ends an object: 0, 3 or 7."""
SPACE: Ints = np.full(256, -1, np.int64)
OPERATION: Ints = np.full(256, Operation.OTHER, np.int64)


def _lay_out(code: int, element: int, octets: int, tag: int, space: int, operation: Operation) -> None:
    ELEMENT[code], SIZE[code], TAG[code] = element, octets + tag, tag
    SPACE[code], OPERATION[code] = space, operation


for _plain, _cp24, _cp56, _element, _octets, _space in (
    (1, 2, 30, SINGLE, 1, 0),
    (3, 4, 31, DOUBLE, 1, 1),
    (5, 6, 32, STEP, 2, 2),
    (7, 8, 33, BITS, 5, 3),
    (9, 10, 34, NORMALISED, 3, 4),
    (11, 12, 35, SCALED, 3, 5),
    (13, 14, 36, FLOAT, 5, 6),
    (15, 16, 37, COUNTER, 5, 7),
):
    _lay_out(_plain, _element, _octets, 0, _space, Operation.REPORT)
    _lay_out(_cp24, _element, _octets, 3, _space, Operation.REPORT)
    _lay_out(_cp56, _element, _octets, 7, _space, Operation.REPORT)
for _cp24, _cp56, _element, _octets in (
    (17, 38, PROTECTION, 3),
    (18, 39, PROTECTION_START, 4),
    (19, 40, PROTECTION_OUTPUT, 4),
):
    _lay_out(_cp24, _element, _octets, 3, 8, Operation.REPORT)
    _lay_out(_cp56, _element, _octets, 7, 8, Operation.REPORT)
_lay_out(20, PACKED, 5, 0, 9, Operation.REPORT)
_lay_out(21, BARE_NORMALISED, 2, 0, 4, Operation.REPORT)
for _code, _element, _octets, _space in (
    (45, COMMAND, 1, 10),
    (46, COMMAND, 1, 11),
    (47, COMMAND, 1, 12),
    (48, SET_NORMALISED, 3, 13),
    (49, SET_SCALED, 3, 14),
    (50, SET_FLOAT, 5, 15),
    (51, SET_BITS, 4, 16),
):
    _lay_out(_code, _element, _octets, 0, _space, Operation.OPERATE)
    _lay_out(_code + 13, _element, _octets, 7, _space, Operation.OPERATE)
_lay_out(70, QUALIFIER, 1, 0, 17, Operation.REPORT)
_lay_out(100, QUALIFIER, 1, 0, 17, Operation.READ)
_lay_out(101, QUALIFIER, 1, 0, 17, Operation.READ)
_lay_out(102, NOTHING, 0, 0, -1, Operation.READ)
_lay_out(103, NOTHING, 0, 7, 17, Operation.TIME)
_lay_out(104, PATTERN, 2, 0, 17, Operation.DIAGNOSE)
_lay_out(105, QUALIFIER, 1, 0, 17, Operation.RESET)
_lay_out(106, DELAY, 2, 0, 17, Operation.TIME)
_lay_out(107, PATTERN, 2, 7, 17, Operation.DIAGNOSE)
_lay_out(110, PARAMETER_NORMALISED, 3, 0, 18, Operation.CONFIGURE)
_lay_out(111, PARAMETER_SCALED, 3, 0, 18, Operation.CONFIGURE)
_lay_out(112, PARAMETER_FLOAT, 5, 0, 18, Operation.CONFIGURE)
_lay_out(113, QUALIFIER, 1, 0, 18, Operation.CONFIGURE)
for _code, _octets, _tag in (
    (120, 6, 0),
    (121, 7, 0),
    (122, 4, 0),
    (123, 5, 0),
    (124, 4, 0),
    (126, 6, 7),
    (127, 9, 7),
):
    _lay_out(_code, FILE_ELEMENT, _octets, _tag, 19, Operation.FILE)
_lay_out(125, FILE_ELEMENT, 0, 0, 19, Operation.FILE)
SIZE[125] = -1
for _code in (41, *range(81, 96)):
    OPERATION[_code] = Operation.AUTHENTICATE

_QUALITY_BITS = {0x01: "OV", 0x08: "EI", 0x10: "BL", 0x20: "SB", 0x40: "NT", 0x80: "IV"}
QUALITY_MASK = 0xF9


def _bit_names(bits: dict[int, str], none: str) -> dict[int, str]:
    """Every combination of `bits` to the names of those that are set, joined by blanks."""
    names = {0: ""}
    for bit, name in bits.items():
        names |= {value | bit: f"{text} {name}".strip() for value, text in names.items()}
    names[0] = none
    return names


QUALITIES = _bit_names(_QUALITY_BITS, "good")
COUNTER_FLAGS = _bit_names({0x20: "CY", 0x40: "CA", 0x80: "IV"}, "good")
TIME_FLAGS = _bit_names({0x80: "IV", 0x01: "SU"}, "good")
FREEZES = {0: "read", 1: "freeze", 2: "freeze_and_reset", 3: "reset"}
PULSES = {0: "default", 1: "short_pulse", 2: "long_pulse", 3: "persistent"}

FIELDS = (
    Field("iec104.send_sequence", "integer", "Send sequence number N(S)", volatile=True),
    Field("iec104.receive_sequence", "integer", "Receive sequence number N(R)", volatile=True),
    Field("iec104.cause", "integer", "Cause of transmission", values=CAUSES),
    Field("iec104.originator", "integer", "Originator address"),
    Field("iec104.objects", "integer", "Number of information objects or elements"),
    Field("iec104.sequence", "boolean", "SQ: one address, elements follow each other"),
    Field("iec104.values", "integer", "Points, positions, scaled values, counters, qualifiers", True),
    Field("iec104.measurements", "real", "Normalised and floating point values", True),
    Field("iec104.quality", "integer", "Quality descriptor of each value", True, QUALITIES),
    Field("iec104.transient", "boolean", "Step position: equipment is in transient state", True),
    Field("iec104.counter_sequence", "integer", "Integrated total: sequence number", True),
    Field("iec104.counter_flags", "integer", "Integrated total: CY, CA, IV", True, COUNTER_FLAGS),
    Field("iec104.changed", "hex", "Packed points: which of the 16 have changed", True),
    Field("iec104.qualifier", "integer", "Command qualifier QU, or QL of a set-point", values=PULSES),
    Field("iec104.group", "integer", "Counter interrogation: request RQT"),
    Field("iec104.freeze", "integer", "Counter interrogation: FRZ", values=FREEZES),
    Field("iec104.parameter", "hex", "Qualifier of a parameter of measured values"),
    Field("iec104.time", "integer", "CP56Time2a in ms since 1970, in the station's own time zone", True),
    Field("iec104.time_of_hour", "integer", "CP24Time2a in ms since the full hour", True),
    Field("iec104.time_flags", "integer", "Time tag: IV invalid, SU summer time", True, TIME_FLAGS),
    Field("iec104.elapsed", "integer", "CP16Time2a in ms: relay duration, delay", True),
    Field("iec104.test_pattern", "hex", "Test command: fixed pattern or counter"),
    Field("iec104.file", "integer", "Name of file", True),
    Field("iec104.section", "integer", "Name of section", True),
    Field("iec104.file_length", "integer", "Length of file or section", True),
    Field("iec104.file_qualifier", "hex", "FRQ, SRQ, SCQ, LSQ, AFQ or SOF", True),
    Field("iec104.checksum", "hex", "Last section or segment: checksum"),
    Field("iec104.segment", "bytes", "Octets of a file's segment"),
    Field("iec104.data", "bytes", "Octets of a type without elements of its own"),
)
IDS = field_ids(Number.IEC104, FIELDS)
