"""Prometheus metrics, for this machine or for admins."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.api.stream import Stream
from console.auth.access import Forbidden, address_of, principal_or_none, settings_of
from console.fleet.configuration import DesiredConfigurations, running
from console.fleet.said import counts_of, inner, number, state_of
from console.posture.service import PostureService
from console.store.interface import Store

router = APIRouter(include_in_schema=False)
MOST_SENSORS = 500
"""Sensors that get series of their own: names come from outside."""
DROPS = ("ring", "queue", "interface", "damaged")
"""Causes that get a series of their own; a sensor that names others adds to `other`."""


class ConsoleCollector(Collector):
    """Reads the store at each scrape."""

    def __init__(
        self,
        store: Store,
        posture: PostureService,
        desired: DesiredConfigurations,
        stream: Stream,
        silent_after: float,
    ) -> None:
        self.store = store
        self.posture = posture
        self.desired = desired
        self.stream = stream
        self.silent_after = silent_after

    def collect(self) -> Iterator[Metric]:
        """Everything a dashboard or an alert of Prometheus would ask for."""
        counts = self.store.counts()
        for name, value in counts.items():
            yield GaugeMetricFamily(
                f"fieldwatch_{name}", f"{name.replace('_', ' ')} in the store", value=value
            )
        losses = CounterMetricFamily("fieldwatch_losses", "What the store did not keep", labels=["cause"])
        for cause, count in self.store.losses().items():
            losses.add_metric([cause], count)
        yield losses
        yield from self._sensors()
        yield GaugeMetricFamily(
            "fieldwatch_stream_clients", "Pages that listen for changes", value=self.stream.clients
        )
        posture = self.posture.current()
        yield GaugeMetricFamily("fieldwatch_posture_score", "Posture, 0 to 100", value=posture.score)
        yield GaugeMetricFamily(
            "fieldwatch_posture_known", "Whether confidence allows a score: 1 or 0", value=posture.known
        )
        yield GaugeMetricFamily(
            "fieldwatch_posture_confidence", "Confidence in the posture, 0 to 1", value=posture.confidence
        )

    def _sensors(self) -> Iterator[Metric]:
        """Each registered sensor's state; of other sources of batches there may be any number."""
        silent, delivered, batches, state, spooled, spool_age, offset, lag, understood, version, wanted = (
            GaugeMetricFamily(
                "fieldwatch_sensor_silent_seconds", "Time since a sensor was last heard", labels=["sensor"]
            ),
            CounterMetricFamily("fieldwatch_sensor_documents", "Documents delivered", labels=["sensor"]),
            CounterMetricFamily("fieldwatch_sensor_batches", "Batches delivered", labels=["sensor"]),
            GaugeMetricFamily(
                "fieldwatch_sensor_state", "1 for the state it is in", labels=["sensor", "state"]
            ),
            GaugeMetricFamily(
                "fieldwatch_sensor_spool_documents", "Documents waiting on it", labels=["sensor"]
            ),
            GaugeMetricFamily("fieldwatch_sensor_spool_age_seconds", "Age of the oldest", labels=["sensor"]),
            GaugeMetricFamily(
                "fieldwatch_sensor_clock_offset_seconds", "Its clock less the console's", labels=["sensor"]
            ),
            GaugeMetricFamily("fieldwatch_sensor_lag_seconds", "From packet to judgement", labels=["sensor"]),
            GaugeMetricFamily(
                "fieldwatch_sensor_understood_ratio", "Share of OT bytes understood", labels=["sensor"]
            ),
            GaugeMetricFamily(
                "fieldwatch_sensor_configuration_version", "Version it runs", labels=["sensor"]
            ),
            GaugeMetricFamily(
                "fieldwatch_sensor_configuration_wanted", "Version it should run", labels=["sensor"]
            ),
        )
        drops = CounterMetricFamily(
            "fieldwatch_sensor_drops", "Packets it dropped since it started", labels=["sensor", "cause"]
        )
        registered = [sensor for sensor in self.store.sensors() if sensor.registered]
        for sensor in registered[:MOST_SENSORS]:
            name = [sensor.name]
            health = inner(sensor.health, "health")
            spool = inner(sensor.state, "spool")
            runs = running(sensor.state, None if sensor.revoked else self.desired.of(sensor.site))
            values = (
                (silent, sensor.silent_seconds),
                (delivered, sensor.documents),
                (batches, sensor.batches),
                (spooled, number(spool.get("documents"))),
                (spool_age, number(spool.get("oldest_s"))),
                (offset, number(health.get("clock_offset_s"))),
                (lag, number(health.get("lag_s"))),
                (understood, number(health.get("understood"))),
                (version, runs.version),
                (wanted, runs.wanted),
            )
            for family, value in values:
                if value is not None:
                    family.add_metric(name, value)
            state.add_metric([sensor.name, state_of(sensor, self.silent_after)], 1)
            told = counts_of(health, "drops")
            known = {cause: told.get(cause, 0.0) for cause in DROPS}
            for cause, count in {**known, "other": sum(told.values()) - sum(known.values())}.items():
                drops.add_metric([sensor.name, cause], count)
        yield from (silent, delivered, batches, state, spooled, spool_age, offset, lag, understood, version)
        yield from (wanted, drops)
        yield GaugeMetricFamily(
            "fieldwatch_sensors_not_shown",
            "Sensors beyond the bound",
            value=max(0, len(registered) - MOST_SENSORS),
        )


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The metrics as text."""
    if not (settings_of(request).metrics_public or _local(request)):
        principal = principal_or_none(request)
        if principal is None or not principal.may("admin"):
            raise Forbidden("metrics are for this machine or for an admin")
    registry = CollectorRegistry()
    state = request.app.state
    registry.register(
        ConsoleCollector(
            state.store,
            state.posture,
            state.desired,
            state.stream,
            state.settings.sensors.silent_after,
        )
    )
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _local(request: Request) -> bool:
    # A proxy on this machine makes everyone look local; unless it is trusted, what it forwards is not.
    address = address_of(request)
    peer = request.client.host if request.client else ""
    if address == peer and ("x-forwarded-for" in request.headers or "forwarded" in request.headers):
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
