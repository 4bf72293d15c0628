"""What an incident's alerts tell, step by step, in two languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rules.incidents.phrases import (
    ACTIONS,
    AND,
    DEVICES,
    KINDS,
    MACHINES,
    NAMELESS,
    OTHERWISE,
    SOMEBODY,
    TACTICS,
    THEN,
    Language,
    Phrase,
)
from rules.incidents.sighting import Machine, Sighting
from rules.incidents.tactics import MATRIX, PHASE, RECONNAISSANCE

MOST_STEPS = 40
MOST_TITLES = 4
MOST_DEEDS = 4
"""Of a headline: more deeds are none."""
CONTROL = frozenset({"plc", "rtu", "ied", "field_device", "drive"})


@dataclass(slots=True)
class Step:
    """The alerts in which one actor did one kind of thing."""

    actor: Machine | None
    deed: Phrase
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def targets(self) -> list[Machine]:
        """Whom it was done to, each once, in the order of time."""
        return list({item.target.key: item.target for item in self.sightings if item.target}.values())

    @property
    def phase(self) -> int:
        """The furthest phase of its alerts."""
        return max(item.phase for item in self.sightings)

    @property
    def level(self) -> int:
        """The highest level of its alerts, its place in LEVELS."""
        return max(item.level for item in self.sightings)

    def done(self, language: Language, again: bool = False) -> str:
        """What was done, without who did it; `again` where the one it was done to was named just before."""
        text = self.deed.said(language)
        if "{}" not in text:
            return text
        whom = "it" if again and language == "en" else _whom(self.targets, language)
        return text.format(whom).strip()

    def sentence(self, language: Language) -> str:
        """Who did what to whom."""
        if self.actor is not None:
            return f"{self.actor.label} {self.done(language)}"
        if self.deed.english.startswith("{}"):  # what shows on a machine needs nobody who did it
            return self.done(language)
        return f"{SOMEBODY.said(language)}{'' if language == 'zh' else ' '}{self.done(language)}"

    def titles(self, language: Language) -> list[str]:
        """The titles of its alerts' rules, each once."""
        found = dict.fromkeys(item.title_zh if language == "zh" else item.title for item in self.sightings)
        return list(found)[:MOST_TITLES]


def steps_of(sightings: Sequence[Sighting]) -> list[Step]:
    """The alerts of an incident as steps, in the order in which each began.

    What one actor does again and again is one step: a scan that goes on between writes stays one scan.
    Of more than MOST_STEPS those that go least far are left out.
    """
    steps: dict[tuple[str, Phrase], Step] = {}
    for item in sightings:
        deed = _deed(item)
        key = (item.actor.key if item.actor else "", deed)
        steps.setdefault(key, Step(item.actor, deed)).sightings.append(item)
    return _foremost(list(steps.values()), MOST_STEPS)


def headline(steps: Sequence[Step], language: Language) -> str:
    """The story in one line: how it began, and how far it went."""
    parts: list[str] = []
    before: Step | None = None
    for step in _told(steps):
        if before is None or step.actor is None or before.actor is None or step.actor.key != before.actor.key:
            parts.append(step.sentence(language))
        else:
            named = "{}" in before.deed.english and len(before.targets) == 1
            parts.append(step.done(language, named and step.targets == before.targets))
        before = step
    *first, last = parts
    if not first:
        return last
    then = THEN.said(language)
    if language == "zh" and last[0].isascii():  # a blank between Chinese and what is not
        then += " "
    return f"{AND.said(language).join(first)}{then}{last}"


def _told(steps: Sequence[Step]) -> list[Step]:
    """How it began, how it was prepared, and the worst of what was done, in the order of time."""
    if len(steps) <= MOST_DEEDS:
        return list(steps)
    looked = next((at for at, step in enumerate(steps) if step.phase == RECONNAISSANCE), 0)
    rest = sorted(range(len(steps)), key=lambda at: (-steps[at].level, -steps[at].phase, at))
    chosen = list(dict.fromkeys((0, looked, *rest)))[:MOST_DEEDS]
    return [steps[at] for at in sorted(chosen)]


def _foremost(steps: Sequence[Step], most: int) -> list[Step]:
    """The first step and those that go furthest, in the order of time."""
    if len(steps) <= most:
        return list(steps)
    worst = sorted(range(1, len(steps)), key=lambda at: (-steps[at].phase, -steps[at].level, at))
    return [steps[at] for at in sorted([0, *worst[: most - 1]])]


def _deed(item: Sighting) -> Phrase:
    if item.action in ACTIONS:
        return ACTIONS[item.action]
    known = [tactic for tactic in item.tactics if tactic in TACTICS]
    if known:
        return TACTICS[max(known, key=lambda tactic: (PHASE[tactic], -MATRIX.index(tactic)))]
    return OTHERWISE


def _whom(targets: Sequence[Machine], language: Language) -> str:
    blank = " " if language == "zh" else ""  # between Chinese and what is not
    if not targets:
        return NAMELESS.said(language)
    if len(targets) == 1:
        return f"{blank}{targets[0].label}{blank}"
    roles = {target.role for target in targets}
    kind = DEVICES if roles <= CONTROL else MACHINES
    if len(roles) == 1:
        kind = KINDS.get(roles.pop(), MACHINES)
    return f"{blank}{len(targets)} {kind.said(language)}"
