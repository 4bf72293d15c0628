"""Fields of COTP, S7comm and S7comm-plus, and the numbers under which kernels write them."""

from __future__ import annotations

from sensor.protocols.protocol import Field, Number, field_ids
from sensor.protocols.s7comm import names

COTP_FIELDS = (
    Field("cotp.source_reference", "hex", "Source reference"),
    Field("cotp.destination_reference", "hex", "Destination reference"),
    Field("cotp.class", "integer", "Transport class that is asked for or agreed"),
    Field("cotp.tpdu_size", "integer", "Largest TPDU, octets"),
    Field("cotp.calling_tsap", "bytes", "TSAP of parameter C1 (the calling side)"),
    Field("cotp.called_tsap", "bytes", "TSAP of parameter C2 (the called side)"),
    Field(
        "cotp.connection_type",
        "integer",
        "What kind of S7 connection the called TSAP asks for",
        values=names.CONNECTION_TYPES,
    ),
    Field("cotp.rack", "integer", "Rack in the called TSAP"),
    Field("cotp.slot", "integer", "Slot in the called TSAP"),
    Field("cotp.reason", "integer", "Why a connection ends", values=names.DISCONNECT_REASONS),
    Field("cotp.reject_cause", "integer", "Why a TPDU was rejected (ER)"),
    Field("cotp.payload_length", "integer", "Octets of user data that are no S7 PDU"),
)
_COTP = field_ids(Number.COTP, COTP_FIELDS)
SOURCE_REFERENCE = _COTP["cotp.source_reference"]
DESTINATION_REFERENCE = _COTP["cotp.destination_reference"]
TRANSPORT_CLASS = _COTP["cotp.class"]
TPDU_SIZE = _COTP["cotp.tpdu_size"]
CALLING_TSAP = _COTP["cotp.calling_tsap"]
CALLED_TSAP = _COTP["cotp.called_tsap"]
CONNECTION_TYPE = _COTP["cotp.connection_type"]
RACK = _COTP["cotp.rack"]
SLOT = _COTP["cotp.slot"]
REASON = _COTP["cotp.reason"]
REJECT_CAUSE = _COTP["cotp.reject_cause"]
PAYLOAD_LENGTH = _COTP["cotp.payload_length"]

S7_FIELDS = (
    Field("s7comm.rosctr", "integer", "Kind of PDU", values=names.ROSCTRS),
    Field("s7comm.pdu_reference", "integer", "PDU reference"),
    Field("s7comm.error_class", "hex", "Error class of the header", values=names.ERROR_CLASSES),
    Field("s7comm.error_code", "hex", "Error code of the header, or of the userdata parameters"),
    Field("s7comm.max_amq_calling", "integer", "Setup: unanswered jobs that the client may have"),
    Field("s7comm.max_amq_called", "integer", "Setup: unanswered jobs that the server may have"),
    Field("s7comm.pdu_length", "integer", "Setup: longest PDU, octets"),
    Field("s7comm.syntax_id", "hex", "Addressing of the item", values=names.SYNTAXES),
    Field("s7comm.area", "hex", "Memory area of the item", values=names.AREAS),
    Field("s7comm.db", "integer", "Number of the data block"),
    Field("s7comm.byte_address", "integer", "Byte address of the item"),
    Field("s7comm.bit_address", "integer", "Bit inside the byte"),
    Field("s7comm.transport_size", "integer", "Data type of the item", values=names.SIZES),
    Field("s7comm.item", "bytes", "The item's specification, where it is no S7ANY pointer"),
    Field("s7comm.return_code", "hex", "Return code of the item or of the data", values=names.STATUSES),
    Field("s7comm.data", "bytes", "The item's or the function's data"),
    Field("s7comm.function_status", "hex", "Status octet of an upload or download"),
    Field("s7comm.session_id", "integer", "Upload or download session"),
    Field("s7comm.filename", "text", "Block as a file name (`_0A00001P`)"),
    Field("s7comm.block_type", "integer", "Type of each block", True, names.BLOCK_TYPES),
    Field("s7comm.block_number", "integer", "Number of each block", True),
    Field("s7comm.block_count", "integer", "List blocks: how many of each type", True),
    Field("s7comm.destination_filesystem", "integer", "File system of the block", values=names.FILE_SYSTEMS),
    Field("s7comm.block_length", "integer", "Length of the block in load memory, octets"),
    Field("s7comm.code_length", "integer", "Length of the block's MC7 code, octets"),
    Field("s7comm.block_language", "integer", "Language of the block", values=names.BLOCK_LANGUAGES),
    Field("s7comm.block_author", "text", "Author of the block"),
    Field("s7comm.block_family", "text", "Family of the block"),
    Field("s7comm.block_name", "text", "Name in the block's header"),
    Field("s7comm.block_version", "hex", "Version of the block, major and minor in four bits each"),
    Field("s7comm.block_checksum", "hex", "Checksum of the block"),
    Field("s7comm.block_protection", "integer", "Know-how protection of the block: 3 where it is set"),
    Field("s7comm.pi_service", "text", "Name of the PI service"),
    Field("s7comm.pi_argument", "text", "Argument of the PI service"),
    Field("s7comm.sequence", "integer", "Userdata: sequence number"),
    Field("s7comm.data_unit_reference", "integer", "Userdata: reference of a fragmented answer"),
    Field("s7comm.last_data_unit", "boolean", "Userdata: no further fragment follows"),
    Field("s7comm.szl_id", "hex", "SZL id"),
    Field("s7comm.szl_list", "integer", "SZL partial list", values=names.SZL_LISTS),
    Field("s7comm.szl_index", "hex", "SZL index"),
    Field("s7comm.szl_records", "integer", "SZL: number of records"),
    Field("s7comm.module_index", "hex", "SZL 11: index of each record", True),
    Field("s7comm.order_number", "text", "SZL 11: order number of each record", True),
    Field("s7comm.module_version", "hex", "SZL 11: version words of each record", True),
    Field("s7comm.component_index", "integer", "SZL 1C: index of each record", True),
    Field("s7comm.component_name", "text", "SZL 1C: text of each record", True),
    Field("s7comm.manufacturer_id", "hex", "SZL 1C: manufacturer of the CPU (002A is Siemens)"),
    Field("s7comm.mac", "bytes", "SZL 37: MAC address of an Ethernet interface", True),
    Field("s7comm.ip", "bytes", "SZL 37: IPv4 address of an Ethernet interface", True),
    Field("s7comm.operating_state", "integer", "SZL 24: operating state", values=names.OPERATING_STATES),
    Field("s7comm.protection_level", "integer", "SZL 32: protection level that is in force"),
    Field("s7comm.mode_selector", "integer", "SZL 32: mode selector", values=names.MODE_SELECTOR),
    Field("s7comm.cycle_timebase", "integer", "Cyclic services: 0 is 0.1 s, 1 is 1 s, 2 is 10 s"),
    Field("s7comm.cycle_factor", "integer", "Cyclic services: multiple of the time base"),
    Field("s7comm.job_id", "integer", "Cyclic services: the subscription"),
    Field("s7comm.events", "hex", "Message service: kinds of messages asked for"),
    Field("s7comm.username", "text", "Message service: who asks"),
    Field("s7comm.event_id", "hex", "Event of a message or alarm", True),
    Field("s7comm.event_state", "hex", "State of each alarm", True),
    Field("s7comm.event_time", "integer", "Time of the event on the CPU's clock, YYYYMMDDhhmmss"),
    Field("s7comm.clock", "integer", "Time functions: the CPU's clock, YYYYMMDDhhmmss"),
)
_S7 = field_ids(Number.S7COMM, S7_FIELDS)
ROSCTR = _S7["s7comm.rosctr"]
PDU_REFERENCE = _S7["s7comm.pdu_reference"]
ERROR_CLASS = _S7["s7comm.error_class"]
ERROR_CODE = _S7["s7comm.error_code"]
AMQ_CALLING = _S7["s7comm.max_amq_calling"]
AMQ_CALLED = _S7["s7comm.max_amq_called"]
PDU_LENGTH = _S7["s7comm.pdu_length"]
SYNTAX_ID = _S7["s7comm.syntax_id"]
AREA = _S7["s7comm.area"]
DB_NUMBER = _S7["s7comm.db"]
BYTE_ADDRESS = _S7["s7comm.byte_address"]
BIT_ADDRESS = _S7["s7comm.bit_address"]
TRANSPORT_SIZE = _S7["s7comm.transport_size"]
ITEM = _S7["s7comm.item"]
RETURN_CODE = _S7["s7comm.return_code"]
DATA = _S7["s7comm.data"]
FUNCTION_STATUS = _S7["s7comm.function_status"]
SESSION_ID = _S7["s7comm.session_id"]
FILENAME = _S7["s7comm.filename"]
BLOCK_TYPE = _S7["s7comm.block_type"]
BLOCK_NUMBER = _S7["s7comm.block_number"]
BLOCK_COUNT = _S7["s7comm.block_count"]
DESTINATION = _S7["s7comm.destination_filesystem"]
BLOCK_LENGTH = _S7["s7comm.block_length"]
CODE_LENGTH = _S7["s7comm.code_length"]
BLOCK_LANGUAGE = _S7["s7comm.block_language"]
BLOCK_AUTHOR = _S7["s7comm.block_author"]
BLOCK_FAMILY = _S7["s7comm.block_family"]
BLOCK_NAME = _S7["s7comm.block_name"]
BLOCK_VERSION = _S7["s7comm.block_version"]
BLOCK_CHECKSUM = _S7["s7comm.block_checksum"]
BLOCK_PROTECTION = _S7["s7comm.block_protection"]
PI_NAME = _S7["s7comm.pi_service"]
PI_ARGUMENT = _S7["s7comm.pi_argument"]
SEQUENCE = _S7["s7comm.sequence"]
DATA_UNIT_REFERENCE = _S7["s7comm.data_unit_reference"]
LAST_DATA_UNIT = _S7["s7comm.last_data_unit"]
SZL_ID = _S7["s7comm.szl_id"]
SZL_LIST = _S7["s7comm.szl_list"]
SZL_INDEX = _S7["s7comm.szl_index"]
SZL_RECORDS = _S7["s7comm.szl_records"]
MODULE_INDEX = _S7["s7comm.module_index"]
ORDER_NUMBER = _S7["s7comm.order_number"]
MODULE_VERSION = _S7["s7comm.module_version"]
COMPONENT_INDEX = _S7["s7comm.component_index"]
COMPONENT_NAME = _S7["s7comm.component_name"]
MANUFACTURER = _S7["s7comm.manufacturer_id"]
MAC = _S7["s7comm.mac"]
IP = _S7["s7comm.ip"]
OPERATING_STATE = _S7["s7comm.operating_state"]
PROTECTION_LEVEL = _S7["s7comm.protection_level"]
MODE_SELECTOR = _S7["s7comm.mode_selector"]
CYCLE_TIMEBASE = _S7["s7comm.cycle_timebase"]
CYCLE_FACTOR = _S7["s7comm.cycle_factor"]
JOB_ID = _S7["s7comm.job_id"]
EVENTS = _S7["s7comm.events"]
USERNAME = _S7["s7comm.username"]
EVENT_ID = _S7["s7comm.event_id"]
EVENT_STATE = _S7["s7comm.event_state"]
EVENT_TIME = _S7["s7comm.event_time"]
CLOCK = _S7["s7comm.clock"]

PLUS_FIELDS = (
    Field("s7comm_plus.version", "integer", "Protocol version of the header"),
    Field("s7comm_plus.opcode", "hex", "Kind of PDU", values=names.PLUS_OPCODES),
    Field("s7comm_plus.sequence", "integer", "Sequence number that pairs request and response"),
    Field("s7comm_plus.continuation", "boolean", "A further fragment of the PDU before it"),
)
_PLUS = field_ids(Number.S7COMM_PLUS, PLUS_FIELDS)
PLUS_VERSION = _PLUS["s7comm_plus.version"]
PLUS_OPCODE = _PLUS["s7comm_plus.opcode"]
PLUS_SEQUENCE = _PLUS["s7comm_plus.sequence"]
PLUS_CONTINUATION = _PLUS["s7comm_plus.continuation"]
