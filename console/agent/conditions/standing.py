"""Which conditions stand, and when they are told.

A condition is raised when it has been there for `raise_s`, and ends when it has been away for
`clear_s`; in between it stands. Only the console can tell that a sensor is silent: it raises that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from console.agent.conditions.kinds import KINDS, Kind, Words
from console.agent.conditions.readings import Past, Reading
from console.agent.settings import LimitSettings
from rules.rule import SEVERITY
from sensor.times import rfc3339

AGAIN_S = 300.0
"""A standing condition is told again after so long."""


@dataclass(slots=True)
class _State:
    """Where one condition is: `began_s` while it is there, `ended_s` while it is away but stands."""

    began_s: float | None = None
    ended_s: float | None = None
    start_ns: int = 0
    stands: bool = False
    count: int = 0
    told_s: float = 0.0
    words: Words = field(default_factory=lambda: Words("", ""))


class Conditions:
    """The conditions of one sensor over time."""

    def __init__(self, sensor: str, limits: LimitSettings, kinds: tuple[Kind, ...] = KINDS) -> None:
        self.sensor = sensor
        self.limits = limits
        self.past = Past()
        self._kinds = kinds
        self._states = {kind.name: _State() for kind in kinds}

    @property
    def standing(self) -> list[str]:
        """The names of conditions that stand, without `sensor-`."""
        return [name.removeprefix("sensor-") for name, state in self._states.items() if state.stands]

    def judge(self, reading: Reading) -> list[dict[str, Any]]:
        """Take in a reading; the alerts that are new, go on or have ended."""
        self.past.add(reading)
        found = []
        for kind in self._kinds:
            words = kind.judge(self.past, self.limits)
            if self._step(self._states[kind.name], kind, reading, words):
                found.append(self._alert(kind, self._states[kind.name], reading))
        return found

    @staticmethod
    def _step(state: _State, kind: Kind, reading: Reading, words: Words | None) -> bool:
        """Whether there is something to tell."""
        now = reading.at_s
        if words is None:
            if not state.stands:
                state.began_s = None
                return False
            state.ended_s = now if state.ended_s is None else state.ended_s
            if now - state.ended_s >= kind.clear_s:
                state.stands, state.began_s, state.ended_s = False, None, None
            return False
        state.words, state.ended_s = words, None
        if state.began_s is None:
            state.began_s, state.start_ns, state.count = now, reading.time_ns, 0
        state.count += 1
        if state.stands:
            if now - state.told_s < AGAIN_S:
                return False
        elif now - state.began_s < kind.raise_s:
            return False
        state.stands, state.told_s = True, now
        return True

    def _alert(self, kind: Kind, state: _State, reading: Reading) -> dict[str, Any]:
        text = f"{kind.id}\0{self.sensor}\0{state.start_ns}"
        return {
            "@timestamp": rfc3339(state.start_ns),
            "event": {
                "id": blake2b(text.encode(), digest_size=16).hexdigest(),
                "kind": "alert",
                "start": rfc3339(state.start_ns),
                "end": rfc3339(max(reading.time_ns, state.start_ns)),
                "count": state.count,
                "severity": SEVERITY[kind.level],
            },
            "rule": {
                "id": kind.id,
                "name": kind.name,
                "title": kind.title,
                "title_zh": kind.title_zh,
                "level": kind.level,
                "advice": kind.advice,
                "advice_zh": kind.advice_zh,
            },
            "observer": {"name": self.sensor},
            "message": state.words.en,
            "message_zh": state.words.zh,
        }
