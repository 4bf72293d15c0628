"""The fields that DNP3 adds to a message, and the names of their codes."""

from __future__ import annotations

from sensor.protocols.protocol import Field, Number, field_ids

INDICATIONS = {
    0: "broadcast",
    1: "class_1_events",
    2: "class_2_events",
    3: "class_3_events",
    4: "need_time",
    5: "local_control",
    6: "device_trouble",
    7: "device_restart",
    8: "no_function_code_support",
    9: "object_unknown",
    10: "parameter_error",
    11: "event_buffer_overflow",
    12: "already_executing",
    13: "configuration_corrupt",
    14: "reserved_2.6",
    15: "reserved_2.7",
}
"""Bits of the internal indications (4.5): IIN1.0 is 0, IIN2.0 is 8."""

CONTROL_STATUSES = {
    0: "success",
    1: "timeout",
    2: "no_select",
    3: "format_error",
    4: "not_supported",
    5: "already_active",
    6: "hardware_error",
    7: "local",
    8: "too_many_objects",
    9: "not_authorized",
    10: "automation_inhibit",
    11: "processing_limited",
    12: "out_of_range",
    13: "downstream_local",
    14: "already_complete",
    15: "blocked",
    16: "cancelled",
    17: "blocked_other_master",
    18: "downstream_fail",
    126: "non_participating",
    127: "undefined",
}
FILE_STATUSES = {
    0: "success",
    1: "permission_denied",
    2: "invalid_mode",
    3: "file_not_found",
    4: "file_locked",
    5: "too_many_open",
    6: "invalid_handle",
    7: "write_block_size",
    8: "communication_lost",
    9: "cannot_abort",
    16: "not_opened",
    17: "handle_expired",
    18: "buffer_overrun",
    19: "fatal",
    20: "block_sequence",
    255: "undefined",
}
AUTHENTICATION_ERRORS = {
    1: "authentication_failed",
    2: "unexpected_reply",
    3: "no_reply",
    4: "aggressive_mode_not_permitted",
    5: "mac_algorithm_not_permitted",
    6: "key_wrap_algorithm_not_permitted",
    7: "authorization_failed",
    8: "update_key_change_method_not_permitted",
    9: "invalid_signature",
    10: "invalid_certification_data",
    11: "unknown_user",
    12: "max_session_key_requests_exceeded",
}

REFUSALS, CONTROL_STATUS, FILE_STATUS, AUTHENTICATION_ERROR = 0x17, 256, 512, 768
"""`status` of a row is IIN2 bits 0 to 5; 256 and the status of a control; 512 and the status of a
file command; 768 and an authentication error. REFUSALS are the bits with which a request is refused;
the other two (event buffer overflow, configuration corrupt) are conditions of the outstation."""

STATUSES = (
    {bits: ", ".join(INDICATIONS[8 + bit] for bit in range(6) if bits >> bit & 1) for bits in range(1, 64)}
    | {CONTROL_STATUS + code: name for code, name in CONTROL_STATUSES.items() if code}
    | {FILE_STATUS + code: f"file_{name}" for code, name in FILE_STATUSES.items() if code}
    | {AUTHENTICATION_ERROR + code: name for code, name in AUTHENTICATION_ERRORS.items()}
)

CONTROL_OPERATIONS = {0: "nul", 1: "pulse_on", 2: "pulse_off", 3: "latch_on", 4: "latch_off"}
TRIP_CLOSE = {0: "nul", 1: "close", 2: "trip", 3: "reserved"}
FILE_MODES = {0: "null", 1: "read", 2: "write", 3: "append"}
FILE_TYPES = {0: "directory", 1: "file"}
ATTRIBUTE_TYPES = {
    1: "visible_string",
    2: "unsigned_integer",
    3: "signed_integer",
    4: "floating_point",
    5: "octet_string",
    6: "bit_string",
    7: "time",
    254: "attribute_list",
    255: "extended_attribute_list",
}
LINK_FUNCTION_NAMES = {
    0x10: "reset_link_states",
    0x11: "reset_user_process",
    0x12: "test_link_states",
    0x13: "confirmed_user_data",
    0x14: "unconfirmed_user_data",
    0x19: "request_link_status",
    0x00: "ack",
    0x01: "nack",
    0x0B: "link_status",
    0x0E: "not_functioning",
    0x0F: "not_supported",
}
ATTRIBUTES = {
    196: "configuration_id",
    197: "configuration_version",
    198: "configuration_build_date",
    199: "configuration_last_change_date",
    200: "configuration_signature",
    201: "configuration_signature_algorithm",
    202: "master_resource_id",
    203: "device_location_altitude",
    204: "device_location_longitude",
    205: "device_location_latitude",
    206: "secondary_operator_name",
    207: "primary_operator_name",
    208: "system_name",
    209: "secure_authentication_version",
    210: "security_statistics_per_association",
    211: "user_specific_attributes",
    212: "master_data_set_prototypes",
    213: "outstation_data_set_prototypes",
    214: "master_data_sets",
    215: "outstation_data_sets",
    216: "binary_outputs_per_request",
    217: "local_timing_accuracy",
    218: "time_accuracy_duration",
    219: "analog_output_events",
    220: "analog_output_index",
    221: "analog_outputs",
    222: "binary_output_events",
    223: "binary_output_index",
    224: "binary_outputs",
    225: "frozen_counter_events",
    226: "frozen_counters",
    227: "counter_events",
    228: "counter_index",
    229: "counters",
    230: "frozen_analog_inputs",
    231: "analog_input_events",
    232: "analog_input_index",
    233: "analog_inputs",
    234: "double_bit_events",
    235: "double_bit_index",
    236: "double_bit_inputs",
    237: "binary_input_events",
    238: "binary_input_index",
    239: "binary_inputs",
    240: "transmit_fragment_size",
    241: "receive_fragment_size",
    242: "software_version",
    243: "hardware_version",
    244: "owner_name",
    245: "location",
    246: "device_id",
    247: "device_name",
    248: "serial_number",
    249: "conformance_level",
    250: "product_name_and_model",
    252: "manufacturer_name",
    254: "all_attributes",
    255: "attribute_list",
}
"""Variations of group 0 in the standard set (annex A.1)."""

FIELDS = (
    Field("dnp3.source", "integer", "Link address of the sender"),
    Field("dnp3.destination", "integer", "Link address of the receiver"),
    Field("dnp3.from_master", "boolean", "Link control: DIR bit"),
    Field("dnp3.primary", "boolean", "Link control: PRM bit"),
    Field("dnp3.frame_count_bit", "boolean", "Link control: FCB, where it is valid"),
    Field("dnp3.data_flow_control", "boolean", "Link control: DFC, from the secondary station"),
    Field(
        "dnp3.link_function",
        "integer",
        "Link function; 16 is added where PRM is set",
        values=LINK_FUNCTION_NAMES,
    ),
    Field("dnp3.crc_errors", "integer", "Blocks of the frame whose CRC is wrong"),
    Field("dnp3.skipped", "integer", "Octets that belong to no link frame"),
    Field("dnp3.lost", "integer", "Octets of an unfinished fragment that was given up"),
    Field("dnp3.transport_sequence", "integer", "Sequence number of the segment that ended the fragment"),
    Field("dnp3.first", "boolean", "Application control: FIR"),
    Field("dnp3.final", "boolean", "Application control: FIN"),
    Field("dnp3.confirm", "boolean", "Application control: CON, a confirmation is asked for"),
    Field("dnp3.unsolicited", "boolean", "Application control: UNS"),
    Field("dnp3.sequence", "integer", "Application control: sequence number"),
    Field("dnp3.iin", "hex", "Internal indications, IIN1 in the upper octet"),
    Field("dnp3.indications", "integer", "Internal indications that are set", True, INDICATIONS),
    Field("dnp3.object", "hex", "Object header: group in the upper octet, variation in the lower"),
    Field("dnp3.qualifier", "hex", "Object header: qualifier"),
    Field("dnp3.range_start", "integer", "Object header: first index"),
    Field("dnp3.range_stop", "integer", "Object header: last index"),
    Field("dnp3.range_count", "integer", "Object header: quantity"),
    Field("dnp3.index", "integer", "Index of each object that has a prefix", True),
    Field("dnp3.values", "real", "Value of each object, in the order of indices", True),
    Field("dnp3.flags", "hex", "Flags (quality) of each object", True),
    Field("dnp3.times", "integer", "Time of each object, milliseconds since 1970 UTC", True),
    Field("dnp3.relative_times", "integer", "Time of each object, milliseconds since the common time", True),
    Field("dnp3.interval", "integer", "Time and interval: the interval, in its own units"),
    Field("dnp3.unknown_object", "hex", "Group and variation that ended the reading of the fragment"),
    Field("dnp3.data", "bytes", "Octets of an object without fields of its own", True),
    Field("dnp3.control_code", "hex", "Control relay output block: control code"),
    Field("dnp3.control_operation", "integer", "Control code: operation type", values=CONTROL_OPERATIONS),
    Field("dnp3.trip_close", "integer", "Control code: trip-close code", values=TRIP_CLOSE),
    Field("dnp3.queue", "boolean", "Control code: queue bit (obsolete)"),
    Field("dnp3.clear", "boolean", "Control code: clear bit"),
    Field("dnp3.execute_count", "integer", "Control relay output block: repetitions"),
    Field("dnp3.on_time", "integer", "Control relay output block: on time in milliseconds"),
    Field("dnp3.off_time", "integer", "Control relay output block: off time in milliseconds"),
    Field("dnp3.control_status", "integer", "Status of a control", values=CONTROL_STATUSES),
    Field("dnp3.attribute", "integer", "Device attribute: variation, one for each value", True, ATTRIBUTES),
    Field("dnp3.attribute_set", "integer", "Device attribute: set; 0 is the standard's"),
    Field(
        "dnp3.attribute_type", "integer", "Device attribute: data type of each value", True, ATTRIBUTE_TYPES
    ),
    Field("dnp3.attribute_value", "text", "Device attribute: each value", True),
    Field("dnp3.file_name", "text", "File: name"),
    Field("dnp3.file_size", "integer", "File: size in octets"),
    Field("dnp3.file_mode", "integer", "File: mode of opening", values=FILE_MODES),
    Field("dnp3.file_permissions", "hex", "File: permissions"),
    Field("dnp3.file_key", "hex", "File: authentication key"),
    Field("dnp3.file_block_size", "integer", "File: largest block in octets"),
    Field("dnp3.file_request", "integer", "File: request identifier"),
    Field("dnp3.file_handle", "hex", "File: handle"),
    Field("dnp3.file_block", "integer", "File: block number"),
    Field("dnp3.file_last_block", "boolean", "File: whether the block is the last"),
    Field("dnp3.file_status", "integer", "File: status", values=FILE_STATUSES),
    Field("dnp3.file_type", "integer", "File: type", values=FILE_TYPES),
    Field("dnp3.file_time", "integer", "File: time of creation, milliseconds since 1970 UTC"),
    Field("dnp3.file_user", "text", "File authentication: user name"),
    Field("dnp3.authentication_user", "integer", "Secure authentication: user number"),
    Field("dnp3.authentication_sequence", "integer", "Secure authentication: challenge or key sequence"),
    Field("dnp3.authentication_algorithm", "integer", "Secure authentication: MAC algorithm"),
    Field("dnp3.authentication_reason", "integer", "Secure authentication: reason for the challenge"),
    Field("dnp3.key_status", "integer", "Secure authentication: session key status"),
    Field("dnp3.association", "integer", "Secure authentication: association identifier"),
    Field(
        "dnp3.authentication_error", "integer", "Secure authentication: error", values=AUTHENTICATION_ERRORS
    ),
    Field("dnp3.key_change_method", "integer", "Secure authentication: update key change method"),
    Field("dnp3.user_operation", "integer", "Secure authentication: user status change"),
    Field("dnp3.user_role", "integer", "Secure authentication: role of the user"),
    Field("dnp3.user_name", "text", "Secure authentication: user name"),
)

_IDS = field_ids(Number.DNP3, FIELDS)
SOURCE = _IDS["dnp3.source"]
DESTINATION = _IDS["dnp3.destination"]
FROM_MASTER = _IDS["dnp3.from_master"]
PRIMARY = _IDS["dnp3.primary"]
FRAME_COUNT_BIT = _IDS["dnp3.frame_count_bit"]
DATA_FLOW_CONTROL = _IDS["dnp3.data_flow_control"]
LINK_FUNCTION = _IDS["dnp3.link_function"]
CRC_ERRORS = _IDS["dnp3.crc_errors"]
SKIPPED = _IDS["dnp3.skipped"]
LOST = _IDS["dnp3.lost"]
TRANSPORT_SEQUENCE = _IDS["dnp3.transport_sequence"]
FIRST = _IDS["dnp3.first"]
FINAL = _IDS["dnp3.final"]
CONFIRM = _IDS["dnp3.confirm"]
UNSOLICITED = _IDS["dnp3.unsolicited"]
SEQUENCE = _IDS["dnp3.sequence"]
IIN = _IDS["dnp3.iin"]
INDICATION = _IDS["dnp3.indications"]
OBJECT = _IDS["dnp3.object"]
QUALIFIER = _IDS["dnp3.qualifier"]
RANGE_START = _IDS["dnp3.range_start"]
RANGE_STOP = _IDS["dnp3.range_stop"]
RANGE_COUNT = _IDS["dnp3.range_count"]
INDEX = _IDS["dnp3.index"]
VALUES = _IDS["dnp3.values"]
FLAGS = _IDS["dnp3.flags"]
TIMES = _IDS["dnp3.times"]
RELATIVE_TIMES = _IDS["dnp3.relative_times"]
INTERVAL = _IDS["dnp3.interval"]
UNKNOWN_OBJECT = _IDS["dnp3.unknown_object"]
DATA = _IDS["dnp3.data"]
CONTROL_CODE = _IDS["dnp3.control_code"]
CONTROL_OPERATION = _IDS["dnp3.control_operation"]
TRIP_CLOSE_CODE = _IDS["dnp3.trip_close"]
QUEUE = _IDS["dnp3.queue"]
CLEAR = _IDS["dnp3.clear"]
EXECUTE_COUNT = _IDS["dnp3.execute_count"]
ON_TIME = _IDS["dnp3.on_time"]
OFF_TIME = _IDS["dnp3.off_time"]
STATUS_OF_CONTROL = _IDS["dnp3.control_status"]
ATTRIBUTE = _IDS["dnp3.attribute"]
ATTRIBUTE_SET = _IDS["dnp3.attribute_set"]
ATTRIBUTE_TYPE = _IDS["dnp3.attribute_type"]
ATTRIBUTE_VALUE = _IDS["dnp3.attribute_value"]
FILE_NAME = _IDS["dnp3.file_name"]
FILE_SIZE = _IDS["dnp3.file_size"]
FILE_MODE = _IDS["dnp3.file_mode"]
FILE_PERMISSIONS = _IDS["dnp3.file_permissions"]
FILE_KEY = _IDS["dnp3.file_key"]
FILE_BLOCK_SIZE = _IDS["dnp3.file_block_size"]
FILE_REQUEST = _IDS["dnp3.file_request"]
FILE_HANDLE = _IDS["dnp3.file_handle"]
FILE_BLOCK = _IDS["dnp3.file_block"]
FILE_LAST_BLOCK = _IDS["dnp3.file_last_block"]
STATUS_OF_FILE = _IDS["dnp3.file_status"]
FILE_TYPE = _IDS["dnp3.file_type"]
FILE_TIME = _IDS["dnp3.file_time"]
FILE_USER = _IDS["dnp3.file_user"]
AUTHENTICATION_USER = _IDS["dnp3.authentication_user"]
AUTHENTICATION_SEQUENCE = _IDS["dnp3.authentication_sequence"]
AUTHENTICATION_ALGORITHM = _IDS["dnp3.authentication_algorithm"]
AUTHENTICATION_REASON = _IDS["dnp3.authentication_reason"]
KEY_STATUS = _IDS["dnp3.key_status"]
ASSOCIATION = _IDS["dnp3.association"]
ERROR_OF_AUTHENTICATION = _IDS["dnp3.authentication_error"]
KEY_CHANGE_METHOD = _IDS["dnp3.key_change_method"]
USER_OPERATION = _IDS["dnp3.user_operation"]
USER_ROLE = _IDS["dnp3.user_role"]
USER_NAME = _IDS["dnp3.user_name"]
