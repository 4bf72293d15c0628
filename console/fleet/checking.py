"""Would a sensor run this? Every text of a configuration is read as the sensor will read it.

What is found here keeps a change from being made, so that no sensor has to refuse it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from console.agent.bundle import Content, canonical
from console.fleet.accepted import NotAcceptable, decisions_of
from rules.baseline.reading import baseline_of_text
from rules.language.loader import PACKS, load
from rules.language.problems import Problem, RuleError
from rules.lint.checks import lint
from rules.site.reading import site_of_text
from rules.site.suppressions import suppressions_of_text

MOST_BYTES = 8 << 20
"""Of the content as JSON: what a sensor accepts."""
FAULTS_TOLD = 50
_PLACE = re.compile(r"(?::(\d+))?(?::(\d+))?: (.*)", re.DOTALL)


class Fault(NamedTuple):
    """One thing to mend: in which part (`rules/<path>`, `site` …), at which line (0: the whole), what."""

    part: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.part}{place}: {self.text}"


class Checked(NamedTuple):
    """What keeps the content from running, and what its author may come to regret."""

    faults: list[Fault]
    advice: list[Fault]


def check(content: dict[str, Any]) -> Checked:
    """Look at everything in a composed content."""
    faults: list[Fault] = []
    try:
        Content.model_validate(content)
    except ValidationError as error:
        for item in error.errors(include_input=False)[:FAULTS_TOLD]:
            part = "/".join(str(piece) for piece in item["loc"] if piece != "[key]")
            faults.append(Fault(part[:300], 0, 0, item["msg"]))
        return Checked(faults, [])
    if len(canonical(content)) > MOST_BYTES:
        return Checked([Fault("all", 0, 0, f"larger than {MOST_BYTES >> 20} MiB in all")], [])
    readers = (
        ("site", site_of_text),
        ("baseline", baseline_of_text),
        ("suppressions", suppressions_of_text),
    )
    for part, read in readers:
        if content[part] is not None:
            try:
                read(content[part], Path(part))
            except RuleError as error:
                faults += [Fault(part, item.line, item.column, item.text) for item in error.problems]
            except ValueError as error:
                faults.append(_placed(part, str(error)))
    try:
        decisions_of([item for item in content["accepted"] if isinstance(item, dict)])
    except NotAcceptable as error:
        faults.append(Fault("accepted", 0, 0, str(error)))
    broken, advice = _check_rules(content)
    return Checked([*faults, *broken][:FAULTS_TOLD], advice[:FAULTS_TOLD])


def _check_rules(content: dict[str, Any]) -> tuple[list[Fault], list[Fault]]:
    if not content["rules"]:
        return [], []
    with tempfile.TemporaryDirectory(prefix="fieldwatch-rules-") as name:
        folder = Path(name).resolve()
        for path, text in content["rules"].items():
            file = folder / path
            if not file.resolve().is_relative_to(folder):
                return [Fault(f"rules/{path}", 0, 0, "not a path inside the rules' folder")], []
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8", newline="")
            except (OSError, UnicodeEncodeError) as error:
                return [Fault(f"rules/{path}", 0, 0, f"cannot be a file: {error}")], []
        shipped = [PACKS] if content["shipped_rules"] else []
        rules, problems = load([*shipped, folder])
        own = [rule for rule in rules if rule.path.is_relative_to(folder)]
        faults = [_fault(problem, folder) for problem in problems]
        # Names and detections are judged beside the shipped ones, but those are not this author's.
        said = [problem for problem in lint(own) if problem.path.is_relative_to(folder)]
        return faults, [_fault(problem, folder) for problem in sorted(said)]


def _fault(problem: Problem, folder: Path) -> Fault:
    part = problem.path.name
    if problem.path.is_relative_to(folder):
        part = f"rules/{problem.path.relative_to(folder).as_posix()}"
    return Fault(part, problem.line, problem.column, problem.text.replace(f"{folder}/", "rules/"))


def _placed(part: str, message: str) -> Fault:
    """A fault from a message that names file, line and column in front."""
    match = _PLACE.fullmatch(message.removeprefix(part))
    if match is None:
        return Fault(part, 0, 0, message)
    return Fault(part, int(match[1] or 0), int(match[2] or 0), match[3])
