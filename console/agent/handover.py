"""A plan on its way from the thread that was sent it to the loop that captures and runs it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from console.agent.plan import Plan

TOO_LATE = "the capture loop did not switch in time"


@dataclass(slots=True)
class Offer:
    """A plan to switch to, and what became of it."""

    plan: Plan
    wrong: str = ""
    """Why it does not run; empty where it does."""
    done: threading.Event = field(default_factory=threading.Event)


class Handover:
    """One offer at a time; `offer` from any thread, `take` from the one that captures."""

    def __init__(self) -> None:
        self._offering = threading.Lock()
        self._lock = threading.Lock()
        self._offer: Offer | None = None

    def offer(self, plan: Plan, seconds: float) -> str:
        """Wait until the plan runs; what is wrong with it, or that nobody took it for so long.

        One that was taken is waited for once more as long: what is being run must not count as refused.
        """
        with self._offering:
            made = self._offer = Offer(plan)
            if made.done.wait(seconds):
                return made.wrong
            with self._lock:
                taken = self._offer is not made
                self._offer = None
            return made.wrong if taken and made.done.wait(seconds) else TOO_LATE

    def take(self) -> Offer | None:
        """The plan that waits, if any; who takes it sets `done`."""
        if self._offer is None:
            return None
        with self._lock:
            taken, self._offer = self._offer, None
            return taken
