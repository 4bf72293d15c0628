"""ATT&CK for ICS tactics in the order in which attacks use them, in four phases.

MITRE's matrix has an order of columns, but execution or evasion come wherever they are needed. Phases say
what can be told apart on the wire: getting in, looking around, taking hold, striking.
"""

from __future__ import annotations

from collections.abc import Iterable

MATRIX = (
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "evasion",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "inhibit-response-function",
    "impair-process-control",
    "impact",
)
"""The columns of the ATT&CK for ICS matrix, left to right."""

ENTRY, RECONNAISSANCE, FOOTHOLD, STRIKE = 1, 2, 3, 4
PHASE = {
    "initial-access": ENTRY,
    "discovery": RECONNAISSANCE,
    "collection": RECONNAISSANCE,
    "command-and-control": FOOTHOLD,
    "evasion": FOOTHOLD,
    "execution": FOOTHOLD,
    "lateral-movement": FOOTHOLD,
    "persistence": FOOTHOLD,
    "privilege-escalation": FOOTHOLD,
    "inhibit-response-function": STRIKE,
    "impair-process-control": STRIKE,
    "impact": STRIKE,
}
"""The phase of each tactic."""

FOLLOWING = {
    0: ("discovery",),
    ENTRY: ("discovery", "lateral-movement"),
    RECONNAISSANCE: ("lateral-movement", "execution", "impair-process-control"),
    FOOTHOLD: ("impair-process-control", "inhibit-response-function"),
    STRIKE: ("inhibit-response-function", "impact"),
}
"""What typically follows a phase in the published cases that ATT&CK for ICS was drawn from."""


def phase_of(tactics: Iterable[str]) -> int:
    """The furthest phase among these tactics; 0 where none is known."""
    return max((PHASE.get(tactic, 0) for tactic in tactics), default=0)


def following(tactics: Iterable[str]) -> list[str]:
    """The tactics that typically come next, without those already seen."""
    seen = set(tactics)
    return [tactic for tactic in FOLLOWING[phase_of(seen)] if tactic not in seen]


def advances(earlier: int, later: int) -> bool:
    """Whether going from one phase to the other brings an attack nearer to harm."""
    return 0 < earlier < later and later >= FOOTHOLD
