"""The list of all places where Wireshark and this project disagree, and the page made of it.

`tests/sensor/wireshark_differences.toml` is the list, written by hand: reasons, each with its
entries. Running this file writes docs/wireshark-differences.md anew.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wireshark import Entry

LIST = Path(__file__).parent / "sensor" / "wireshark_differences.toml"
PAGE = Path(__file__).parents[1] / "docs" / "wireshark-differences.md"

HEAD = """\
<!-- Made from tests/sensor/wireshark_differences.toml by `python tests/wireshark_differences.py`. -->
# Where Wireshark says something else

`tests/sensor/test_tshark.py` decodes every public capture with Fieldwatch and with tshark {version} at its
default preferences, and compares frame by frame which functions of Modbus, S7comm, EtherNet/IP with
CIP, PCCC and implicit I/O, DNP3 and IEC 104 they see, and how many of each. They agree but for the
{total} entries below. The test fails at any difference that is not listed here, and at any that is
listed and gone.

Compared are: of Modbus the function; of S7comm the ROSCTR and the function or function group and
subfunction; of EtherNet/IP the command; of CIP the service, those in Multiple Service Packets
included; of PCCC the command and function; of implicit I/O each packet; of DNP3 the function of each
application fragment; of IEC 104 the type of each I frame, each S frame and the function of each U
frame. Where Fieldwatch finds a protocol on a port that is not its own, tshark is told so with `-d`.
Fieldwatch gives one row to a request with its wrappers: an Unconnected Send is counted for each row
that has `cip.routed`, an Execute PCCC for each row of PCCC. An S7comm answer without parameters
names no function, and is compared by its ROSCTR.
"""
WIRESHARK = "4.0"


@dataclass(frozen=True)
class Difference:
    """In these frames of a capture, so many equal entries on either side."""

    capture: str
    frames: tuple[int, ...]
    protocol: str
    code: str
    wireshark: int
    fieldwatch: int

    def entries(self) -> Iterator[tuple[str, Entry, int, int]]:
        """(capture, entry, how often Wireshark has it, how often we do), frame by frame."""
        for frame in self.frames:
            yield self.capture, (frame, self.protocol, self.code), self.wireshark, self.fieldwatch


@dataclass(frozen=True)
class Reason:
    """Why they differ, and where for this reason."""

    title: str
    text: str
    differences: tuple[Difference, ...]


def read(path: Path = LIST) -> list[Reason]:
    """The list as it stands in the file."""
    with path.open("rb") as source:
        document = tomllib.load(source)
    return [
        Reason(
            item["title"],
            item["text"].strip(),
            tuple(
                Difference(
                    row["capture"],
                    tuple(row["frames"]),
                    row["protocol"],
                    row["code"],
                    row["wireshark"],
                    row["fieldwatch"],
                )
                for row in item["difference"]
            ),
        )
        for item in document["reason"]
    ]


def expected(reasons: Iterable[Reason]) -> dict[str, dict[Entry, tuple[int, int]]]:
    """Capture to entry to (how often Wireshark has it, how often we do)."""
    result: dict[str, dict[Entry, tuple[int, int]]] = {}
    for reason in reasons:
        for difference in reason.differences:
            for capture, entry, wireshark, fieldwatch in difference.entries():
                known = result.setdefault(capture, {})
                if entry in known:
                    raise ValueError(f"{LIST.name}: listed twice: {capture} {entry}")
                known[entry] = (wireshark, fieldwatch)
    return result


def page(reasons: list[Reason]) -> str:
    """The text of docs/wireshark-differences.md."""
    total = sum(len(difference.frames) for reason in reasons for difference in reason.differences)
    lines = [HEAD.format(version=WIRESHARK, total=total)]
    for reason in reasons:
        lines += [f"## {reason.title}", "", reason.text, ""]
        lines += [
            "| capture | frames | protocol | code | Wireshark | Fieldwatch |",
            "|---|---|---|---|---|---|",
        ]
        for item in reason.differences:
            frames = ", ".join(str(frame) for frame in item.frames)
            lines.append(
                f"| {item.capture} | {frames} | {item.protocol} | {item.code} "
                f"| {item.wireshark} | {item.fieldwatch} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
