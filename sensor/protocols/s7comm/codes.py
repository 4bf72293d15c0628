"""Numbers of S7comm that kernels compare with; their names stand in `names`."""

from __future__ import annotations

# TPDU types of ISO 8073: the high four bits of the second octet
CONNECTION_REQUEST, CONNECTION_CONFIRM, DISCONNECT_REQUEST, DISCONNECT_CONFIRM = 0xE0, 0xD0, 0x80, 0xC0
DATA, EXPEDITED_DATA, DATA_ACK, EXPEDITED_ACK, REJECT, TPDU_ERROR = 0xF0, 0x10, 0x60, 0x20, 0x50, 0x70

S7COMM_ID, S7COMM_PLUS_ID = 0x32, 0x72
JOB, ACK, ACK_DATA, USERDATA = 1, 2, 3, 7

CPU_SERVICES, READ_VAR, WRITE_VAR, SETUP_COMMUNICATION = 0x00, 0x04, 0x05, 0xF0
REQUEST_DOWNLOAD, DOWNLOAD_BLOCK, DOWNLOAD_ENDED = 0x1A, 0x1B, 0x1C
START_UPLOAD, UPLOAD, END_UPLOAD = 0x1D, 0x1E, 0x1F
PI_SERVICE, PLC_STOP = 0x28, 0x29

USERDATA_FUNCTION = 0x100
"""A userdata PDU has a function group where jobs have a function: its `function` is this plus the
group, so that group 4 (CPU functions, 0x104) and job 4 (Read Var) stay apart."""
MODE_TRANSITION, PROGRAMMER, CYCLIC, BLOCKS, CPU, SECURITY, PBC, CLOCK = range(8)
NC_PROGRAMMING = 15
PUSH, REQUEST, RESPONSE = 0, 4, 8
NC_PUSH, NC_REQUEST, NC_RESPONSE = 3, 7, 11

# Areas of an S7ANY pointer
SYSTEM_INFO, SYSTEM_FLAGS, ANALOG_INPUT, ANALOG_OUTPUT = 0x03, 0x05, 0x06, 0x07
COUNTER, TIMER, IEC_COUNTER, IEC_TIMER = 0x1C, 0x1D, 0x1E, 0x1F
PERIPHERAL, INPUT, OUTPUT, FLAG, DB, INSTANCE_DB, LOCAL, PREVIOUS_LOCAL = range(0x80, 0x88)
# Spaces of objects that have no such area
NCK, SYMBOL, DRIVE, BLOCK, SZL, ALARM_EVENT, OTHER_SYNTAX = range(0xF0, 0xF7)

SIZE_SHIFT = 8
"""`space` of a variable is area | transport size << SIZE_SHIFT: a byte and a bit at the same place
are two objects, and an address can only be written with its size (DBX, DBB, DBW)."""
DB_SHIFT = 32
"""`address` of a variable is DB number << DB_SHIFT | byte << 3 | bit; for timers and counters it is
their number."""

# Transport sizes of an S7ANY pointer
BIT, BYTE, CHAR, WORD, INT, DWORD, DINT, REAL = range(1, 9)
DATE, TIME_OF_DAY, TIME, S5TIME, DATE_AND_TIME = 9, 10, 11, 12, 15
SIZE_COUNTER, SIZE_TIMER, SIZE_IEC_TIMER, SIZE_IEC_COUNTER, SIZE_HS_COUNTER = 28, 29, 30, 31, 32

# Transport sizes in front of data: lengths of the first three count bits
DATA_BIT, DATA_BYTES, DATA_INTEGER, DATA_DINTEGER, DATA_REAL, DATA_OCTETS = 3, 4, 5, 6, 7, 9

SUCCESS = 0xFF

# Syntax ids of a variable specification
S7ANY, DB_READ, SYMBOL_1200, DRIVE_ANY = 0x10, 0xB0, 0xB2, 0xA2
NCK_ADDRESS, NCK_METRIC, NCK_INCH = 0x82, 0x83, 0x84

# S7comm-plus
PLUS_REQUEST, PLUS_RESPONSE, PLUS_NOTIFICATION, PLUS_RESPONSE_2 = 0x31, 0x32, 0x33, 0x02
PLUS_SYSTEM_EVENT, PLUS_KEEP_ALIVE = 0xFE, 0xFF
EXPLORE, CREATE_OBJECT, DELETE_OBJECT, SET_VARIABLE, GET_VARIABLE = 0x4BB, 0x4CA, 0x4D4, 0x4F2, 0x4FC
GET_LINK, SET_MULTI_VARIABLES, GET_MULTI_VARIABLES = 0x524, 0x542, 0x54C
BEGIN_SEQUENCE, END_SEQUENCE, INVOKE = 0x556, 0x560, 0x56B
SET_VAR_SUBSTREAMED, GET_VAR_SUBSTREAMED, GET_VARIABLES_ADDRESS = 0x57C, 0x586, 0x590
ABORT, ERROR, INIT_SSL = 0x59A, 0x5A9, 0x5B3


def name_key(name: bytes) -> int:
    """What `programs.key_of` computes for a PI service of this name: length and first six octets."""
    return len(name) << 48 | int.from_bytes(name[:6].ljust(6, b"\0"), "big")


PI_INSE, PI_INS2, PI_DELE = name_key(b"_INSE"), name_key(b"_INS2"), name_key(b"_DELE")
PI_MODU, PI_GARB, PI_PROGRAM = name_key(b"_MODU"), name_key(b"_GARB"), name_key(b"P_PROGRAM")
PI_LOGIN, PI_LOGOUT = name_key(b"_N_LOGIN_"), name_key(b"_N_LOGOUT")
# `subfunction` of a PI service
OTHER_SERVICE, WARM_START, COLD_START, INSERT, DELETE, COPY_TO_ROM, COMPRESS, LOGIN, LOGOUT, NC_FILE = range(
    10
)
