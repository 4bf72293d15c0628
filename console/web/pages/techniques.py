"""ATT&CK techniques as pages name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.attack import UnknownTechnique, technique


@dataclass(frozen=True, slots=True)
class NamedTechnique:
    """A technique as an alert or a rule wrote it, with its name in the pinned table."""

    id: str
    name: str


def named_techniques(ids: Sequence[str], names: Sequence[str] = ()) -> list[NamedTechnique]:
    """Each id with the pinned table's name; with that of `names` where the table does not know the id."""
    found = []
    for position, identifier in enumerate(ids):
        try:
            known = technique(identifier)
            name = known.names[known.ids.index(identifier)]
        except (UnknownTechnique, ValueError):
            name = names[position] if position < len(names) else ""
        found.append(NamedTechnique(identifier, name))
    return found
