"""Every public capture, decoded by us and dissected by tshark: the same functions in the same frames.

What differs stands in wireshark_differences.toml, with reasons; anything else fails, and so does
anything listed that does not differ any more.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import wireshark
import wireshark_differences
from wireshark import Entry

from sensor.capture.source import CaptureFile
from sensor.messages import DETAILS, MESSAGES
from sensor.pipeline import Pipeline
from sensor.protocols.enip.services import EXECUTE_PCCC, UNCONNECTED_SEND
from sensor.protocols.iec104.tables import S_FRAME
from sensor.protocols.protocol import Number
from sensor.protocols.registry import PROTOCOLS
from sensor.protocols.s7comm.codes import ACK, USERDATA_FUNCTION
from sensor.types import Rows

DISSECTORS = {
    Number.MODBUS: {"tcp": "mbtcp", "udp": "mbudp"},
    Number.S7COMM: {"tcp": "tpkt"},
    Number.ENIP: {"tcp": "enip", "udp": "enip"},
    Number.CIP: {"tcp": "enip", "udp": "enip"},
    Number.PCCC: {"tcp": "enip", "udp": "enip"},
    Number.CIP_IO: {"udp": "cipio"},
    Number.DNP3: {"tcp": "dnp3", "udp": "dnp3"},
    Number.IEC104: {"tcp": "iec60870_104"},
}
"""By our protocol and its transport, what to tell tshark where the port does not."""
WELL_KNOWN = {502, 102, 44818, 2222, 20000, 2404}
TRANSPORTS = {6: "tcp", 17: "udp"}


def _field(number: Number, name: str) -> int:
    return PROTOCOLS[number].field_id(name)


ROSCTR = _field(Number.S7COMM, "s7comm.rosctr")
COMMAND = _field(Number.ENIP, "enip.command")
ROUTED = _field(Number.CIP, "cip.routed")


class Comparison(NamedTuple):
    """What either side sees in a capture."""

    wireshark: Counter[Entry]
    fieldwatch: Counter[Entry]


def codes_of(row: Any, rosctr: int) -> Iterator[tuple[str, str]]:
    """(protocol, code) pairs of one message row; the page of differences says which are compared."""
    protocol, function, subfunction = int(row["protocol"]), int(row["function"]), int(row["subfunction"])
    if protocol == Number.CIP and function >= 0:
        yield "cip", f"0x{function:02x}"
    elif protocol == Number.PCCC:
        yield "cip", f"0x{EXECUTE_PCCC:02x}"
        if function >= 0:
            yield "pccc", f"CMD 0x{function:02x}"
        if function >= 0 and subfunction >= 0 and row["kind"] == 0:
            yield "pccc", f"FNC 0x{subfunction:02x}"
    if row["part"]:
        return
    if protocol == Number.S7COMM and rosctr >= 0:
        yield "s7comm", f"ROSCTR {rosctr}"
        if function >= USERDATA_FUNCTION:
            yield "s7comm", f"group {function - USERDATA_FUNCTION}"
            yield "s7comm", f"subfunction {subfunction}"
        elif function >= 0 and rosctr != ACK:
            yield "s7comm", f"0x{function:02x}"
    elif protocol == Number.CIP_IO:
        yield "cip-io", "data"
    elif function >= 0 and protocol == Number.MODBUS:
        yield "modbus", str(function & 0x7F)
    elif function >= 0 and protocol == Number.DNP3:
        yield "dnp3", str(function)
    elif function >= 0 and protocol == Number.IEC104:
        if function > S_FRAME:
            yield "iec104", f"U {function - S_FRAME}"
        else:
            yield "iec104", "S" if function == S_FRAME else f"I {function}"


def collect(rows: Rows, details: Rows, entries: Counter[Entry], elsewhere: set[str]) -> None:
    """Add the entries of message rows, and what tshark has to be told of ports that are nobody's own."""
    rosctrs = np.full(len(rows), -1)
    chosen = details[details["field"] == ROSCTR]
    rosctrs[chosen["message"]] = chosen["number"]
    for detail in details[details["field"] == COMMAND]:
        entries[int(rows[detail["message"]]["packet"]), "enip", f"0x{detail['number']:02x}"] += 1
    for detail in details[details["field"] == ROUTED]:
        entries[int(rows[detail["message"]]["packet"]), "cip", f"0x{UNCONNECTED_SEND:02x}"] += 1
    for index in np.flatnonzero(np.isin(rows["protocol"], list(DISSECTORS))):
        row = rows[index]
        for protocol, code in codes_of(row, int(rosctrs[index])):
            entries[int(row["packet"]), protocol, code] += 1
        if not {int(row["client_port"]), int(row["server_port"])} & WELL_KNOWN:
            transport = TRANSPORTS[int(row["transport"])]
            dissector = DISSECTORS[Number(int(row["protocol"]))][transport]
            elsewhere.add(f"{transport}.port=={int(row['server_port'])},{dissector}")


def decode(capture: Path) -> tuple[Counter[Entry], set[str]]:
    """Our entries of a capture, and tshark's options for it."""
    pipeline = Pipeline(want_details=True)
    entries: Counter[Entry] = Counter()
    elsewhere: set[str] = set()
    out = pipeline.out

    def drain() -> None:
        rows, details = out.messages[: out.used[MESSAGES]], out.details[: out.used[DETAILS]]
        collect(rows, details, entries, elsewhere)

    for batch in CaptureFile(capture):
        for _ in pipeline.feed(batch):
            drain()
    for _ in pipeline.finish():
        drain()
    assert not pipeline.faults.first
    return entries, elsewhere


def catalogued(folder: Path) -> dict[str, set[str]]:
    """Capture to the dissectors that Wireshark used on it at all, as its catalogue says."""
    with (folder / "catalogue.tsv").open(encoding="utf-8", newline="") as source:
        rows = csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: set(row["protocols"].split(">")) for row in rows}


def compare(folder: Path) -> dict[str, Comparison]:
    """Both views of every capture. tshark is not asked where neither side knows of any such protocol."""
    asked: dict[str, Future[Counter[Entry]]] = {}
    ours: dict[str, Counter[Entry]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, dissectors in catalogued(folder).items():
            ours[name], elsewhere = decode(folder / name)
            if ours[name] or dissectors & set(wireshark.PROTOCOLS):
                asked[name] = pool.submit(partial(wireshark.dissect, folder / name, sorted(elsewhere)))
    return {name: Comparison(future.result(), ours[name]) for name, future in asked.items()}


@pytest.mark.skipif(not wireshark.is_installed(), reason="tshark is not installed")
def test_wireshark_agrees_but_for_what_is_listed(public_captures: Path) -> None:
    found: dict[tuple[str, Entry], tuple[int, int]] = {}
    agreed: Counter[str] = Counter()
    for capture, both in compare(public_captures).items():
        for (_, protocol, _), count in (both.wireshark & both.fieldwatch).items():
            agreed[protocol] += count
        for entry in both.wireshark.keys() | both.fieldwatch.keys():
            if both.wireshark[entry] != both.fieldwatch[entry]:
                found[capture, entry] = both.wireshark[entry], both.fieldwatch[entry]
    assert set(agreed) == {protocol for protocol, _ in wireshark.FIELDS.values()}
    assert min(agreed.values()) >= 100  # a list of differences says little where nothing was compared
    listed = {
        (capture, entry): counts
        for capture, entries in wireshark_differences.expected(wireshark_differences.read()).items()
        for entry, counts in entries.items()
    }
    new = [f"new: {key} {counts}" for key, counts in sorted(found.items()) if listed.get(key) != counts]
    gone = [f"gone: {key} {counts}" for key, counts in sorted(listed.items()) if found.get(key) != counts]
    if new or gone:
        pytest.fail("(Wireshark, Fieldwatch):\n" + "\n".join(new + gone), pytrace=False)


def test_the_page_is_current() -> None:
    text = wireshark_differences.page(wireshark_differences.read())
    assert wireshark_differences.PAGE.read_text(encoding="utf-8") == text, (
        "run `python tests/wireshark_differences.py`"
    )
