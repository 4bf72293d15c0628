"""Prometheus metrics, for this machine or for admins."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.auth.access import Forbidden, address_of, principal_or_none, settings_of
from console.posture.service import PostureService
from console.store.interface import Store

router = APIRouter(include_in_schema=False)


class ConsoleCollector(Collector):
    """Reads the store at each scrape."""

    def __init__(self, store: Store, posture: PostureService) -> None:
        self.store = store
        self.posture = posture

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
        silent = GaugeMetricFamily(
            "fieldwatch_sensor_silent_seconds", "Time since a sensor's last delivery", labels=["sensor"]
        )
        delivered = CounterMetricFamily(
            "fieldwatch_sensor_documents", "Documents delivered", labels=["sensor"]
        )
        for sensor in self.store.sensors():
            if sensor.silent_seconds is not None:
                silent.add_metric([sensor.name], sensor.silent_seconds)
            delivered.add_metric([sensor.name], sensor.documents)
        yield silent
        yield delivered
        posture = self.posture.current()
        yield GaugeMetricFamily("fieldwatch_posture_score", "Posture, 0 to 100", value=posture.score)
        yield GaugeMetricFamily(
            "fieldwatch_posture_confidence", "Confidence in the posture, 0 to 1", value=posture.confidence
        )


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The metrics as text."""
    if not (settings_of(request).metrics_public or _local(request)):
        principal = principal_or_none(request)
        if principal is None or not principal.may("admin"):
            raise Forbidden("metrics are for this machine or for an admin")
    registry = CollectorRegistry()
    registry.register(ConsoleCollector(request.app.state.store, request.app.state.posture))
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
