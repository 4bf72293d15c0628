"""Alerts about what a sensor cannot say itself: that nothing is heard of it.

A sensor that is silent for longer than the limit gets one alert, however long the silence lasts; the
alert is closed by the console once the sensor has been heard steadily again, so that one that comes and
goes keeps its one alert. The console's own absence, and a jump of its clock, start the count anew.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import structlog

from console.settings import SensorSettings
from console.store.errors import NotFound
from console.store.filters import MAX_LIMIT, AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import SensorRecord
from console.store.times import SECOND, now, to_nanoseconds, to_text

log = structlog.get_logger(__name__)
LOOK_SECONDS = 5.0
STEADY_LIMITS = 2.0
"""A sensor is back once it was heard for this many times the silence that raises an alert."""
JUMP_SECONDS = 30
ACTOR = "console"
RULE: dict[str, str] = {
    "id": "5a1d7c52-3f0e-4d6a-9d58-6a7f0c1b9e44",
    "name": "sensor-silent",
    "title": "Sensor is silent",
    "title_zh": "探针失去联系",
    "level": "high",
    "advice": "Look whether the sensor has power and its way to the console is open. Until it is heard again "
    "nothing it should watch is watched, and what it delivers later is late.",
    "advice_zh": "请检查探针的电源以及到控制台的网络连接。在恢复联系之前，其负责的网络处于无人监视状态，"
    "之后补送的数据也会滞后。",
}


class SilenceWatch:
    """Looks at all registered sensors now and then; `look` is called from one thread at a time."""

    def __init__(
        self,
        store: Store,
        settings: SensorSettings,
        clock: Callable[[], int] = now,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._limit = int(settings.silent_after * SECOND)
        self._clock, self._steady_clock = clock, steady_clock
        self._began = clock()
        self._before = (self._began, steady_clock())
        self._back_since: dict[str, int] = {}

    def look(self) -> None:
        """Raise what is to be raised, close what is over."""
        time_ns, steady = self._clock(), self._steady_clock()
        moved = (time_ns - self._before[0]) / SECOND - (steady - self._before[1])
        self._before = (time_ns, steady)
        if abs(moved) > JUMP_SECONDS:
            log.warning("the clock has jumped: silence counts from now", seconds=round(moved, 1))
            self._began = time_ns
            self._back_since.clear()
        sensors = [sensor for sensor in self._store.sensors() if sensor.registered]
        standing = self._standing()
        for sensor in sensors:
            self._judge(sensor, time_ns, standing.pop(sensor.name, []))
        for alerts in standing.values():
            # Nobody is left who could be heard again.
            self._store.close_alerts(alerts, "resolved", ACTOR, "the sensor is no longer registered")
        self._back_since = {
            name: since
            for name, since in self._back_since.items()
            if any(sensor.name == name for sensor in sensors)
        }

    def _standing(self) -> dict[str, list[str]]:
        query = AlertFilter(rules=(RULE["name"],), statuses=("new", "active"))
        found: dict[str, list[str]] = {}
        cursor: str | None = None
        while True:
            page = self._store.alerts(query, PageRequest(limit=MAX_LIMIT, cursor=cursor))
            for alert in page.items:
                found.setdefault(alert.sensors[0], []).append(alert.id)
            cursor = page.next_cursor
            if cursor is None:
                return found

    def _judge(self, sensor: SensorRecord, time_ns: int, alerts: list[str]) -> None:
        if sensor.revoked:
            if alerts:
                self._store.close_alerts(alerts, "resolved", ACTOR, "the sensor's token is revoked")
            return
        if sensor.state is None and sensor.last_seen is not None:
            # A program that delivers by itself and sends no heartbeats has promised none.
            return
        heard = to_nanoseconds(sensor.last_seen or sensor.created)
        silent = time_ns - max(heard, self._began) > self._limit
        if silent:
            self._back_since.pop(sensor.name, None)
            if not alerts:
                self._raise(sensor, heard, time_ns)
            return
        if not alerts or time_ns - heard > self._limit:
            # Within the console's own grace it is neither silent nor back.
            return
        since = self._back_since.setdefault(sensor.name, time_ns)
        if time_ns - since >= STEADY_LIMITS * self._limit:
            self._store.close_alerts(alerts, "resolved", ACTOR, "the sensor is heard again")
            del self._back_since[sensor.name]

    def _raise(self, sensor: SensorRecord, heard: int, time_ns: int) -> None:
        # The same silence has the same event, also after a restart: who closed its alert has decided.
        seed = f"{sensor.name}\0{sensor.created}\0{heard}"
        event_id = "silent-" + hashlib.sha256(seed.encode()).hexdigest()[:24]
        try:
            self._store.alert(event_id)
        except NotFound:
            if self._store.raise_alert(sensor.name, silence(sensor, event_id, heard, time_ns)):
                log.warning("a sensor is silent", sensor=sensor.name, site=sensor.site)


def silence(sensor: SensorRecord, event_id: str, heard: int, time_ns: int) -> dict[str, Any]:
    """The alert document of a sensor that was last heard at `heard`, told at `time_ns`."""
    seconds = (time_ns - heard) // SECOND
    if sensor.last_seen is None:
        message = f"Sensor {sensor.name} (site {sensor.site}) has not been heard since it enrolled"
        message_zh = f"探针 {sensor.name}（站点 {sensor.site}）自注册以来一直没有消息"
    else:
        message = f"Sensor {sensor.name} (site {sensor.site}) has been silent for {seconds} s"
        message_zh = f"探针 {sensor.name}（站点 {sensor.site}）已 {seconds} 秒没有消息"
    return {
        "@timestamp": to_text(time_ns),
        "event": {
            "id": event_id,
            "kind": "alert",
            "start": to_text(heard),
            "end": to_text(time_ns),
            "count": 1,
            "severity": 73,
            "action": "silent",
        },
        "rule": RULE,
        "observer": {"name": sensor.name},
        "message": message,
        "message_zh": message_zh,
    }
