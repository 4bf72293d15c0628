"""What happened at the water works in a week, and what rules say about it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from e2e.waterworks_machines import (
    GATEWAY,
    HISTORIAN,
    HMI1,
    HMI2,
    IED1,
    LAPTOP,
    METER,
    ODD,
    PLC1,
    PLC2,
    PLC3,
    RTU1,
    RTU2,
    SCADA,
    STATION,
    Machine,
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
