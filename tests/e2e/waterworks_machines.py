"""The machines of a water works.

Names are invented; addresses are from RFC 5737 and RFC 1918.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

HOSTILE_NAME = "<script>alert('name')</script>"


@dataclass(frozen=True)
class Machine:
    """One device of the water works."""

    ip: str
    mac: str
    role: str
    zone: str
    layer: float
    name: str = ""
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    criticality: float = 1.0
    protocols: tuple[str, ...] = ()
    authorised: bool = True

    @property
    def id(self) -> str:
        """The asset id."""
        return "a-" + hashlib.sha256(self.mac.encode()).hexdigest()[:16]

    def end(self, port: int) -> dict[str, Any]:
        """This machine as one end of a conversation."""
        known = {"name": self.name, "vendor": self.vendor}
        return {
            "ip": self.ip,
            "mac": self.mac,
            "port": port,
            "role": self.role,
            "zone": self.zone,
            "purdue_level": self.layer,
            "criticality": self.criticality,
            **{key: value for key, value in known.items() if value},
        }


PLC1 = Machine(
    "10.20.1.11",
    "28:63:36:0a:11:01",
    "plc",
    "control",
    1,
    "PLC-INTAKE",
    "Siemens AG",
    "6ES7 315-2EH14-0AB0",
    "V3.2.6",
    2.0,
    ("s7comm",),
)
PLC2 = Machine(
    "10.20.1.12",
    "28:63:36:0a:11:02",
    "plc",
    "control",
    1,
    "PLC-FILTER",
    "Siemens AG",
    "6ES7 516-3AN01-0AB0",
    "V2.9.4",
    1.5,
    ("s7comm", "profinet"),
)
PLC3 = Machine(
    "10.20.1.13",
    "00:80:f4:1c:22:03",
    "plc",
    "control",
    1,
    "PLC-DOSING",
    "Schneider Electric",
    "BMEP584040",
    "V3.30",
    2.0,
    ("modbus",),
)
RTU1 = Machine(
    "10.20.4.21",
    "00:30:a7:44:01:21",
    "rtu",
    "field",
    1,
    "RTU-RESERVOIR-3",
    "SEL",
    "SEL-3530",
    "R146",
    1.0,
    ("dnp3",),
)
RTU2 = Machine(
    "10.20.4.22",
    "00:30:a7:44:01:22",
    "rtu",
    "field",
    1,
    "RTU-BOOSTER-1",
    "NARI",
    "",
    "",
    1.0,
    ("iec104",),
)
IED1 = Machine(
    "10.20.5.31",
    "00:21:c1:70:02:31",
    "ied",
    "field",
    1,
    "REL-FEEDER-2",
    "ABB",
    "REF615",
    "5.1.20",
    1.5,
    ("mms",),
)
DRIVE1 = Machine(
    "10.20.1.41",
    "00:1b:1b:5d:03:41",
    "drive",
    "control",
    0,
    "VFD-PUMP-A",
    "Siemens AG",
    "SINAMICS G120",
    "4.7",
    1.0,
    ("profinet",),
)
DRIVE2 = Machine(
    "10.20.1.42",
    "00:1b:1b:5d:03:42",
    "drive",
    "control",
    0,
    "VFD-PUMP-B",
    "Siemens AG",
    "SINAMICS G120",
    "4.7",
    1.0,
    ("profinet",),
)
METER = Machine(
    "10.20.1.51",
    "00:50:c2:9a:04:51",
    "field_device",
    "control",
    0,
    "FLOW-301",
    "Endress+Hauser",
    "Promag W 400",
    "",
    0.5,
    ("modbus",),
)
HMI1 = Machine(
    "10.20.2.61",
    "00:0c:29:b1:05:61",
    "hmi",
    "supervision",
    2,
    "HMI-HALL-1",
    "VMware",
    "",
    "",
    1.0,
    ("s7comm", "modbus"),
)
HMI2 = Machine(
    "10.20.2.62", "00:0c:29:b1:05:62", "hmi", "supervision", 2, "", "VMware", "", "", 1.0, ("s7comm",)
)
SCADA = Machine(
    "10.20.2.70",
    "00:0c:29:b1:05:70",
    "scada",
    "supervision",
    2,
    "SCADA-A",
    "VMware",
    "",
    "",
    1.5,
    ("iec104", "dnp3", "opcua"),
)
HISTORIAN = Machine(
    "10.20.3.80",
    "00:0c:29:b1:06:80",
    "historian",
    "operations",
    3,
    "HISTORIAN",
    "VMware",
    "",
    "",
    1.0,
    ("opcua",),
)
STATION = Machine(
    "10.20.2.90",
    "ac:64:17:33:07:90",
    "engineering_workstation",
    "supervision",
    2,
    "ES01",
    "Siemens AG",
    "",
    "",
    1.0,
    ("s7comm",),
)
GATEWAY = Machine(
    "10.20.4.1",
    "00:90:e8:61:08:01",
    "gateway",
    "field",
    1,
    "GW-FIELD",
    "Moxa",
    "MGate MB3180",
    "2.2",
    1.0,
    ("modbus",),
)
ROUTER = Machine("10.20.2.1", "70:4c:a5:12:09:01", "router", "operations", 3, "", "Fortinet", "", "", 1.0, ())
LAPTOP = Machine(
    "10.20.2.147", "8c:8d:28:ee:0a:47", "workstation", "supervision", 2, "", "Intel", "", "", 0.5, (), False
)
ODD = Machine(
    "10.20.2.199",
    "02:00:5e:00:0b:99",
    "unknown",
    "unassigned",
    2,
    HOSTILE_NAME,
    "",
    "",
    "",
    0.5,
    ("modbus",),
    False,
)
MACHINES = (
    PLC1,
    PLC2,
    PLC3,
    RTU1,
    RTU2,
    IED1,
    DRIVE1,
    DRIVE2,
    METER,
    HMI1,
    HMI2,
    SCADA,
    HISTORIAN,
    STATION,
    GATEWAY,
    ROUTER,
    LAPTOP,
    ODD,
)
