"""Two sensors that see the same attack give one alert; what only looks alike stays apart."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from plant_documents import MINUTE, NOON, SECOND, alert

from console.store.filters import AlertFilter, PageRequest
from console.store.interface import Store
from console.store.records import AlertRecord, Envelope

Deliver = Callable[..., None]


@pytest.fixture
def deliver(anyone: TestClient, store: Store) -> Deliver:
    """Deliver a sensor's documents as it does: gzip NDJSON with its own token."""
    sites = {"line-1": "north", "line-2": "north", "line-3": "south"}
    tokens = {name: store.add_sensor(name, site, "root") for name, site in sites.items()}
    sent = iter(range(10**6))

    def post(sensor: str, *documents: Envelope) -> None:
        lines = [{"sensor": sensor, "sequence": f"boot.{next(sent)}"}]
        lines += [{"type": item.type, "body": item.body} for item in documents]
        answer = anyone.post(
            "/api/v1/ingest",
            content=gzip.compress("\n".join(map(json.dumps, lines)).encode()),
            headers={
                "authorization": f"Bearer {tokens[sensor]}",
                "content-type": "application/x-ndjson",
                "content-encoding": "gzip",
            },
        )
        assert answer.status_code == 200, answer.text

    return post


def listed(store: Store) -> list[AlertRecord]:
    return store.alerts(AlertFilter(), PageRequest(sort="first_seen", descending=False)).items


def without_zone(document: Envelope) -> Envelope:
    for end in ("source", "destination"):
        document.body[end] = {key: value for key, value in document.body[end].items() if key != "zone"}
    return document


@pytest.mark.parametrize("zones", ["both", "first", "second", "none"])
@pytest.mark.parametrize("skew", [-3 * SECOND, 0, 7 * SECOND])
def test_the_same_attack_is_one_alert(store: Store, deliver: Deliver, zones: str, skew: int) -> None:
    first = alert("5b0c-first", count=3, end=NOON + MINUTE)
    second = alert("77aa-second", start=NOON + skew, end=NOON + skew + MINUTE, count=2)
    if zones in ("second", "none"):
        without_zone(first)
    if zones in ("first", "none"):
        without_zone(second)
    deliver("line-1", first)
    deliver("line-2", second)
    (found,) = listed(store)
    assert (found.id, found.count, found.sensors) == ("5b0c-first", 3, ["line-1", "line-2"])
    deliver("line-2", alert("77aa-second", start=NOON + skew, end=NOON + skew + 2 * MINUTE, count=9))
    (found,) = listed(store)
    assert found.count == 9, "either of them keeps it growing"
    store.close_alerts([found.id], "resolved", "anna")
    deliver("line-1", alert("5b0c-first", count=3, end=NOON + MINUTE))
    deliver("line-2", second)
    assert len(listed(store)) == 1, "late repeats of what was closed open nothing"


def test_another_site_with_the_same_addresses_is_another_plant(store: Store, deliver: Deliver) -> None:
    deliver("line-1", alert("a"))
    deliver("line-3", alert("b"))
    assert [found.sensors for found in listed(store)] == [["line-1"], ["line-3"]]


def test_two_cells_with_the_same_addresses_are_told_apart_by_their_zones(
    store: Store, deliver: Deliver
) -> None:
    deliver("line-1", alert("a", zone="cell 1"))
    deliver("line-2", alert("b", zone="cell 2"))
    assert len(listed(store)) == 2


def test_alerts_about_the_sensors_themselves_stay_apart(store: Store, deliver: Deliver) -> None:
    for sensor in ("line-1", "line-2"):
        body = alert(f"quiet-{sensor}", rule="sensor-no-traffic").body
        about = {name: value for name, value in body.items() if name not in ("source", "destination")}
        deliver(sensor, Envelope("alert", about))
    assert len(listed(store)) == 2


def test_changes_of_two_assets_stay_apart_and_of_one_join(store: Store, deliver: Deliver) -> None:
    def change(event: str, asset: str) -> Envelope:
        body = alert(event, rule="new-asset", asset={"id": asset, "change": "new_asset"}).body
        return Envelope("alert", {k: v for k, v in body.items() if k not in ("source", "destination", "ics")})

    deliver("line-1", change("a", "a-1"))
    deliver("line-2", change("b", "a-2"), change("c", "a-1"))
    assert [(found.id, len(found.sensors)) for found in listed(store)] == [("a", 2), ("b", 1)]
