"""A water works as documents: eighteen assets, a week of alerts, what everybody normally says to whom.

Written by hand after docs/documents.md. Names are invented; addresses are from RFC 5737 and RFC 1918.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from dataclasses import dataclass
from typing import Any

from console.store.interface import Store
from console.store.records import Envelope, PosturePoint
from console.store.times import DAY, HOUR, MINUTE, SECOND, to_text

SENSOR, SITE = "intake-tap", "waterworks"
CAPTURE = "waterworks-week47.pcap"
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


@dataclass(frozen=True)
class Incident:
    """A rule's wording and what it says about ATT&CK."""

    name: str
    title: str
    title_zh: str
    level: str
    operation: str
    technique: tuple[str, str]
    tactics: tuple[str, ...]
    message: str
    message_zh: str
    advice: str
    advice_zh: str


STOP = Incident(
    "controller-stop",
    "Controller stopped over the network",
    "控制器被远程停止",
    "critical",
    "stop",
    ("T0858", "Change Operating Mode"),
    ("execution", "evasion"),
    "{a} stopped controller {b} (S7comm PLC Stop)",
    "{a} 停止了控制器 {b}（S7comm PLC Stop）",
    "Call the control room: is the process safe? If nobody ordered the stop, isolate the source "
    "and start the controller by its key switch.",
    "立即联系中控室确认工艺是否安全。若无人下达停机命令，请隔离源主机，并在现场通过钥匙开关重新启动控制器。",
)
DOWNLOAD = Incident(
    "program-download",
    "Program downloaded to a controller",
    "向控制器下载程序",
    "high",
    "program_download",
    ("T0843", "Program Download"),
    ("lateral-movement",),
    "{a} downloaded a program to {b}",
    "{a} 向 {b} 下载了程序",
    "Compare the program in the controller with the released one. Ask the engineer of the source machine.",
    "将控制器中的程序与受控版本比对，并向源主机的工程师核实。",
)
WRITE = Incident(
    "setpoint-out-of-range",
    "Set point written outside the learned range",
    "设定值写入超出学习范围",
    "high",
    "write",
    ("T0836", "Modify Parameter"),
    ("impair-process-control",),
    "{a} wrote 950 to holding_register 40 of {b}; learned range 120 to 180",
    "{a} 向 {b} 的 holding_register 40 写入 950，学习范围为 120 至 180",
    "Check the dosing rate on site and set it back by hand.",
    "现场检查加药量，必要时手动恢复设定值。",
)
OPERATE = Incident(
    "control-from-new-client",
    "Control command from a client that never sent one",
    "从未下发过控制命令的主机发出控制命令",
    "high",
    "operate",
    ("T0855", "Unauthorized Command Message"),
    ("impair-process-control",),
    "{a} operated an output of {b} for the first time",
    "{a} 首次对 {b} 执行遥控操作",
    "Ask the operator on duty. Look at the frames for the point that was operated.",
    "向当班运行人员核实，并查看报文中被操作的点号。",
)
BROWSE = Incident(
    "modbus-unit-scan",
    "Many Modbus units asked in a short time",
    "短时间内轮询大量 Modbus 单元",
    "medium",
    "identify",
    ("T0846", "Remote System Discovery"),
    ("discovery",),
    "{a} asked 126 units behind {b}",
    "{a} 对 {b} 后的 126 个单元进行了探测",
    "Find out what runs on the source machine.",
    "查明源主机上运行的程序。",
)
UPLOAD = Incident(
    "program-upload",
    "Program read from a controller",
    "从控制器上传程序",
    "medium",
    "program_upload",
    ("T0845", "Program Upload"),
    ("collection",),
    "{a} read the program of {b}",
    "{a} 读取了 {b} 的程序",
    "Backups do this on schedule; outside it, ask.",
    "定期备份会产生此行为；计划之外请核实。",
)
TALK = Incident(
    "new-conversation",
    "Two machines talk for the first time",
    "两台设备首次通信",
    "low",
    "read",
    ("T0846", "Remote System Discovery"),
    ("discovery",),
    "{a} reads from {b} for the first time",
    "{a} 首次读取 {b}",
    "If it is a planned change, learn it.",
    "若属计划内变更，请学习该通信。",
)
CLOCK = Incident(
    "clock-set",
    "Controller clock set",
    "控制器时钟被修改",
    "informational",
    "time",
    ("T0836", "Modify Parameter"),
    ("impair-process-control",),
    "{a} set the clock of {b}",
    "{a} 修改了 {b} 的时钟",
    "Expected from the time server only.",
    "仅应由对时服务器发起。",
)

EVENTS: tuple[tuple[Incident, Machine, Machine, str, str, int, int, int], ...] = (
    # rule, source, destination, protocol, object, port, count, first seen before now in minutes
    (STOP, STATION, PLC1, "s7comm", "P_PROGRAM", 102, 1, 42),
    (DOWNLOAD, STATION, PLC1, "s7comm", "OB1", 102, 14, 47),
    (UPLOAD, STATION, PLC1, "s7comm", "OB1", 102, 9, 63),
    (WRITE, LAPTOP, PLC3, "modbus", "holding_register 40", 502, 3, 190),
    (BROWSE, LAPTOP, GATEWAY, "modbus", "unit 1-126", 502, 126, 214),
    (TALK, LAPTOP, PLC2, "s7comm", "", 102, 12, 240),
    (OPERATE, HMI2, RTU1, "dnp3", "binary_output 4", 20000, 2, 1500),
    (TALK, ODD, METER, "modbus", "holding_register 0-9", 502, 610, 1900),
    (TALK, HISTORIAN, PLC2, "s7comm", "DB20", 102, 4410, 2600),
    (CLOCK, SCADA, RTU2, "iec104", "", 2404, 7, 3100),
    (OPERATE, SCADA, RTU2, "iec104", "single_command 1201", 2404, 1, 4300),
    (UPLOAD, STATION, PLC2, "s7comm", "OB1", 102, 22, 5100),
    (CLOCK, SCADA, IED1, "mms", "", 102, 7, 6000),
    (TALK, HMI1, PLC3, "modbus", "input_register 100-119", 502, 90, 7700),
    (BROWSE, LAPTOP, PLC3, "modbus", "unit 1-32", 502, 32, 8800),
)


SHIPPED = {
    "controller-stop": "29f45256-a123-406d-94a6-55c530603f2f",
    "program-download": "af2f9a86-c9f5-43f1-86ba-cba06952a0f4",
    "program-upload": "48e296f0-0837-461f-960b-8922fa5be74f",
    "new-conversation": "2fe44dbf-7325-466d-883e-7685611acf08",
}


def rule_id(name: str) -> str:
    """The id of a rule that ships with Fieldwatch, else a stable UUID for an invented one."""
    return SHIPPED.get(name) or str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.org/rules/{name}"))


def alerts(now: int) -> list[dict[str, Any]]:
    """The week's alerts, newest first, seen from `now` (nanoseconds since 1970)."""
    severity = {"informational": 2, "low": 21, "medium": 47, "high": 73, "critical": 99}
    documents = []
    for number, (rule, source, destination, protocol, thing, port, count, minutes) in enumerate(EVENTS):
        first = now - minutes * MINUTE
        last = first + min(count - 1, minutes - 2) * MINUTE // 2
        names = {"a": source.name or source.ip, "b": destination.name or destination.ip}
        ics: dict[str, Any] = {"operation": rule.operation, "kind": "request", "malformed": False}
        if thing:
            ics["object"] = thing
        if rule is STOP:
            ics |= {"function": "PLC Stop", "function_code": 41}
        if rule is WRITE:
            ics |= {"function": "Write Single Register", "function_code": 6, "unit": 1, "value": 950}
        documents.append(
            {
                "@timestamp": to_text(first),
                "event": {
                    "id": hashlib.sha256(f"{rule.name}/{number}".encode()).hexdigest()[:20],
                    "kind": "alert",
                    "start": to_text(first),
                    "end": to_text(last),
                    "count": count,
                    "severity": severity[rule.level],
                    "action": rule.operation,
                },
                "rule": {
                    "id": rule_id(rule.name),
                    "name": rule.name,
                    "title": rule.title,
                    "title_zh": rule.title_zh,
                    "level": rule.level,
                    "advice": rule.advice,
                    "advice_zh": rule.advice_zh,
                },
                "threat": {
                    "technique": {"id": [rule.technique[0]], "name": [rule.technique[1]]},
                    "tactic": {"name": list(rule.tactics)},
                },
                "source": source.end(49152 + number),
                "destination": destination.end(port),
                "network": {"protocol": protocol, "transport": "tcp", "vlan": {"id": "20"}},
                "ics": ics,
                "evidence": {"capture": CAPTURE, "frames": [1017 + number * 311 + step for step in range(3)]},
                "observer": {"name": SENSOR},
                "message": rule.message.format(**names),
                "message_zh": rule.message_zh.format(**names),
            }
        )
    return documents


def assets(now: int) -> list[dict[str, Any]]:
    """The inventory, each field with the frame that proves it."""
    documents = []
    for number, machine in enumerate(MACHINES):
        protocol = machine.protocols[0] if machine.protocols else "arp"
        fields: dict[str, Any] = {
            "ip": [machine.ip],
            "mac": [machine.mac],
            "name": machine.name,
            "vendor": machine.vendor,
            "model": machine.model,
            "firmware": machine.firmware,
            "role": machine.role,
            "role_confidence": 0.4 if machine.role == "unknown" else 0.95,
            "purdue_level": machine.layer,
            "criticality": machine.criticality,
            "zone": machine.zone,
            "protocols": list(machine.protocols),
            "authorised": machine.authorised,
        }
        if machine.layer <= 1 and machine.protocols:
            fields["services"] = [{"port": 102, "transport": "tcp", "protocol": protocol}]
        fields = {key: value for key, value in fields.items() if value not in ("", [])}
        proof: dict[str, Any] = {
            key: {"protocol": protocol, "capture": CAPTURE, "frame": 23 + 17 * number + step}
            for step, key in enumerate(fields)
            if key not in {"criticality", "authorised", "role_confidence"}
        }
        proof["role"]["reason"] = f"answers {protocol} requests and starts none"
        documents.append(
            {
                "asset": {
                    "id": machine.id,
                    **fields,
                    "first_seen": to_text(now - 30 * DAY if machine.authorised else now - 9000 * MINUTE),
                    "last_seen": to_text(now - (number + 1) * MINUTE),
                },
                "evidence": proof,
            }
        )
    return documents


def behaviours(now: int) -> list[dict[str, Any]]:
    """What the machines say to each other day by day, and what the alerts were about."""
    usual = (
        (HMI1, PLC1, "s7comm", "read", "Read Var", "DB10.0-63", 102, 812_400),
        (HMI1, PLC1, "s7comm", "write", "Write Var", "DB11.4", 102, 214),
        (HMI1, PLC2, "s7comm", "read", "Read Var", "DB20.0-127", 102, 790_112),
        (HMI2, PLC2, "s7comm", "read", "Read Var", "DB20.0-127", 102, 604_800),
        (SCADA, RTU1, "dnp3", "read", "Read", "class 1,2,3", 20000, 60_480),
        (RTU1, SCADA, "dnp3", "report", "Unsolicited Response", "binary_input 7", 20000, 431),
        (SCADA, RTU2, "iec104", "session", "TESTFR act", "", 2404, 30_240),
        (SCADA, RTU2, "iec104", "operate", "C_SC_NA_1", "single_command 1201", 2404, 12),
        (SCADA, IED1, "mms", "read", "Read", "LLN0$ST$Mod", 102, 20_160),
        (HISTORIAN, SCADA, "opcua", "subscribe", "Publish", "ns=2;s=Flow", 4840, 604_800),
        (STATION, PLC1, "s7comm", "program_upload", "Start Upload", "OB1", 102, 9),
        (STATION, PLC1, "s7comm", "program_download", "Request Download", "OB1", 102, 14),
        (STATION, PLC1, "s7comm", "stop", "PLC Stop", "P_PROGRAM", 102, 1),
        (LAPTOP, PLC3, "modbus", "write", "Write Single Register", "holding_register 40", 502, 3),
        (GATEWAY, METER, "modbus", "read", "Read Input Registers", "input_register 0-9", 502, 302_400),
        (ODD, METER, "modbus", "read", "Read Holding Registers", "holding_register 0-9", 502, 610),
    )
    documents = []
    for number, (source, destination, protocol, operation, function, thing, port, count) in enumerate(usual):
        ics = {"operation": operation, "kind": "request", "function": function, "status": "ok"}
        if thing:
            ics["object"] = thing
        documents.append(
            {
                "behaviour": {
                    "id": f"b-{number:016x}",
                    "count": count,
                    "first_seen": to_text(now - 7 * DAY),
                    "last_seen": to_text(now - (number + 2) * MINUTE),
                },
                "source": {"ip": source.ip, "mac": source.mac},
                "destination": {"ip": destination.ip, "mac": destination.mac, "port": port},
                "network": {"protocol": protocol, "transport": "tcp", "vlan": {"id": "20"}},
                "ics": ics,
                "evidence": {"capture": CAPTURE, "frames": [1 + number, 40 + number]},
            }
        )
    return documents


def health(now: int) -> dict[str, Any]:
    """How the sensor is."""
    return {
        "observer": {"name": SENSOR, "version": "0.1.0"},
        "@timestamp": to_text(now - 20 * SECOND),
        "health": {
            "packets": 184_220_118,
            "bytes": 15_611_233_904,
            "drops": {"ring": 0, "kernel": 0},
            "understood": 0.987,
            "malformed": 41,
            "faults": 0,
            "rules_digest": "sha256:" + hashlib.sha256(b"waterworks").hexdigest(),
        },
    }


def stop_packets(now: int) -> bytes:
    """The S7comm PLC Stop as captured: request and answer with Ethernet, IPv4, TCP, TPKT and COTP."""
    stop = bytes.fromhex("0300002102f080320100000e000010000029000000000009505f50524f4752414d")
    answer = bytes.fromhex("0300001402f080320300000e00000100000029")[:-1] + b"\x00\x29"
    frames = (
        (now - 42 * MINUTE, frame(STATION, PLC1, 49152, 102, 7000, 9000, stop)),
        (now - 42 * MINUTE + 3_100_000, frame(PLC1, STATION, 102, 49152, 9000, 7000 + len(stop), answer)),
        (
            now - 42 * MINUTE + 4_000_000,
            frame(STATION, PLC1, 49152, 102, 7000 + len(stop), 9000 + len(answer), b""),
        ),
    )
    pcap = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for time_ns, octets in frames:
        pcap += struct.pack("<IIII", *divmod(time_ns, SECOND), len(octets), len(octets)) + octets
    return pcap


def frame(
    source: Machine,
    destination: Machine,
    source_port: int,
    destination_port: int,
    sequence: int,
    acknowledged: int,
    payload: bytes,
) -> bytes:
    """One Ethernet frame with a TCP segment (RFC 791, RFC 9293); the TCP checksum is left zero."""
    ethernet = bytes.fromhex((destination.mac + source.mac).replace(":", "")) + b"\x08\x00"
    segment = struct.pack(
        ">HHIIBBHHH", source_port, destination_port, sequence, acknowledged, 0x50, 0x18, 8192, 0, 0
    )
    addresses = b"".join(
        bytes(int(part) for part in machine.ip.split(".")) for machine in (source, destination)
    )
    header = (
        struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment) + len(payload), 1, 0x4000, 64, 6, 0) + addresses
    )
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    header = header[:10] + struct.pack(">H", total ^ 0xFFFF) + header[12:]
    return ethernet + header + segment + payload


def fill(store: Store, now: int) -> None:
    """Deliver the water works through the real ingest, and let people have worked on older alerts."""
    found = alerts(now)
    store.add_sensor(SENSOR, SITE, "admin")
    documents = [Envelope("asset", body) for body in assets(now)]
    documents += [Envelope("behaviour", body) for body in behaviours(now)]
    documents += [Envelope("alert", body) for body in found]
    store.ingest(SENSOR, 1, [*documents, Envelope("health", health(now))])
    ids = [document["event"]["id"] for document in found]
    store.put_evidence(ids[0], stop_packets(now))
    store.acknowledge(ids[6:9], "anna", "Asked the shift")
    store.assign(ids[6:7], "anna", "anna")
    store.close_alerts(ids[9:12], "authorised", "anna", "Work permit 2026-118")
    store.close_alerts(ids[12:], "resolved", "anna", "Checked on site")
    store.put_posture(samples(now))


def samples(now: int) -> list[PosturePoint]:
    """A week of scores: two incidents that were worked off, one gap of confidence."""
    points = []
    for hour in range(7 * 24, 0, -3):
        time_ns = now - hour * HOUR
        risk = 14 + (38 if 120 < hour < 140 else 0) + (22 if 60 < hour < 76 else 0) + hour % 5
        confidence = 0.41 if 96 <= hour < 105 else 0.97
        for scope in (f"site/{SITE}", "all"):
            points.append(
                PosturePoint(to_text(time_ns), time_ns, scope, 100.0 - risk, float(risk), confidence)
            )
    return points
