"""Sends what waits in the spool, in a thread of its own, for as long as the sensor runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from console.agent.spool.errors import SpoolCorrupt, SpoolError
from console.agent.spool.spool import Parcel, Spool
from console.agent.uplink.answers import Backoff, Verdict, retry_after, verdict_of
from console.agent.uplink.batch import HEADERS, faults_of, is_about_documents, parts_of, wire_form
from console.agent.uplink.client import Answer, Client, Unreachable

GATHER_ALERTS = 0.5
GATHER_TELEMETRY = 5.0
"""Seconds between batches where alerts wait, and where none does."""
BARRED_WAIT = 60.0
"""Seconds at least before a token that was not accepted is tried again."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Condition:
    """How the way to the console is: `ok`, `unreachable`, `refused` (by the console as a whole) or
    `revoked`; since when, and when it last worked, in nanoseconds since 1970 (0: never)."""

    state: str = "ok"
    since_ns: int = 0
    last_ok_ns: int = 0
    error: str = ""


class Sender:
    """The uplink. `extra` is asked for something else to send, of less weight than any document, and
    returns whether there was anything; it may raise Unreachable."""

    def __init__(
        self,
        client: Client,
        sensor: str,
        spools: Sequence[Spool],
        extra: Callable[[Client], bool] = lambda client: False,
        backoff: Backoff | None = None,
    ) -> None:
        self.client = client
        self.sensor = sensor
        self.condition = Condition()
        self.sent = 0
        """Documents that the console has acknowledged."""
        self.batches = 0
        self.repeats = 0
        """Batches that the console had already."""
        self.refused = 0
        """Documents that the console would not have."""
        self._spools = spools
        self._extra = extra
        self._backoff = backoff or Backoff()
        self._volatile: dict[int, Parcel] = {}
        self._idle = False
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """Send what waits, if the console takes it now, and end within about so long."""
        end = time.monotonic() + seconds
        self._idle = False
        while (
            self._thread.is_alive()
            and self.condition.state == "ok"
            and time.monotonic() < end
            and not self._idle
        ):
            self._wake.set()
            time.sleep(0.02)
        self._stopped.set()
        self._wake.set()
        self._thread.join(max(0.2, end - time.monotonic()))
        self.client.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                wait = self.step()
            except Exception as error:
                # What nobody thought of must not end the uplink for good.
                _log.exception("uplink.fault")
                wait = self._failed("unreachable", f"{type(error).__name__}: {error}")
            if wait > 0:
                self._pause(wait)

    def _pause(self, seconds: float) -> None:
        """Wait; new documents end it only where nothing is wrong."""
        if self.condition.state != "ok":
            self._stopped.wait(seconds)
            return
        if self._wake.wait(seconds):
            self._wake.clear()
            urgent = any(spool.depth.alerts for spool in self._spools)
            # Alerts soon, telemetry in larger batches.
            self._stopped.wait(0.0 if urgent else min(seconds, GATHER_ALERTS))

    def step(self) -> float:
        """Send one batch, or something else; seconds to wait until the next."""
        for index, spool in enumerate(self._spools):
            try:
                parcel = self._volatile.get(index) or spool.take()
                if parcel is not None:
                    if parcel.number == 0:
                        self._volatile[index] = parcel
                    return self._deliver(index, spool, parcel)
            except SpoolCorrupt as error:
                _log.error("spool.corrupt", error=str(error))
                self._volatile.pop(index, None)
                with contextlib.suppress(SpoolError):
                    spool.reopen()
            except SpoolError as error:
                _log.error("spool.unreadable", error=str(error))
        try:
            if self._extra(self.client):
                return 0.0
            self._idle = True
            return GATHER_TELEMETRY
        except Unreachable as error:
            return self._failed("unreachable", str(error))

    def _deliver(self, index: int, spool: Spool, parcel: Parcel) -> float:
        try:
            answer = self.client.request(
                "POST", "/ingest", content=wire_form(self.sensor, parcel), headers=HEADERS
            )
        except Unreachable as error:
            return self._failed("unreachable", str(error))
        verdict = verdict_of(answer.status, answer.type)
        if verdict is Verdict.DONE:
            return self._delivered(index, spool, parcel, answer.content)
        if verdict is Verdict.BARRED:
            return max(BARRED_WAIT, self._failed("revoked", answer.detail, retry_after(answer.headers)))
        if verdict is Verdict.LATER or not is_about_documents(answer.status, answer.content):
            state = "unreachable" if verdict is Verdict.LATER else "refused"
            return self._failed(state, answer.detail, retry_after(answer.headers))
        return self._refused(index, spool, parcel, answer)

    def _delivered(self, index: int, spool: Spool, parcel: Parcel, receipt: Any) -> float:
        spool.settle(parcel)
        self._volatile.pop(index, None)
        self.batches += 1
        self.sent += len(parcel.documents)
        self.repeats += bool(isinstance(receipt, dict) and receipt.get("duplicate"))
        self._works()
        waiting = [other.depth for other in self._spools]
        if any(depth.alerts for depth in waiting):
            return 0.0
        return GATHER_ALERTS if any(depth.documents for depth in waiting) else GATHER_TELEMETRY

    def _refused(self, index: int, spool: Spool, parcel: Parcel, answer: Answer) -> float:
        try:
            if len(parcel.documents) > 1:
                spool.split(parcel, parts_of(parcel.documents, answer.content))
            elif answer.type.startswith("application/problem+json"):
                told = "; ".join(f"{where}: {message}" for where, message in faults_of(answer.content))
                spool.refuse(parcel, told or answer.detail)
                self.refused += 1
                _log.warning("uplink.refused", type=parcel.documents[0].type, reason=told or answer.detail)
            else:
                return self._failed("refused", answer.detail, retry_after(answer.headers))
        except SpoolCorrupt:
            raise
        except SpoolError as error:
            return self._failed("refused", f"{answer.detail}; and the spool: {error}")
        self._volatile.pop(index, None)
        return 0.0

    def _failed(self, state: str, error: str, wished: float | None = None) -> float:
        now = time.time_ns()
        if self.condition.state != state:
            _log.warning("uplink", state=state, error=error)
        since = self.condition.since_ns if self.condition.state == state else now
        self.condition = Condition(state, since, self.condition.last_ok_ns, error)
        return self._backoff.next(wished)

    def _works(self) -> None:
        now = time.time_ns()
        if self.condition.state != "ok":
            _log.info("uplink", state="ok")
        since = self.condition.since_ns if self.condition.state == "ok" and self.condition.since_ns else now
        self.condition = Condition("ok", since, now)
        self._backoff.reset()
