"""One thing that was looked at."""

from __future__ import annotations

from typing import Literal, NamedTuple

Grade = Literal["good", "advice", "bad"]


class Finding(NamedTuple):
    """`text` says how it is; `remedy` what to do about it, empty where nothing is to do."""

    grade: Grade
    text: str
    remedy: str = ""


def good(text: str) -> Finding:
    """Nothing to do."""
    return Finding("good", text)


def advice(text: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding("advice", text, remedy)


def bad(text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding("bad", text, remedy)
