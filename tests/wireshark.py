"""What Wireshark's dissectors see in a capture: an implementation that is not ours, asked by tshark.

An entry is (frame, protocol, code), where the code is whatever tells the functions of the protocol
apart. A frame has as many equal entries as it holds such PDUs, hence counters.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

Entry = tuple[int, str, str]

Spelling = Callable[[int], str]


def _decimal(prefix: str = "") -> Spelling:
    return lambda value: f"{prefix}{value}"


def _hexadecimal(prefix: str = "") -> Spelling:
    return lambda value: f"{prefix}0x{value:02x}"


_APDU_FORMATS = {1: "S"}

FIELDS: dict[str, tuple[str, Spelling]] = {
    "modbus.func_code": ("modbus", _decimal()),
    "s7comm.header.rosctr": ("s7comm", _decimal("ROSCTR ")),
    "s7comm.param.func": ("s7comm", _hexadecimal()),
    "s7comm.param.userdata.funcgroup": ("s7comm", _decimal("group ")),
    "s7comm.param.userdata.subfunc": ("s7comm", _decimal("subfunction ")),
    "s7comm.param.modetrans.subfunc": ("s7comm", _decimal("subfunction ")),
    "enip.command": ("enip", _hexadecimal()),
    "cip.sc": ("cip", _hexadecimal()),
    "cip.pccc.cmd.code": ("pccc", _hexadecimal("CMD ")),
    # A reply repeats the command with bit 6 set (1770-6.5.16, chapter 6).
    "cip.pccc.resp.code": ("pccc", lambda value: f"CMD 0x{value & 0x1F:02x}"),
    "cip.pccc.fnc.code_06": ("pccc", _hexadecimal("FNC ")),
    "cip.pccc.fnc.code_07": ("pccc", _hexadecimal("FNC ")),
    "cip.pccc.fnc.code_0f": ("pccc", _hexadecimal("FNC ")),
    "enip.cpf.sai.connid": ("cip-io", lambda _: "data"),
    "dnp3.al.func": ("dnp3", _decimal()),
    # An I frame is told by its type (the field below), a U frame by its function.
    "iec60870_104.type": ("iec104", lambda value: _APDU_FORMATS.get(value, "")),
    "iec60870_104.utype": ("iec104", _decimal("U ")),
    "iec60870_asdu.typeid": ("iec104", _decimal("I ")),
}
"""tshark's field names: what protocol each belongs to, and how its values become codes."""

PROTOCOLS = ("mbtcp", "modbus", "s7comm", "enip", "cip", "cipio", "dnp3", "iec60870_104", "iec60870_asdu")
"""Wireshark's names of the dissectors behind these fields."""


def is_installed() -> bool:
    """Whether there is a tshark to ask."""
    return shutil.which("tshark") is not None


def dissect(capture: Path, decode_as: Iterable[str] = ()) -> Counter[Entry]:
    """The entries of a capture by tshark with its default preferences, whatever the user's are.

    `decode_as` are its `-d` options, for conversations on ports that are no protocol's own.
    """
    command = ["tshark", "-n", "-C", "Default", "-r", str(capture)]
    for option in decode_as:
        command += ["-d", option]
    command += ["-Y", " || ".join(PROTOCOLS), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    for name in ("frame.number", *FIELDS):
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # 2 is a capture cut off in its last record: all before it was dissected.
    if done.returncode not in (0, 2):
        raise RuntimeError(f"{capture}: tshark: {done.stderr.strip()}")
    result: Counter[Entry] = Counter()
    for line in done.stdout.splitlines():
        frame, *columns = line.split("\t")
        for (protocol, spelling), column in zip(FIELDS.values(), columns, strict=True):
            for value in filter(None, column.split(",")):
                code = spelling(int(value, 0))
                if code:
                    result[int(frame), protocol, code] += 1
    return result
