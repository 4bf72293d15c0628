"""The heartbeat: tells the console how the sensor is, and takes what it wants in return."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from console.agent.bundle import BundleRefused, read_bundle
from console.agent.identity import Identity
from console.agent.plan import Plan, keep_bundle, sent_plan
from console.agent.settings import SensorSettings
from console.agent.uplink.answers import Backoff, Verdict, retry_after, verdict_of
from console.agent.uplink.client import Answer, Client, Unreachable
from rules.documents import nanoseconds
from sensor.times import rfc3339

MOST_PINS = 8
SHORTEST_S, LONGEST_S = 5.0, 300.0
APPLY_S = 60.0
"""How long the capture loop may take to switch to another configuration."""
_log = structlog.get_logger()


class Control:
    """Runs in a thread of its own, over a connection of its own.

    `state` gives what is to be told; `apply` makes a plan run and says what is wrong with it, or
    nothing; `ask` is told of each alert whose packets are wanted.
    """

    def __init__(
        self,
        client: Client,
        identity: Identity,
        settings: SensorSettings,
        own: Plan,
        state: Callable[[], dict[str, Any]],
        apply: Callable[[Plan, float], str],
        ask: Callable[[str], None],
    ) -> None:
        self.client = client
        self.identity = identity
        self.clock_offset_s: float | None = None
        """The sensor's clock minus the console's."""
        self.refused: dict[str, Any] | None = None
        """The configuration that would not run, and why."""
        self.error = ""
        """Why the last heartbeat was not answered; empty where it was."""
        self.running: Plan = own
        self._own = own
        self._settings = settings
        self._state = state
        self._apply = apply
        self._ask = ask
        self._backoff = Backoff(first=2.0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End within about so long."""
        self._stopped.set()
        self._thread.join(seconds)
        self.client.close()

    def _run(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            try:
                wait = self.beat()
            except Exception:
                # An answer nobody thought of must not end the heartbeat for good.
                _log.exception("heartbeat")
                wait = self._backoff.next()

    def beat(self) -> float:
        """One heartbeat; seconds to wait until the next."""
        try:
            before, begun = time.time_ns(), time.monotonic()
            answer = self.client.request("POST", "/sensor/state", json=self._told(before))
            after, took = time.time_ns(), time.monotonic() - begun
            if verdict_of(answer.status, answer.type) is not Verdict.DONE:
                self.error = answer.detail
                return self._backoff.next(retry_after(answer.headers))
            self._measure(answer, before, after, took)
            wanted = answer.content if isinstance(answer.content, dict) else {}
            self._certificates(wanted.get("certificates"))
            for event in (wanted.get("evidence") or [])[:64]:
                self._ask(str(event))
            self._configure(wanted.get("configuration"))
        except Unreachable as error:
            self.error = str(error)
            return self._backoff.next()
        self.error = ""
        self._backoff.reset()
        wish = wanted.get("interval_s")
        seconds = float(wish) if isinstance(wish, int | float) else self._settings.heartbeat_s
        return min(max(seconds, SHORTEST_S), LONGEST_S)

    def _told(self, now_ns: int) -> dict[str, Any]:
        running = self.running
        return {
            **self._state(),
            "time": rfc3339(now_ns),
            "configuration": {"version": running.version, "digest": running.digest}
            if running.version
            else None,
            **({"refused": self.refused} if self.refused else {}),
        }

    def _measure(self, answer: Answer, before: int, after: int, took: float) -> None:
        """Compare the clocks, unless ours was set meanwhile."""
        told = answer.content.get("time") if isinstance(answer.content, dict) else None
        if abs((after - before) / 1e9 - took) > 0.5:
            return
        try:
            self.clock_offset_s = round(((before + after) / 2 - nanoseconds(told)) / 1e9, 3) if told else None
        except (ValueError, TypeError):
            self.clock_offset_s = None

    def _certificates(self, told: Any) -> None:
        """Take on certificates that the console announces over a connection that is pinned already."""
        shown = self.client.context.shown
        if not isinstance(told, list) or not told or not shown:
            return
        pins = tuple(dict.fromkeys([shown, *(str(pin).lower() for pin in told if len(str(pin)) == 64)]))
        pins = pins[:MOST_PINS]
        if set(pins) != set(self.identity.certificates):
            self.identity = self.identity.model_copy(update={"certificates": pins})
            self.client.context.pins = pins
            try:
                self.identity.save(Path(self._settings.state))
            except OSError as error:
                _log.error("identity.save", error=str(error))

    def _configure(self, wanted: Any) -> None:
        digest = wanted.get("digest") if isinstance(wanted, dict) else None
        if not digest or digest == self.running.digest:
            if digest:
                # The same content may come back under a later number.
                self.refused = None
                self.running = self.running._replace(version=max(_number(wanted), self.running.version))
            return
        if self.refused and self.refused.get("digest") == digest:
            return
        answer = self.client.request("GET", "/sensor/configuration")
        if answer.status != 200:
            return
        content: dict[str, Any] = answer.content if isinstance(answer.content, dict) else {}
        version = content.get("version")
        try:
            bundle = read_bundle(content)
            if bundle.version < self.running.version:
                raise BundleRefused(
                    f"version {bundle.version} is older than {self.running.version}, which runs"
                )
            plan = sent_plan(bundle, self._settings, self._own)
            wrong = self._apply(plan, APPLY_S)
            if wrong:
                raise BundleRefused(wrong)
        except BundleRefused as error:
            self.refused = {
                "version": version if isinstance(version, int) else 0,
                "digest": str(digest)[:100],
                "reason": str(error)[:2000],
            }
            _log.error("configuration.refused", version=version, reason=str(error))
            return
        self.running, self.refused = plan, None
        _log.info("configuration.runs", version=plan.version, digest=plan.digest, rules=len(plan.rules))
        try:
            keep_bundle(content, bundle, self._settings.state)
        except OSError as error:
            _log.error("configuration.keep", error=str(error))


def _number(wanted: dict[str, Any]) -> int:
    version = wanted.get("version")
    return version if isinstance(version, int) else 0
