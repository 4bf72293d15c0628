"""Services: their names, and what an engineer would say each does to its class.

Common services are CIP volume 1 appendix A; object-specific ones stand under their class, which is
the `subfunction` of a message: (0x52, Symbol) reads a tag, (0x52, Connection Manager) routes.
Logix tag services are those of 1756-PM020; the others of Logix controllers are what the programming
software is seen to use them for.
"""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Operation
from sensor.protocols.enip.classes import (
    ANALOG_OUTPUT,
    CERTIFICATE_AUTHENTICATOR,
    CHANGE_LOG,
    CIP_SECURITY,
    CLASSES,
    CONNECTION,
    CONNECTION_MANAGER,
    CONTROL_SUPERVISOR,
    DEVICENET,
    DISCRETE_OUTPUT,
    ETHERNET_LINK,
    FILE_OBJECT,
    IDENTITY_OBJECT,
    LOGIX_CHANNEL,
    LOGIX_CONTROLLER,
    LOGIX_DATA,
    LOGIX_LIST,
    LOGIX_LOCK,
    LOGIX_MODE,
    LOGIX_MODULE,
    LOGIX_PROGRAM,
    LOGIX_ROUTINE,
    LOGIX_TASK,
    MESSAGE_ROUTER,
    MODBUS_OBJECT,
    NONVOLATILE,
    PARAMETER,
    PCCC_OBJECT,
    SYMBOL,
    TCP_IP_INTERFACE,
    TEMPLATE,
    TIME_SYNC,
    WALL_CLOCK,
)
from sensor.types import Int

GET_ALL, SET_ALL, GET_LIST, SET_LIST, RESET, START, STOP, CREATE, DELETE, MULTIPLE = range(1, 11)
APPLY, GET_SINGLE, SET_SINGLE, FIND_NEXT, ERROR, RESTORE, SAVE, NO_OPERATION = (
    0x0D,
    0x0E,
    0x10,
    0x11,
    0x14,
    0x15,
    0x16,
    0x17,
)
GET_MEMBER, SET_MEMBER, INSERT_MEMBER, REMOVE_MEMBER, GROUP_SYNC = 0x18, 0x19, 0x1A, 0x1B, 0x1C
FIRST_SPECIFIC = 0x4B
"""Services from here on mean something else for each class (0x32 to 0x4A are the vendor's)."""
EXECUTE_PCCC = 0x4B
READ_TAG, WRITE_TAG, READ_MODIFY_WRITE, READ_FRAGMENTED, WRITE_FRAGMENTED = 0x4C, 0x4D, 0x4E, 0x52, 0x53
INSTANCE_LIST = 0x55
FORWARD_CLOSE, UNCONNECTED_SEND, FORWARD_OPEN, LARGE_FORWARD_OPEN = 0x4E, 0x52, 0x54, 0x5B

_COMMON = {
    GET_ALL: "Get Attributes All",
    SET_ALL: "Set Attributes All",
    GET_LIST: "Get Attribute List",
    SET_LIST: "Set Attribute List",
    RESET: "Reset",
    START: "Start",
    STOP: "Stop",
    CREATE: "Create",
    DELETE: "Delete",
    MULTIPLE: "Multiple Service Packet",
    APPLY: "Apply Attributes",
    GET_SINGLE: "Get Attribute Single",
    SET_SINGLE: "Set Attribute Single",
    FIND_NEXT: "Find Next Object Instance",
    ERROR: "Error Response",
    RESTORE: "Restore",
    SAVE: "Save",
    NO_OPERATION: "No Operation",
    GET_MEMBER: "Get Member",
    SET_MEMBER: "Set Member",
    INSERT_MEMBER: "Insert Member",
    REMOVE_MEMBER: "Remove Member",
    GROUP_SYNC: "Group Sync",
    0x1D: "Get Connection Point Member List",
}
_SPECIFIC = {
    IDENTITY_OBJECT: {0x4B: "Flash LEDs"},
    MESSAGE_ROUTER: {0x4B: "Symbolic Translation"},
    DEVICENET: {0x4B: "Allocate Connection Set", 0x4C: "Release Connection Set"},
    CONNECTION: {
        0x4B: "Connection Bind",
        0x4C: "Producing Application Lookup",
        0x4E: "Safety Close",
        0x54: "Safety Open",
    },
    CONNECTION_MANAGER: {
        FORWARD_CLOSE: "Forward Close",
        UNCONNECTED_SEND: "Unconnected Send",
        FORWARD_OPEN: "Forward Open",
        0x56: "Get Connection Data",
        0x57: "Search Connection Data",
        0x59: "Extended Forward Open",
        0x5A: "Get Connection Owner",
        LARGE_FORWARD_OPEN: "Large Forward Open",
    },
    PARAMETER: {0x4B: "Get Enum String"},
    FILE_OBJECT: {
        0x4B: "Initiate Upload",
        0x4C: "Initiate Download",
        0x4D: "Initiate Partial Read",
        0x4E: "Initiate Partial Write",
        0x4F: "Upload Transfer",
        0x50: "Download Transfer",
        0x51: "Clear File",
    },
    MODBUS_OBJECT: {
        0x4B: "Read Discrete Inputs",
        0x4C: "Read Coils",
        0x4D: "Read Input Registers",
        0x4E: "Read Holding Registers",
        0x4F: "Write Coils",
        0x50: "Write Holding Registers",
        0x51: "Modbus Passthrough",
    },
    CIP_SECURITY: {
        0x4B: "Begin Config",
        0x4C: "Kick Timer",
        0x4D: "End Config",
        0x4E: "Object Cleanup",
    },
    0x5F: {0x4B: "Create CSR", 0x4C: "Verify Certificate"},
    PCCC_OBJECT: {EXECUTE_PCCC: "Execute PCCC", 0x4C: "Execute DH+", 0x4D: "Execute Local PCCC"},
    LOGIX_ROUTINE: {0x4F: "Read Routine", 0x50: "Write Routine"},
    SYMBOL: {
        READ_TAG: "Read Tag",
        WRITE_TAG: "Write Tag",
        READ_MODIFY_WRITE: "Read Modify Write Tag",
        READ_FRAGMENTED: "Read Tag Fragmented",
        WRITE_FRAGMENTED: "Write Tag Fragmented",
        INSTANCE_LIST: "Get Instance Attribute List",
    },
    LOGIX_PROGRAM: {INSTANCE_LIST: "Get Instance Attribute List"},
    LOGIX_MODULE: {INSTANCE_LIST: "Get Instance Attribute List"},
    TEMPLATE: {READ_TAG: "Read Template"},
    LOGIX_DATA: {READ_TAG: "Read Data", WRITE_TAG: "Write Data"},
    LOGIX_LIST: {0x4B: "Add to List", 0x4C: "Read List"},
    LOGIX_LOCK: {0x4B: "Acquire Lock", 0x4C: "Release Lock"},
    ETHERNET_LINK: {0x4C: "Get and Clear"},
}
FUNCTIONS = {(service, -1): name for service, name in _COMMON.items()} | {
    (service, space): name for space, services in _SPECIFIC.items() for service, name in services.items()
}


def _is_logix_project(space: int) -> bool:
    """Whether instances of this class make up a Logix controller's project."""
    return (LOGIX_MODE <= space <= LOGIX_TASK and space != PCCC_OBJECT) or space == LOGIX_CHANNEL


def _get(space: int) -> int:
    if space == IDENTITY_OBJECT:
        return Operation.IDENTIFY
    if space == SYMBOL or space == TEMPLATE or space == MESSAGE_ROUTER:
        return Operation.BROWSE
    if space == CONNECTION_MANAGER or space == ETHERNET_LINK or space == CHANGE_LOG:
        return Operation.DIAGNOSE
    return Operation.FILE if space == FILE_OBJECT else Operation.READ


def _set(space: int) -> int:
    if space == TIME_SYNC or space == WALL_CLOCK:
        return Operation.TIME
    if space == DISCRETE_OUTPUT or space == ANALOG_OUTPUT or space == CONTROL_SUPERVISOR:
        return Operation.OPERATE
    if space == FILE_OBJECT:
        return Operation.FILE
    if _is_logix_project(space) and space != LOGIX_DATA:
        return Operation.PROGRAM_DOWNLOAD
    if (
        space == IDENTITY_OBJECT
        or space == CONNECTION
        or space == CONNECTION_MANAGER
        or PARAMETER <= space <= PARAMETER + 1
        or 0x43 <= space <= 0x48
        or 0x51 <= space <= CERTIFICATE_AUTHENTICATOR
        or space == LOGIX_CONTROLLER
        or space == LOGIX_LOCK
        or space == 0x93
        or space == CHANGE_LOG
        or 0xF0 <= space <= 0xF8
        or 0x109 <= space <= 0x10A
    ):
        return Operation.CONFIGURE
    return Operation.WRITE


def _create_or_delete(space: int) -> int:
    if space == CONNECTION or space == CONNECTION_MANAGER or space == DEVICENET:
        return Operation.SESSION
    if space == FILE_OBJECT:
        return Operation.FILE
    if space == LOGIX_LIST or space == CHANGE_LOG:
        return Operation.SUBSCRIBE
    return Operation.PROGRAM_DOWNLOAD if _is_logix_project(space) else Operation.CONFIGURE


def _reset(space: int) -> int:
    # Resetting a connection, a counter or a list does not restart a device.
    if space == CONNECTION:
        return Operation.SESSION
    if space == LOGIX_LIST:
        return Operation.SUBSCRIBE
    if (
        space == IDENTITY_OBJECT
        or space == CONTROL_SUPERVISOR
        or space == LOGIX_MODE
        or space == LOGIX_CONTROLLER
        or space < 0
    ):
        return Operation.RESET
    return Operation.CONFIGURE


def _common(service: int, space: int) -> int:
    if service in (GET_ALL, GET_LIST, GET_SINGLE, GET_MEMBER, 0x1D):
        return _get(space)
    if service in (SET_ALL, SET_LIST, SET_SINGLE, SET_MEMBER, INSERT_MEMBER, REMOVE_MEMBER):
        return _set(space)
    if service == RESET:
        return _reset(space)
    if service == START:
        return Operation.START
    if service == STOP:
        return Operation.STOP
    if service == CREATE or service == DELETE:
        return _create_or_delete(space)
    if service in (APPLY, RESTORE, SAVE):
        return Operation.CONFIGURE
    if service == FIND_NEXT:
        return Operation.BROWSE
    if service == NO_OPERATION:
        return Operation.SESSION
    if service == GROUP_SYNC:
        return Operation.TIME
    return Operation.PROTOCOL_ERROR if service == ERROR else Operation.OTHER


def _of_tags(service: int) -> int:
    if service == READ_TAG or service == READ_FRAGMENTED:
        return Operation.READ
    if service == WRITE_TAG or service == READ_MODIFY_WRITE or service == WRITE_FRAGMENTED:
        return Operation.WRITE
    return Operation.BROWSE if service == INSTANCE_LIST or service == 0x4B else Operation.OTHER


def _of_modbus(service: int) -> int:
    if service <= 0x4E:
        return Operation.READ
    if service == 0x4F:
        return Operation.OPERATE
    return Operation.WRITE if service == 0x50 else Operation.OTHER


def _of_logix(service: int, space: int) -> int:
    if space == LOGIX_ROUTINE and service == 0x4F:
        return Operation.PROGRAM_UPLOAD
    if space == LOGIX_ROUTINE and service == 0x50:
        return Operation.PROGRAM_DOWNLOAD
    if service == FIRST_SPECIFIC or service == INSTANCE_LIST or space == TEMPLATE:
        return Operation.BROWSE
    if space == LOGIX_DATA:
        return _of_tags(service)
    return Operation.OTHER


def _operation(service: int, space: int) -> int:
    """The Operation of `service` at class `space` (-1 where the path names none)."""
    if service < FIRST_SPECIFIC:
        return _common(service, space)
    if space == SYMBOL:
        return _of_tags(service)
    if space == CONNECTION_MANAGER:
        return Operation.DIAGNOSE if service in (0x56, 0x57, 0x5A) else Operation.SESSION
    if space == CONNECTION or space == DEVICENET:
        return Operation.SESSION
    if space == FILE_OBJECT:
        return Operation.FILE
    if space == NONVOLATILE:
        return Operation.FIRMWARE
    if space == LOGIX_LIST:
        return Operation.READ if service == READ_TAG else Operation.SUBSCRIBE
    if space == LOGIX_LOCK or CIP_SECURITY <= space <= 0x60:
        return Operation.CONFIGURE
    if 0x61 <= space <= CERTIFICATE_AUTHENTICATOR:
        return Operation.AUTHENTICATE
    if space == MODBUS_OBJECT:
        return _of_modbus(service)
    if space == IDENTITY_OBJECT:
        return Operation.IDENTIFY
    if space == PARAMETER:
        return Operation.READ
    if space == ETHERNET_LINK or space == CHANGE_LOG or space == TCP_IP_INTERFACE:
        return Operation.DIAGNOSE
    if _is_logix_project(space):
        return _of_logix(service, space)
    return Operation.OTHER


_NO_CLASS, _OTHER_CLASS = 0, 1
_LAST_COMMON, _LAST_SPECIFIC = 0x1D, 0x5C
_ROWS = np.full(max(CLASSES) + 1, _OTHER_CLASS)
_OPERATIONS = np.zeros((len(CLASSES) + 2, 128), np.int8)
# A table, since the decisions above would take long to compile.
for _row, _space in enumerate((-1, max(CLASSES) + 1, *CLASSES)):
    if _row > _OTHER_CLASS:
        _ROWS[_space] = _row
    for _service in (*range(_LAST_COMMON + 1), *range(FIRST_SPECIFIC, _LAST_SPECIFIC + 1)):
        _OPERATIONS[_row, _service] = _operation(_service, _space)
    _OPERATIONS[_row, _LAST_SPECIFIC:] = _OPERATIONS[_row, _LAST_SPECIFIC]


@kernel
def operation_of(service: Int, space: Int) -> Int:
    """The Operation of `service` (0 to 127) at class `space` (-1 where the path names none)."""
    if space < 0:
        return np.int64(_OPERATIONS[_NO_CLASS, service])
    row = _ROWS[space] if space < _ROWS.shape[0] else np.int64(_OTHER_CLASS)
    return np.int64(_OPERATIONS[row, service])
