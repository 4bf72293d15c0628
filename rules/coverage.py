"""What the shipped rules cover and what they do not: the text of docs/coverage.md.

coverage.yaml says what people who run plants expect to be told, and which rules tell it;
coverage_techniques.yaml why techniques of ATT&CK for ICS have none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from rules.attack import Technique, attack_table, technique
from rules.language.loader import load_rules
from rules.rule import SEVERITY, AnyRule, Rule


class Case(NamedTuple):
    """Something that people expect to be told; `gap` says why no rule does, or what is missing."""

    text: str
    rules: tuple[str, ...] = ()
    gap: str = ""


SOURCE = Path(__file__).parent / "coverage.yaml"
TECHNIQUES = Path(__file__).parent / "coverage_techniques.yaml"
CATALOGUE = "Catalogue"
"""How the groups begin that follow a catalogue of alerts case by case."""


@cache
def cases() -> dict[str, tuple[Case, ...]]:
    """Group to cases, as coverage.yaml has them."""
    groups = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return {
        group: tuple(Case(item["case"], tuple(item.get("rules", ())), item.get("gap", "")) for item in items)
        for group, items in groups.items()
    }


@cache
def reasons() -> dict[str, str]:
    """Technique id to why no rule names it, as coverage_techniques.yaml has them."""
    found: dict[str, str] = yaml.safe_load(TECHNIQUES.read_text(encoding="utf-8"))
    return found


def uncovered(rules: Iterable[AnyRule]) -> list[Technique]:
    """The techniques that none of these rules names."""
    named = {technique(identifier).id for rule in rules if rule.is_active for identifier in rule.techniques}
    return [entry for entry in attack_table().distinct() if entry.id not in named]


def markdown(rules: Sequence[AnyRule]) -> str:
    """The text of docs/coverage.md for these rules."""
    active = sorted((rule for rule in rules if rule.is_active), key=_order)
    lines = [
        "# What the rules cover",
        "",
        "Made from the rules by `python -m rules.coverage`; do not edit.",
        "",
        *_cases(),
        *_techniques(active),
        *_rules(active),
    ]
    return "\n".join(lines) + "\n"


def _order(rule: AnyRule) -> tuple[object, ...]:
    return rule.path.parent.name, -SEVERITY[rule.level], rule.name


def _cases() -> Iterable[str]:
    listed = [case for group, items in cases().items() if group.startswith(CATALOGUE) for case in items]
    told = sum(bool(case.rules) for case in listed)
    whole = sum(bool(case.rules) and not case.gap for case in listed)
    yield from (
        "## By what people expect to be told",
        "",
        f"The catalogue of a commercial monitor has {len(listed)} cases: {whole} are told, {told - whole}"
        f" in part, {len(listed) - told} are not, most of them because their protocol is not decoded.",
        "",
        "| case | rules | gap |",
        "|---|---|---|",
    )
    for group, items in cases().items():
        yield f"| **{group}** | | |"
        for case in items:
            yield f"| {case.text} | {', '.join(f'`{name}`' for name in case.rules)} | {case.gap} |"


def _techniques(rules: Sequence[AnyRule]) -> Iterable[str]:
    table = attack_table()
    covering: dict[str, list[str]] = {}
    for rule in rules:
        for identifier in rule.techniques:
            covering.setdefault(technique(identifier).id, []).append(rule.name)
    found = [entry for entry in table.distinct() if entry.id in covering]
    yield from (
        "",
        f"## By technique of ATT&CK for ICS {table.version}",
        "",
        f"{len(found)} of {len(table.distinct())} techniques. Ids are those of version"
        f" {table.successors_version} where it renamed a technique. Many of the others happen inside hosts"
        " and are not seen on the network.",
        "",
        "| technique | name | tactics | rules |",
        "|---|---|---|---|",
    )
    for entry in found:
        identifier = entry.id if len(entry.ids) == 1 else f"{entry.ids[0]} ({entry.ids[1]})"
        names = ", ".join(f"`{name}`" for name in sorted(covering[entry.id]))
        yield f"| {identifier} | {entry.name} | {', '.join(entry.tactics)} | {names} |"
    yield from ("", "### Not covered", "", "| technique | name | why |", "|---|---|---|")
    for entry in uncovered(rules):
        yield f"| {entry.id} | {entry.name} | {reasons().get(entry.id, '')} |"


def _rules(rules: Sequence[AnyRule]) -> Iterable[str]:
    yield from (
        "",
        f"## The {len(rules)} rules",
        "",
        "| folder | rule | level | title | 标题 | needs |",
        "|---|---|---|---|---|---|",
    )
    for rule in rules:
        folder = rule.path.parent.name
        needs = ", ".join(rule.requires) if isinstance(rule, Rule) else "other rules"
        yield f"| {folder} | `{rule.name}` | {rule.level} | {rule.title} | {rule.title_zh} | {needs} |"


if __name__ == "__main__":
    sys.stdout.write(markdown(load_rules()))
