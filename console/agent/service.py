"""The sensor at work: packets in at one end, documents in the spool at the other; nothing waits between."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from console.agent import health
from console.agent.accepted import with_decisions
from console.agent.conditions.standing import Conditions
from console.agent.continuity import packets_known, packets_since, resume_alerts
from console.agent.control import APPLY_S, Control
from console.agent.documents import Outgoing
from console.agent.evidence.keeper import Keeper
from console.agent.growth import Growth
from console.agent.handover import Handover
from console.agent.identity import Identity
from console.agent.inbox import Inbox
from console.agent.learning import Learning
from console.agent.metrics import MetricsServer
from console.agent.notify import Notifier
from console.agent.plan import Plan
from console.agent.settings import SensorSettings
from console.agent.sources import Source
from console.agent.spool.errors import SpoolError
from console.agent.spool.spool import Spool
from console.agent.spool.writer import Writer
from console.agent.telemetry import Telemetry
from console.agent.uplink.client import Client
from console.agent.uplink.sender import Sender
from console.agent.uplink.slices import SliceSender
from console.agent.vitals import Vitals
from rules.baseline.model import Baseline
from rules.reconfigure import reconfigure
from rules.watch import Watch
from sensor.capture.batch import PacketBatch
from sensor.epochs import EPOCH_NS

COLLECT_S = 0.25
"""Between looks for alerts that are new or have grown."""
STUCK_S = 10.0
"""A capture loop that has not gone round for so long is reported as stuck."""
STOP_S = 15.0
"""Seconds in which everything is written, and what can be is sent, when the sensor ends."""
_log = structlog.get_logger()


class Service:
    """One sensor. Everything is opened when it is made, before privileges are given up; `run` starts
    the threads. Raises SpoolError and SettingsError."""

    def __init__(
        self,
        settings: SensorSettings,
        source: Source,
        own: Plan,
        plan: Plan,
        identity: Identity | None,
        name: str,
        run_id: str,
        remember: bool = True,
    ) -> None:
        self.settings = settings
        self.source = source
        self.name = name
        self.run_id = run_id
        self.inbox = Inbox()
        self.spool = Spool(settings.state / "spool.db", settings.spool.megabytes << 20)
        self.learning = Learning(settings, anew=not remember)
        baseline = plan.baseline or self.learning.baseline
        if baseline is not None:
            baseline = with_decisions(baseline, (), plan.decisions)
        self.watch = Watch(plan.rules, plan.site, baseline, self.learning.window, observer=name)
        self.telemetry = Telemetry(self.watch)
        self.conditions = Conditions(name, settings.limits)
        self.keeper = (
            Keeper(
                settings.state / "evidence",
                run_id,
                source.name,
                settings.evidence,
                time.time_ns if source.live else None,
            )
            if settings.evidence.enabled
            else None
        )
        self.health: dict[str, Any] = {}
        self.metrics = self._metrics(settings.metrics) if settings.metrics else None
        self.writer = Writer(self.inbox, self.spool, self._arrived)
        self.sender: Sender | None = None
        self.control: Control | None = None
        self.vitals = Vitals(
            run_id, source, self.watch, self.telemetry, self.learning, self.writer, self.keeper, plan
        )
        self.watch.on_fault = lambda: self._note_fault("analysis")
        self._handover = Handover()
        if identity is not None:
            self._connect(identity, own)
        self._remember = remember
        self._growth = Growth()
        self._notifier = Notifier()
        self._round = self._packets_at = self.vitals.begun_s
        self._collect_at = self._beat_at = 0.0

    def _metrics(self, address: str) -> MetricsServer | None:
        try:
            return MetricsServer(address, lambda: self.health, self._is_alive)
        except OSError as error:
            # A second sensor on this machine is worth more than its metrics.
            _log.warning("metrics.off", address=address, error=error.strerror)
            return None

    def _connect(self, identity: Identity, own: Plan) -> None:
        settings, certificates = self.settings, identity.certificates
        extra: Callable[[Client], bool] = lambda client: False  # noqa: E731
        if self.keeper is not None:
            extra = SliceSender(self.keeper.slices, self.writer.spools)
        client = Client(identity.url, certificates, identity.token, settings.proxy)
        self.sender = Sender(client, identity.sensor, self.writer.spools, extra)
        client = Client(identity.url, certificates, identity.token, settings.proxy)
        self.control = Control(
            client, identity, settings, own, self.vitals.heartbeat, self._handover.offer, self._ask
        )
        self.control.running = self.vitals.plan
        self.vitals.sender, self.vitals.control = self.sender, self.control

    def run(self) -> int:
        """Capture until the source ends or is stopped; the exit code."""
        for thread in (self.writer, self.keeper, self.sender, self.control, self.metrics):
            if thread is not None:
                thread.start()
        self._notifier.tell("READY=1\nSTATUS=Capturing")
        _log.info("sensor.runs", sensor=self.name, source=self.source.name, run=self.run_id)
        try:
            self._take_up()
            self.watch.begin(self.source.name)
            for batch in self.source:
                self._take(batch)
        finally:
            self._notifier.tell("STOPPING=1")
            self._finish()
        return 0

    def stop(self) -> None:
        """End soon; from any thread or signal."""
        self.source.stop()

    def handle_signals(self, reload: Callable[[], None]) -> None:
        """SIGTERM and SIGINT end the sensor, SIGHUP reads its files again."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop_in_time())
        signal.signal(
            signal.SIGHUP, lambda *_: threading.Thread(target=reload, name="reload", daemon=True).start()
        )

    def _stop_in_time(self) -> None:
        # Whatever does not let go by then has had its chance; the spool survives that as it does a kill.
        last = threading.Timer(2 * STOP_S, os._exit, (1,))
        last.daemon = True
        last.start()
        self.stop()

    def _take_up(self) -> None:
        """Go on where an earlier run was ended, or killed."""
        if not self._remember:
            return
        try:
            judged_ns, told = self.spool.judged_ns, self.spool.told()
            self.inbox.put([Outgoing("alert", json.loads(text)) for text in self.spool.grown()])
        except SpoolError as error:
            _log.error("spool.unreadable", error=str(error))
            return
        segments = self.keeper.segments.all if self.keeper is not None and judged_ns else []
        known = 0
        # What is being learned must not be learned twice.
        if self.learning.window is None or 0 < self.learning.until_ns <= judged_ns:
            known = self._catch_up(packets_known(segments, self.learning.until_ns, judged_ns))
            self.watch.take()
        count = resume_alerts(self.watch, told)
        late = self._catch_up(packets_since(segments, judged_ns))
        if count or known or late:
            _log.info("sensor.resumed", alerts=count, packets_known=known, packets_judged_late=late)

    def _catch_up(self, batches: Iterable[PacketBatch]) -> int:
        """Take kept packets of an earlier run; how many."""
        before = self.watch.packets
        self.watch.begin("kept/earlier run")
        for batch in batches:
            self._contain("analysis", self.watch.feed, batch)
            self._notifier.alive()
        self._contain("analysis", self.watch.flush)
        self.vitals.late += self.watch.packets - before
        return self.watch.packets - before

    def _contain(self, part: str, work: Callable[..., object], *arguments: object) -> None:
        """Do a part of the work: a defect in it must not make the sensor blind. It is told in the health,
        and in the log when it comes first and as often as its number doubles."""
        try:
            work(*arguments)
        except Exception:
            self._note_fault(part)

    def _note_fault(self, part: str) -> None:
        self.vitals.faults[part] += 1
        count = self.vitals.faults[part]
        if count & (count - 1) == 0:
            _log.exception("sensor.fault", part=part, times=count)

    def _take(self, batch: PacketBatch) -> None:
        now = time.monotonic()
        if self.keeper is not None:
            self._contain("evidence", self.keeper.feed, batch)
        if len(batch.records):
            self._packets_at = now
            self._contain("analysis", self.watch.feed, batch)
            if self.source.live:
                self.vitals.lag_s = max(0.0, (time.time_ns() - int(batch.records["time_ns"][-1])) / 1e9)
        elif not self.source.live or (now - self._packets_at) * 1e9 > EPOCH_NS:
            self._contain("analysis", self.watch.flush)
            self.vitals.lag_s = 0.0
        if now >= self._collect_at:
            self._collect_at = now + COLLECT_S
            self._contain("telling", self._collect, now)
        if now >= self._beat_at:
            self._beat_at = now + self.settings.heartbeat_s
            self._contain("health", self._beat, now)
        self._contain("configuration", self._switch)
        self._round = time.monotonic()
        self._notifier.alive()

    def _collect(self, now: float, everything: bool = False) -> None:
        """Hand over what is to be told."""
        judged_ns = self.telemetry.now_ns
        alerts = self._growth.due(self.watch.take(), now, everything)
        if self.keeper is not None and alerts:
            self.keeper.watch_for(alerts)
        documents = [Outgoing("alert", alert) for alert in alerts]
        documents += self.telemetry.documents(everything)
        self.inbox.put(documents, judged_ns, [Outgoing("alert", alert) for alert in self._growth.grown])
        self.writer.save(self.learning.checkpoint(self.watch, judged_ns, everything))
        # In a flood of alerts analysis goes first.
        self._collect_at = now + max(COLLECT_S, 10 * (time.monotonic() - now))

    def _beat(self, now: float) -> None:
        """Tell the health, and what it gives reason to raise."""
        now_ns = time.time_ns()
        for event in self.source.events():
            _log.warning("interface", interface=event.interface, state=str(event.state), text=event.text)
        parts = self.vitals.parts(now)
        # A replay is not judged by the clock: that it ends is no loss of traffic.
        if self.source.live:
            alerts = self.conditions.judge(self.vitals.reading(now, now_ns, parts))
            self.inbox.put([Outgoing("alert", alert) for alert in alerts])
        parts["conditions"] = self.conditions.standing
        self.inbox.put([Outgoing("health", health.document(self.name, now_ns, parts))])
        self.health = parts
        if self.sender is not None and self.control is not None:
            self.sender.client.context.pins = self.control.client.context.pins
            if self.control.running.digest == self.vitals.plan.digest:
                self.vitals.plan = self.control.running
        state = parts["uplink"]["state"] if "uplink" in parts else "none"
        self._notifier.tell(
            f"STATUS={parts['packets']} packets, {parts['spool']['documents']} documents wait, uplink {state}"
        )

    def _ask(self, event: str) -> None:
        """An analyst wants an alert's packets."""
        if self.keeper is None:
            return
        with contextlib.suppress(SpoolError):
            self.keeper.ask(event, self.spool.told_of(event))

    def _switch(self) -> None:
        offer = self._handover.take()
        if offer is None:
            return
        plan = offer.plan
        try:
            reconfigure(self.watch, plan.rules, plan.site, self._baseline_of(plan))
        except Exception as error:
            # Whatever a rule can do to the engine: the old plan is still in place and runs on.
            _log.exception("configuration.fault")
            offer.wrong = f"it cannot be run: {type(error).__name__}: {error}"
        else:
            self.vitals.plan = plan
            if self.keeper is not None:
                self.keeper.level = plan.evidence_level
        finally:
            offer.done.set()

    def _baseline_of(self, plan: Plan) -> Baseline | None:
        """The baseline to switch to; None where it stays as it is."""
        if plan.baseline is not None:
            return with_decisions(plan.baseline, (), plan.decisions)
        stage = self.watch.stage
        running = self.vitals.plan.decisions
        if plan.decisions == running or not stage.learned:
            return None
        return with_decisions(stage.baseline, running, plan.decisions)

    def apply_own(self, plan: Plan) -> str:
        """Switch to what the sensor's own files say, unless the console has sent something."""
        if self.vitals.plan.version:
            return "the console's configuration runs; it goes before the sensor's own files"
        return self._handover.offer(plan, APPLY_S)

    def _arrived(self) -> None:
        if self.sender is not None:
            self.sender.wake()

    def _is_alive(self) -> bool:
        return time.monotonic() - self._round < STUCK_S

    def _finish(self) -> None:
        """Judge, write and send what there is, within STOP_S."""
        end = time.monotonic() + STOP_S
        self._contain("analysis", self.watch.finish)
        self._contain("telling", self._collect, time.monotonic(), True)
        if self.keeper is not None:
            self.keeper.stop(max(1.0, (end - time.monotonic()) / 2))
        self._contain("health", self._beat, time.monotonic())
        self.writer.wait_until_written(5)
        if self.control is not None:
            self.control.stop(1)
        if self.sender is not None:
            self.sender.stop(max(1.0, end - time.monotonic()))
        self.writer.stop(5)
        if self.metrics is not None:
            self.metrics.stop()
        self.source.close()
        _log.info("sensor.ended", packets=self.watch.packets, waiting=self.writer.inbox.size)
