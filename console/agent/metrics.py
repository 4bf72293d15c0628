"""Prometheus metrics and a health check over plain HTTP, for this machine by default."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

PREFIX = "fieldwatch_sensor_"
_COUNTERS = ("packets", "bytes", "malformed", "faults", "cpu_s")
_GAUGES = ("uptime_s", "understood", "lag_s", "memory_bytes", "open_files", "clock_offset_s", "rules")
_BY_NAME = ("drops", "losses")
_SPOOL = ("documents", "alerts", "bytes", "oldest_s")
_UPLINK = ("ok", "unreachable", "refused", "revoked")


class _Collector:
    def __init__(self, health: Callable[[], dict[str, Any]]) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        """None: what there is depends on the traffic."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The latest health document as metrics."""
        health = self._health()
        for name in _COUNTERS:
            if name in health:
                yield CounterMetricFamily(PREFIX + name, f"health.{name}", value=health[name])
        for name in _GAUGES:
            if name in health:
                yield GaugeMetricFamily(PREFIX + name, f"health.{name}", value=health[name])
        for name in _BY_NAME:
            family = CounterMetricFamily(PREFIX + name, f"health.{name}", labels=["cause"])
            for cause, count in health.get(name, {}).items():
                family.add_metric([cause], count)
            yield family
        messages = CounterMetricFamily(PREFIX + "messages", "Messages by protocol", labels=["protocol"])
        for protocol, counts in health.get("protocols", {}).items():
            messages.add_metric([protocol], counts["messages"])
        yield messages
        yield from self._waiting(health)
        up = GaugeMetricFamily(PREFIX + "interface_up", "Whether a mirror port is up", labels=["interface"])
        for interface in health.get("interfaces", []):
            up.add_metric([interface["name"]], interface["state"] == "up")
        yield up
        standing = GaugeMetricFamily(PREFIX + "condition", "Conditions that stand", labels=["condition"])
        for condition in health.get("conditions", []):
            standing.add_metric([condition], 1)
        yield standing

    @staticmethod
    def _waiting(health: dict[str, Any]) -> Iterator[Metric]:
        spool = health.get("spool", {})
        for name in _SPOOL:
            if name in spool:
                yield GaugeMetricFamily(f"{PREFIX}spool_{name}", f"health.spool.{name}", value=spool[name])
        dropped = CounterMetricFamily(PREFIX + "spool_dropped", "Documents dropped", labels=["what"])
        for what, count in spool.get("dropped", {}).items():
            dropped.add_metric([what], count)
        yield dropped
        uplink = GaugeMetricFamily(PREFIX + "uplink", "State of the way to the console", labels=["state"])
        for state in _UPLINK:
            uplink.add_metric([state], health.get("uplink", {}).get("state") == state)
        yield uplink


class MetricsServer:
    """Serves /metrics and /healthz from a thread. Raises OSError where it cannot listen."""

    def __init__(self, address: str, health: Callable[[], dict[str, Any]], alive: Callable[[], bool]) -> None:
        host, _, port = address.rpartition(":")
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(health))

        class Handler(http.server.BaseHTTPRequestHandler):
            """GET only."""

            timeout = 5

            def do_GET(self) -> None:
                """Answer."""
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path == "/healthz":
                    good = alive()
                    conditions = health().get("conditions", [])
                    text = json.dumps({"capturing": good, "conditions": conditions})
                    self._answer(200 if good else 503, "application/json", text.encode())
                else:
                    self._answer(404, "text/plain", b"/metrics and /healthz\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is logged."""

        self._server = http.server.ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
