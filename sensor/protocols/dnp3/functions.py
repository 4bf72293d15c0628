"""Function codes of the application layer (IEEE 1815-2012, 4.4) and of the link layer (9.2.4)."""

from __future__ import annotations

import numpy as np

from sensor.kernel import kernel
from sensor.messages import Operation
from sensor.protocols.dnp3.groups import (
    ACTIVATE,
    ATTRIBUTES,
    AUTHENTICATION,
    BINARY_COMMAND,
    BINARY_OUTPUT,
    CLASSES,
    DEADBAND,
    FILES,
    OUTPUT_COMMAND,
    OUTPUT_STATUS,
    TIME,
    TIME_DELAY,
)
from sensor.types import Int

CONFIRM, READ, WRITE, SELECT, OPERATE, DIRECT_OPERATE, DIRECT_OPERATE_NR = range(7)
FREEZE, FREEZE_NR, FREEZE_CLEAR, FREEZE_CLEAR_NR, FREEZE_AT_TIME, FREEZE_AT_TIME_NR = range(7, 13)
COLD_RESTART, WARM_RESTART, INITIALIZE_DATA, INITIALIZE_APPLICATION = range(13, 17)
START_APPLICATION, STOP_APPLICATION, SAVE_CONFIGURATION = range(17, 20)
ENABLE_UNSOLICITED, DISABLE_UNSOLICITED, ASSIGN_CLASS = range(20, 23)
DELAY_MEASURE, RECORD_CURRENT_TIME = 23, 24
OPEN_FILE, CLOSE_FILE, DELETE_FILE, GET_FILE_INFO, AUTHENTICATE_FILE, ABORT_FILE = range(25, 31)
ACTIVATE_CONFIGURATION, AUTHENTICATE, AUTHENTICATE_NR = 31, 32, 33
RESPONSE, UNSOLICITED_RESPONSE, AUTHENTICATE_RESPONSE = 129, 130, 131

LINK_PRIMARY = 0x10
"""Added to a link function code where the PRM bit is set, in `subfunction` of link-only rows."""
RESET_LINK, TEST_LINK, CONFIRMED_DATA, UNCONFIRMED_DATA, REQUEST_LINK_STATUS = 0, 2, 3, 4, 9
LINK_NACK, LINK_NOT_SUPPORTED = 1, 15

LINK_FUNCTIONS = {
    LINK_PRIMARY | RESET_LINK: "Reset Link States",
    LINK_PRIMARY | 1: "Reset User Process",
    LINK_PRIMARY | TEST_LINK: "Test Link States",
    LINK_PRIMARY | CONFIRMED_DATA: "Confirmed User Data",
    LINK_PRIMARY | UNCONFIRMED_DATA: "Unconfirmed User Data",
    LINK_PRIMARY | REQUEST_LINK_STATUS: "Request Link Status",
    0: "Link ACK",
    LINK_NACK: "Link NACK",
    11: "Link Status",
    14: "Link Not Functioning",
    LINK_NOT_SUPPORTED: "Link Not Supported",
}

APPLICATION_FUNCTIONS = {
    CONFIRM: "Confirm",
    READ: "Read",
    WRITE: "Write",
    SELECT: "Select",
    OPERATE: "Operate",
    DIRECT_OPERATE: "Direct Operate",
    DIRECT_OPERATE_NR: "Direct Operate, No Response",
    FREEZE: "Immediate Freeze",
    FREEZE_NR: "Immediate Freeze, No Response",
    FREEZE_CLEAR: "Freeze and Clear",
    FREEZE_CLEAR_NR: "Freeze and Clear, No Response",
    FREEZE_AT_TIME: "Freeze at Time",
    FREEZE_AT_TIME_NR: "Freeze at Time, No Response",
    COLD_RESTART: "Cold Restart",
    WARM_RESTART: "Warm Restart",
    INITIALIZE_DATA: "Initialize Data",
    INITIALIZE_APPLICATION: "Initialize Application",
    START_APPLICATION: "Start Application",
    STOP_APPLICATION: "Stop Application",
    SAVE_CONFIGURATION: "Save Configuration",
    ENABLE_UNSOLICITED: "Enable Unsolicited Responses",
    DISABLE_UNSOLICITED: "Disable Unsolicited Responses",
    ASSIGN_CLASS: "Assign Class",
    DELAY_MEASURE: "Delay Measurement",
    RECORD_CURRENT_TIME: "Record Current Time",
    OPEN_FILE: "Open File",
    CLOSE_FILE: "Close File",
    DELETE_FILE: "Delete File",
    GET_FILE_INFO: "Get File Information",
    AUTHENTICATE_FILE: "Authenticate File",
    ABORT_FILE: "Abort File Transfer",
    ACTIVATE_CONFIGURATION: "Activate Configuration",
    AUTHENTICATE: "Authentication Request",
    AUTHENTICATE_NR: "Authentication Request, No Acknowledgment",
    RESPONSE: "Response",
    UNSOLICITED_RESPONSE: "Unsolicited Response",
    AUTHENTICATE_RESPONSE: "Authentication Response",
}

FUNCTIONS = {(code, -1): name for code, name in APPLICATION_FUNCTIONS.items()} | {
    (-1, code): name for code, name in LINK_FUNCTIONS.items()
}
"""Link-only rows have no function (-1) and the link function, with its PRM bit, as subfunction."""


@kernel
def is_known(function: Int) -> bool:
    """Whether the standard assigns this application function code."""
    return function <= AUTHENTICATE_NR or RESPONSE <= function <= AUTHENTICATE_RESPONSE


@kernel
def is_control(function: Int) -> bool:
    """Whether the request drives outputs: select, operate, direct operate."""
    return SELECT <= function <= DIRECT_OPERATE_NR


@kernel
def has_response(function: Int) -> bool:
    """Whether an outstation answers this request."""
    return function not in (
        CONFIRM,
        DIRECT_OPERATE_NR,
        FREEZE_NR,
        FREEZE_CLEAR_NR,
        FREEZE_AT_TIME_NR,
        AUTHENTICATE_NR,
    )


@kernel
def names_objects_only(function: Int) -> bool:
    """Whether the object headers of this request are not followed by objects (4.4, 4.2.2.7)."""
    return function == READ or FREEZE <= function <= FREEZE_AT_TIME_NR or 20 <= function <= ASSIGN_CLASS


@kernel
def _written(group: Int) -> Int:
    """What a WRITE of this object group does."""
    if group in (TIME, 51):
        return np.int64(Operation.TIME)
    if group == FILES:
        return np.int64(Operation.FILE)
    if group in (ATTRIBUTES, DEADBAND, CLASSES, ACTIVATE):
        return np.int64(Operation.CONFIGURE)
    if group in (BINARY_OUTPUT, BINARY_COMMAND, OUTPUT_STATUS, OUTPUT_COMMAND):
        return np.int64(Operation.OPERATE)
    return np.int64(Operation.AUTHENTICATE if group == AUTHENTICATION else Operation.WRITE)


@kernel
def operation_of(function: Int, group: Int) -> Int:
    """The operation that a request performs on objects of this group (-1 where it names none)."""
    if function == READ:
        if group == ATTRIBUTES:
            return np.int64(Operation.IDENTIFY)
        return np.int64(Operation.FILE if group == FILES else Operation.READ)
    if function == WRITE:
        return _written(group)
    if is_control(function):
        return np.int64(Operation.OPERATE)
    if function in (FREEZE_CLEAR, FREEZE_CLEAR_NR):
        return np.int64(Operation.WRITE)  # it zeroes the running counters
    if function in (COLD_RESTART, WARM_RESTART, INITIALIZE_APPLICATION):
        return np.int64(Operation.RESET)
    if function == START_APPLICATION:
        return np.int64(Operation.START)
    if function == STOP_APPLICATION:
        return np.int64(Operation.STOP)
    if function in (INITIALIZE_DATA, SAVE_CONFIGURATION, ASSIGN_CLASS, ACTIVATE_CONFIGURATION):
        return np.int64(Operation.CONFIGURE)
    if function in (ENABLE_UNSOLICITED, DISABLE_UNSOLICITED):
        return np.int64(Operation.SUBSCRIBE)
    if function in (DELAY_MEASURE, RECORD_CURRENT_TIME):
        return np.int64(Operation.TIME)
    if function in (AUTHENTICATE_FILE, AUTHENTICATE, AUTHENTICATE_NR, AUTHENTICATE_RESPONSE):
        return np.int64(Operation.AUTHENTICATE)
    if OPEN_FILE <= function <= ABORT_FILE:
        return np.int64(Operation.FILE)
    if function == UNSOLICITED_RESPONSE:
        return np.int64(Operation.REPORT)
    return np.int64(Operation.SESSION if function == CONFIRM else Operation.OTHER)


@kernel
def operation_answered(group: Int) -> Int:
    """What a response whose request was not seen most likely answers, by its object group."""
    if group < 0:
        return np.int64(Operation.OTHER)
    if group == ATTRIBUTES:
        return np.int64(Operation.IDENTIFY)
    if group == BINARY_COMMAND or group == OUTPUT_COMMAND:
        return np.int64(Operation.OPERATE)
    if group == FILES:
        return np.int64(Operation.FILE)
    if group == TIME_DELAY:
        return np.int64(Operation.TIME)
    return np.int64(Operation.AUTHENTICATE if group == AUTHENTICATION else Operation.READ)
