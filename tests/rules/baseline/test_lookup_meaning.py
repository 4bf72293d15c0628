"""The vectorised lookup says what a plain reading of the levels says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_rows import Plant

from rules.baseline.document import text_of_baseline
from rules.baseline.learning import Learner
from rules.baseline.model import Baseline, Level
from rules.baseline.novelty import Lookup
from rules.baseline.reading import baseline_of_text
from sensor.messages import Operation
from sensor.types import Rows

SMALL = st.fixed_dictionaries(
    {
        "client": st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        "server": st.sampled_from(["10.0.0.8", "10.0.0.9"]),
        "operation": st.sampled_from([Operation.READ, Operation.WRITE]),
        "server_port": st.sampled_from([502, 1502]),
        "function": st.integers(-1, 2),
        "subfunction": st.integers(-1, 1),
        "unit": st.integers(-1, 1),
        "space": st.integers(-1, 1),
        "name": st.sampled_from(["", "A", "B"]),
        "address": st.integers(-1, 8),
        "count": st.integers(-1, 4),
    }
)


def rows_of(plant: Plant, items: list[dict[str, Any]]) -> Rows:
    made = []
    for item in items:
        values = dict(item)
        ends = values.pop("client"), values.pop("server"), values.pop("operation")
        if not values["name"]:
            values["name"] = -1
        made.append(plant.row(*ends, **values))
    return np.concatenate(made)


def addresses(item: dict[str, Any]) -> set[int]:
    if item["address"] < 0:
        return {-1}
    return set(range(item["address"], item["address"] + max(1, item["count"])))


def plainly(known: list[dict[str, Any]], item: dict[str, Any]) -> Level:
    """The level by comparing with each learned request in turn; servers have not answered yet."""
    levels: list[tuple[Level, tuple[str, ...]]] = [
        (Level.ASSET, ("client",)),
        (Level.CONVERSATION, ("server", "server_port")),
        (Level.OPERATION, ("operation",)),
        (Level.FUNCTION, ("function", "subfunction")),
    ]
    for level, fields in levels:
        known = [other for other in known if all(other[field] == item[field] for field in fields)]
        if not known:
            return level
    place = ("unit", "space", "name")
    known = [other for other in known if all(other[field] == item[field] for field in place)]
    covered = set().union(*(addresses(other) for other in known))
    return Level.NONE if addresses(item) <= covered else Level.OBJECT


@given(st.lists(SMALL, min_size=1, max_size=12), st.lists(SMALL, min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_lookup_means_what_it_says(learned: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    plant = Plant()
    baseline = Baseline()
    Learner(baseline, plant.directory, plant.strings).learn(rows_of(plant, learned))
    novelty = Lookup(baseline, plant.directory, plant.strings).novelty(rows_of(plant, asked))
    assert [Level(value) for value in novelty.level.tolist()] == [plainly(learned, item) for item in asked]


@given(st.lists(SMALL, min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_every_baseline_survives_its_file(learned: list[dict[str, Any]]) -> None:
    plant = Plant()
    baseline = Baseline()
    Learner(baseline, plant.directory, plant.strings).learn(rows_of(plant, learned))
    text = text_of_baseline(baseline)
    assert baseline_of_text(text, Path("plant.yaml")) == baseline
