"""Functions, object spaces and exceptions (MODBUS Application Protocol V1.1b3)."""

from __future__ import annotations

from sensor.protocols.modbus.umas import FUNCTIONS as UMAS_FUNCTIONS

READ_COILS, READ_DISCRETE_INPUTS, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, READ_EXCEPTION_STATUS, DIAGNOSTICS = 5, 6, 7, 8
EVENT_COUNTER, EVENT_LOG, WRITE_COILS, WRITE_REGISTERS, REPORT_SERVER_ID = 11, 12, 15, 16, 17
READ_FILE, WRITE_FILE, MASK_WRITE, READ_WRITE, READ_FIFO, ENCAPSULATED = 20, 21, 22, 23, 24, 43
UMAS = 90
MEI_CANOPEN, MEI_DEVICE_ID = 13, 14


FUNCTIONS = {
    (READ_COILS, -1): "Read Coils",
    (READ_DISCRETE_INPUTS, -1): "Read Discrete Inputs",
    (READ_HOLDING, -1): "Read Holding Registers",
    (READ_INPUT, -1): "Read Input Registers",
    (WRITE_COIL, -1): "Write Single Coil",
    (WRITE_REGISTER, -1): "Write Single Register",
    (READ_EXCEPTION_STATUS, -1): "Read Exception Status",
    (DIAGNOSTICS, -1): "Diagnostics",
    (DIAGNOSTICS, 0): "Return Query Data",
    (DIAGNOSTICS, 1): "Restart Communications Option",
    (DIAGNOSTICS, 2): "Return Diagnostic Register",
    (DIAGNOSTICS, 3): "Change ASCII Input Delimiter",
    (DIAGNOSTICS, 4): "Force Listen Only Mode",
    (DIAGNOSTICS, 10): "Clear Counters and Diagnostic Register",
    (DIAGNOSTICS, 11): "Return Bus Message Count",
    (DIAGNOSTICS, 12): "Return Bus Communication Error Count",
    (DIAGNOSTICS, 13): "Return Bus Exception Error Count",
    (DIAGNOSTICS, 14): "Return Server Message Count",
    (DIAGNOSTICS, 15): "Return Server No Response Count",
    (DIAGNOSTICS, 16): "Return Server NAK Count",
    (DIAGNOSTICS, 17): "Return Server Busy Count",
    (DIAGNOSTICS, 18): "Return Bus Character Overrun Count",
    (DIAGNOSTICS, 20): "Clear Overrun Counter and Flag",
    (EVENT_COUNTER, -1): "Get Comm Event Counter",
    (EVENT_LOG, -1): "Get Comm Event Log",
    (WRITE_COILS, -1): "Write Multiple Coils",
    (WRITE_REGISTERS, -1): "Write Multiple Registers",
    (REPORT_SERVER_ID, -1): "Report Server ID",
    (READ_FILE, -1): "Read File Record",
    (WRITE_FILE, -1): "Write File Record",
    (MASK_WRITE, -1): "Mask Write Register",
    (READ_WRITE, -1): "Read/Write Multiple Registers",
    (READ_FIFO, -1): "Read FIFO Queue",
    (ENCAPSULATED, -1): "Encapsulated Interface Transport",
    (ENCAPSULATED, MEI_CANOPEN): "CANopen General Reference",
    (ENCAPSULATED, MEI_DEVICE_ID): "Read Device Identification",
    (UMAS, -1): "Schneider UMAS",
    **{(UMAS, code): name for code, (name, _) in UMAS_FUNCTIONS.items()},
}
EXCEPTIONS = {
    1: "Illegal Function",
    2: "Illegal Data Address",
    3: "Illegal Data Value",
    4: "Server Device Failure",
    5: "Acknowledge",
    6: "Server Device Busy",
    7: "Negative Acknowledge",
    8: "Memory Parity Error",
    10: "Gateway Path Unavailable",
    11: "Gateway Target Device Failed to Respond",
}
COIL, DISCRETE_INPUT, HOLDING_REGISTER, INPUT_REGISTER, FILE_RECORD, FIFO = 0, 1, 2, 3, 4, 5
SPACES = {
    COIL: "coil",
    DISCRETE_INPUT: "discrete_input",
    HOLDING_REGISTER: "holding_register",
    INPUT_REGISTER: "input_register",
    FILE_RECORD: "file_record",
    FIFO: "fifo",
}
