"""The pinned MITRE ATT&CK for ICS table, by new or classic technique id."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml

SOURCE = Path(__file__).parent / "attack_ics.yaml"


class UnknownTechnique(ValueError):
    """No technique has this id, or MITRE has withdrawn it; the text says which and what is near."""


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique.

    `ids` and `names` run in parallel: the current id first, then, where the two differ, the classic
    T08xx id under which most products still know it. `tactics` are slugs (`impair-process-control`).
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    tactics: tuple[str, ...]

    @property
    def id(self) -> str:
        """The current id."""
        return self.ids[0]

    @property
    def name(self) -> str:
        """The current name."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class AttackTable:
    """The whole table: `tactics` is id to (name, slug); `techniques` has every id, new and classic."""

    version: str
    successors_version: str
    tactics: MappingProxyType[str, tuple[str, str]]
    techniques: MappingProxyType[str, Technique]
    retired: MappingProxyType[str, str]

    def distinct(self) -> tuple[Technique, ...]:
        """Each technique once, by classic id."""
        return tuple({entry.ids[-1]: entry for entry in self.techniques.values()}.values())


@cache
def attack_table() -> AttackTable:
    """The table that ships with Fieldwatch; read once."""
    document = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    techniques: dict[str, Technique] = {}
    for classic, entry in document["techniques"].items():
        ids = [entry["successor"], classic] if "successor" in entry else [classic]
        names = [entry["successor_name"], entry["name"]] if "successor" in entry else [entry["name"]]
        found = Technique(tuple(ids), tuple(names), tuple(entry["tactics"]))
        techniques |= dict.fromkeys(ids, found)
    return AttackTable(
        document["version"],
        document["successors"]["version"],
        MappingProxyType({key: (entry["name"], entry["slug"]) for key, entry in document["tactics"].items()}),
        MappingProxyType(techniques),
        MappingProxyType(document["retired"]),
    )


def technique(identifier: str) -> Technique:
    """The technique with this id, new or classic, however it is written (`t0855`, `attack.t0855`).

    Raises UnknownTechnique.
    """
    table = attack_table()
    wanted = identifier.strip().removeprefix("attack.").upper()
    found = table.techniques.get(wanted)
    if found is not None:
        return found
    if wanted in table.retired:
        raise UnknownTechnique(f"{wanted} ({table.retired[wanted]}) was withdrawn from ATT&CK for ICS")
    near = difflib.get_close_matches(wanted, table.techniques, 1)
    hint = f"; did you mean {near[0]} ({table.techniques[near[0]].names[0]})?" if near else ""
    raise UnknownTechnique(f"{wanted!r} is not a technique of ATT&CK for ICS {table.version}{hint}")
