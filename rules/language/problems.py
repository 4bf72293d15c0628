"""What is wrong with a rule, where, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. Lines and columns count from 1; 0 where the file as a whole is meant."""

    path: Path
    line: int
    column: int
    text: str
    check: str = "rule"

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else str(self.path)
        return f"{place}: {self.text} [{self.check}]"


class RuleError(ValueError):
    """A rule cannot be used; `problems` says why, all that was found at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?", or nothing where no known word is near."""
    known = list(known)
    near = difflib.get_close_matches(wrong, known, 1, 0.6)
    if not near:  # the last word of a dotted name is what people remember
        near = [name for name in known if "." in name and name.rpartition(".")[2] == wrong.rpartition(".")[2]]
    return f"; did you mean {near[0]!r}?" if near else ""
