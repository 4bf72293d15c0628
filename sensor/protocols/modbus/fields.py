"""The protocol's own fields, and the numbers under which kernels write them."""

from __future__ import annotations

from sensor.protocols.protocol import Field, Number, field_ids

DEVICE_ID_OBJECTS = {
    0: "vendor_name",
    1: "product_code",
    2: "major_minor_revision",
    3: "vendor_url",
    4: "product_name",
    5: "model_name",
    6: "user_application_name",
}
CONFORMITY = {
    0x01: "basic, stream",
    0x02: "regular, stream",
    0x03: "extended, stream",
    0x81: "basic, stream and individual",
    0x82: "regular, stream and individual",
    0x83: "extended, stream and individual",
}
READ_DEVICE_ID = {1: "basic", 2: "regular", 3: "extended", 4: "individual"}

FIELDS = (
    Field("modbus.transaction_id", "integer", "MBAP transaction identifier", volatile=True),
    Field("modbus.values", "integer", "Register values or bits, in the order of addresses", True),
    Field("modbus.data", "bytes", "Octets of a function without fields of its own"),
    Field("modbus.and_mask", "hex", "Mask Write Register: AND mask"),
    Field("modbus.or_mask", "hex", "Mask Write Register: OR mask"),
    Field("modbus.write_address", "integer", "Read/Write Multiple Registers: first written register"),
    Field("modbus.write_count", "integer", "Read/Write Multiple Registers: registers written"),
    Field("modbus.file", "integer", "File number of each file record", True),
    Field("modbus.record", "integer", "First record of each file record", True),
    Field("modbus.conformity", "integer", "Device identification: conformity level", values=CONFORMITY),
    Field("modbus.device_id", "integer", "Device identification: kind of access", values=READ_DEVICE_ID),
    Field(
        "modbus.object_id",
        "integer",
        "Device identification: object, one for each value",
        True,
        DEVICE_ID_OBJECTS,
    ),
    Field("modbus.object_value", "text", "Device identification: value of each object", True),
    Field("modbus.server_id", "bytes", "Report Server ID: the device's own data"),
    Field("modbus.event_count", "integer", "Comm event counter"),
    Field("modbus.diagnostic_data", "hex", "Diagnostics: data field"),
    Field("modbus.length", "integer", "MBAP length field, where it contradicts the PDU"),
)
_IDS = field_ids(Number.MODBUS, FIELDS)
TRANSACTION_ID = _IDS["modbus.transaction_id"]
VALUES = _IDS["modbus.values"]
DATA = _IDS["modbus.data"]
AND_MASK = _IDS["modbus.and_mask"]
OR_MASK = _IDS["modbus.or_mask"]
WRITE_ADDRESS = _IDS["modbus.write_address"]
WRITE_COUNT = _IDS["modbus.write_count"]
FILE = _IDS["modbus.file"]
RECORD = _IDS["modbus.record"]
CONFORMITY = _IDS["modbus.conformity"]
DEVICE_ID = _IDS["modbus.device_id"]
OBJECT_ID = _IDS["modbus.object_id"]
OBJECT_VALUE = _IDS["modbus.object_value"]
SERVER_ID = _IDS["modbus.server_id"]
EVENT_COUNT = _IDS["modbus.event_count"]
DIAGNOSTIC_DATA = _IDS["modbus.diagnostic_data"]
LENGTH = _IDS["modbus.length"]
