"""A minimal valid rule as text, with any part of it replaced, for tests of the rules room."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from rules.language.loader import read_rule
from rules.rule import Rule

RULE = """\
title: Controller stopped over the network
id: 3f6c1f0e-6c1b-4a44-9d53-0a4a1f6f1c11
status: stable
description: A client stopped a controller.
author: Fieldwatch
date: 2026-11-22
tags: [attack.t0858, attack.execution]
logsource:
  product: fieldwatch
  category: behaviour
detection:
  selection:
    ics.operation: stop
  condition: selection
falsepositives: [Maintenance]
level: high
fieldwatch:
  title_zh: 控制器被远程停止
  message: "{source.ip} stopped {destination.ip}"
  message_zh: "{source.ip} 停止了 {destination.ip}"
"""


def rule_text(detection: str = "", fieldwatch: str = "", **replaced: str) -> str:
    """RULE with another detection, more lines under `fieldwatch`, and other top-level lines."""
    text = RULE
    if detection:
        start, end = text.index("detection:\n"), text.index("falsepositives:")
        text = f"{text[:start]}detection:\n{indent(dedent(detection).strip(), '  ')}\n{text[end:]}"
    for key, value in replaced.items():
        lines = [f"{key}: {value}" if line.startswith(f"{key}:") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    return text + indent(dedent(fieldwatch).strip("\n") + "\n", "  ") if fieldwatch else text


def correlation_text(sequence: str, fieldwatch: str = "") -> str:
    """A correlation with these lines under `correlation`."""
    text = rule_text(fieldwatch=fieldwatch, title="Many of them", id="5b1d7a52-3a51-4f7b-8a44-7f6d0f1f2a33")
    start, end = text.index("logsource:"), text.index("falsepositives:")
    return f"{text[:start]}correlation:\n{indent(dedent(sequence).strip(), '  ')}\n{text[end:]}"


def rule(detection: str = "", fieldwatch: str = "", path: str = "a-rule.yaml", **replaced: str) -> Rule:
    """The rule of `rule_text`."""
    found = read_rule(rule_text(detection, fieldwatch, **replaced), Path(path))
    assert isinstance(found, Rule)
    return found
