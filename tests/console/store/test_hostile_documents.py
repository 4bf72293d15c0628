"""Whatever a sensor puts into a document, it is stored or refused; nothing breaks, then or later."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_documents import HOUR, NOON, alert, asset, behaviour, health

from console.incidents.service import find
from console.posture.constants import PostureConstants
from console.posture.service import compute
from console.store import open_store
from console.store.errors import DocumentsRefused
from console.store.filters import (
    ALERT_FACETS,
    ALERT_SORTS,
    AlertFilter,
    AssetFilter,
    BehaviourFilter,
    PageRequest,
)
from console.store.interface import Store
from console.store.records import Envelope
from console.store.times import to_text

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MAKERS = [
    lambda n: alert(f"e{n}", start=NOON + n * HOUR, asset={"id": f"x{n}", "change": "new_asset"}),
    lambda n: alert(
        f"m{n}",
        start=NOON + n * HOUR,
        maintenance={"id": "m", "work_order": "WO-1", "until": to_text(NOON), "level": "high"},
        suppression={"id": "s", "reason": "r", "author": "a", "expires": to_text(NOON), "level": "high"},
    ),
    lambda n: asset(f"a{n}", ip=f"10.0.0.{n % 20}"),
    lambda n: behaviour(f"b{n}"),
    lambda n: health(NOON + n, baseline={"completeness": 0.5}),
    lambda n: Envelope("summary", {"packets": n, "understood": {"share": 0.5}, "protocols": {"modbus": 1}}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = open_store(tmp_path_factory.mktemp("hostile") / "a.db")
    yield store
    store.close()


def read_everything(store: Store) -> None:
    for sort in ALERT_SORTS:
        store.alerts(AlertFilter(), PageRequest(sort=sort))
    for facet in ALERT_FACETS:
        store.tally_alerts(AlertFilter(text="x"), facet)
        store.tally_alerts(AlertFilter(), facet)
    store.alert_timeline(AlertFilter(), NOON, NOON + HOUR)
    store.assets(AssetFilter(text="x"), PageRequest())
    store.assets(AssetFilter(), PageRequest(sort="purdue_level"))
    store.behaviours(BehaviourFilter(), PageRequest())
    for call in (store.rules, store.zones, store.sensors, store.open_items, store.counts):
        call()
    store.flows(BehaviourFilter())
    for record in store.assets(AssetFilter(), PageRequest()).items:
        store.asset_history(record.id)
    compute(store, PostureConstants(), NOON)
    find(store, NOON)


counter = iter(range(10**9))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(MAKERS) - 1), st.randoms(use_true_random=False), json_values, st.integers(1, 3))
def test_any_value_in_any_place(
    shared: Store, which: int, rng: random.Random, value: Any, changes: int
) -> None:
    number = next(counter)
    envelope = MAKERS[which](number)
    body = copy.deepcopy(envelope.body)
    for _ in range(changes):
        candidates = places(body)
        if not candidates:
            break
        *path, last = rng.choice(candidates)
        target = body
        for step in path:
            target = target[step]
        target[last] = copy.deepcopy(value)
    faults = [("documents.0", "")]
    try:
        shared.ingest("s1", f"{number}", [Envelope(envelope.type, body)])
        # The same again under another sequence: now it meets what is already there.
        shared.ingest("s2", f"{number}", [Envelope(envelope.type, body)])
    except DocumentsRefused as refusal:
        faults = refusal.faults
    assert all(where.startswith("documents.0") for where, _ in faults)
    if number % 25 == 0:
        read_everything(shared)
