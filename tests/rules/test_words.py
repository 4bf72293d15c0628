"""Every word of the vocabulary can be said in Chinese."""

from __future__ import annotations

import pytest

from rules.chinese import CHANGES_ZH, CONTROLS_ZH, OBJECTS_ZH, OPERATIONS_ZH, ROLES_ZH
from rules.fields import CHANGES, OPERATIONS, ROLES
from rules.templates import render
from rules.words import spoken
from sensor.protocols import dnp3, iec104, modbus
from sensor.protocols.dnp3.fields import CONTROL_OPERATIONS, TRIP_CLOSE
from sensor.protocols.enip import pccc


def test_the_vocabulary_is_whole() -> None:
    assert set(OPERATIONS_ZH) == set(OPERATIONS)
    assert set(ROLES_ZH) == set(ROLES)
    assert set(CHANGES_ZH) == set(CHANGES)
    for module in (modbus, dnp3, iec104, pccc):
        assert set(module.PROTOCOL.spaces.values()) <= set(OBJECTS_ZH)
    said = {*CONTROL_OPERATIONS.values(), *TRIP_CLOSE.values()} - {"nul", "reserved"}
    assert said <= set(CONTROLS_ZH)


def test_sentences_speak_in_words() -> None:
    fields = {
        "ics.operation": "program_download",
        "source.role": "engineering_workstation",
        "ics.name": "a_b",
    }
    template = "{source.role}: {ics.operation} {ics.name}"
    assert render(template, fields.get) == "engineering workstation: program download a_b"
    assert render(template, fields.get, "zh") == "工程师站: 程序下载 a_b"


@pytest.mark.parametrize(
    ("field", "value", "english", "chinese"),
    [
        ("network.protocol", "iec104", "IEC 104", "IEC 104"),
        ("network.protocol", "cip", "CIP", "CIP"),
        ("ics.object", "holding_register 100-109", "holding register 100-109", "保持寄存器 100-109"),
        ("ics.object", "coil", "coil", "线圈"),
        (
            "ics.object",
            "binary_output_command 5 trip pulse_on",
            "binary output command 5 trip pulse on",
            "开关量输出命令 5 跳闸 脉冲合",
        ),
        ("ics.object", "Program:Main.my_tag", "Program:Main.my_tag", "Program:Main.my_tag"),
        ("ics.object", "DB1.DBX0.0", "DB1.DBX0.0", "DB1.DBX0.0"),
        ("ics.name", "holding_register", "holding_register", "holding_register"),
        ("ics.status", "no_select, parameter_error", "no select, parameter error", "未选择、参数错误"),
        ("ics.status", "file_handle_expired", "file handle expired", "file_handle_expired"),
        ("ics.status", "Privilege Violation", "Privilege Violation", "Privilege Violation"),
        ("asset.change", "serial", "serial", "序列号"),
        ("asset.old", "plc", "plc", "plc"),
        ("ics.value", 3.0, 3.0, 3.0),
    ],
)
def test_codes_are_said_and_names_are_not(
    field: str, value: object, english: object, chinese: object
) -> None:
    assert (spoken(field, value, "en"), spoken(field, value, "zh")) == (english, chinese)


def test_a_change_of_role_speaks_of_roles() -> None:
    fields = {"asset.change": "role", "asset.old": "hmi", "asset.new": "engineering_workstation"}
    assert render("{asset.old} to {asset.new}", fields.get) == "HMI to engineering workstation"
    assert render("由 {asset.old} 变为 {asset.new}", fields.get, "zh") == "由人机界面变为工程师站"
