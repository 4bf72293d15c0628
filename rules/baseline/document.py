"""The baseline as a YAML file that people read, compare, merge and keep in git.

Everything has one order and one spelling, one line for each object space of each function, so that
two files of the same plant differ where the plant differs. Codes count, the names beside them are
for the reader.

    fieldwatch_baseline: 2
    learned:
    - {observer: sensor-1, from: "…Z", until: "…Z", behaviours: 12, left_out: 0}
    assets:
    - 10.0.0.5
    conversations:
    - client: 10.0.0.5
      server: 10.0.0.10
      service: modbus tcp/502
      operations:
        read:
          3 Read Holding Registers:
          - {unit: 1, space: holding_register, at: "0-9, 100-109"}
    values:
    - {server: 10.0.0.10, protocol: modbus, unit: 1, space: holding_register, at: 4, kind: measurement, …}
    rhythms:
    - {client: 10.0.0.5, server: 10.0.0.10, service: modbus tcp/502, kind: request, operation: read, …}
    withheld:
    - {client: 10.0.0.5, server: 10.0.0.10, service: s7comm tcp/102, operation: stop, function: …}
    decisions:
    - {id: "5e0c1fd2a3b4", decision: accept, by: kim, at: "…Z", until: "…Z", reason: …, entry: {…}}
"""

from __future__ import annotations

from pathlib import Path

from rules.baseline.model import Baseline
from rules.baseline.sections.registry import SECTIONS

VERSION = 2
READABLE = ("1", "2")
"""Format 1 has no values, rhythms and decisions."""

_HEADER = """\
# What this plant normally does, as learned by Fieldwatch. Edit it, compare it with
# `fieldwatch baseline diff`, keep it in version control. Withheld operations, and what alerts tell of
# as new, are accepted with `fieldwatch baseline accept`.
"""


def text_of_baseline(baseline: Baseline) -> str:
    """The whole file."""
    lines = [f"fieldwatch_baseline: {VERSION}"]
    for section in SECTIONS:
        lines.extend(section.lines(baseline))
    return _HEADER + "\n".join(lines) + "\n"


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write the file in one go: readers see the old one or the new one."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text_of_baseline(baseline), encoding="utf-8")
    draft.replace(path)
