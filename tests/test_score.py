"""The figures of `make score` do not fall."""

from __future__ import annotations

import pytest

from bench.score import WAYS, Story, assets, score, total
from bench.truth import PCAPS

MOST_FALSE_PER_HOUR = 0.5
ROLES = VENDORS = 0.95
TECHNIQUES = 0.9
MOST_LATE_SOON = 0.1
INCIDENTS, PLANTS = 16, 4
MOST_OCTETS, MOST_OCTETS_IN_ALL = 8 << 20, 40 << 20

pytestmark = pytest.mark.xdist_group("score")


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    return score(PCAPS / "score")


def test_there_is_enough_to_judge(stories: list[Story]) -> None:
    judged = [story for story in stories if story.way == "baseline"]
    assert sum(len(story.seconds) for story in judged) >= INCIDENTS
    assert len({story.name for story in judged if story.name.endswith("/quiet")}) >= PLANTS
    assert any(not story.seconds and not story.name.endswith("/quiet") for story in judged)
    sizes = [path.stat().st_size for path in PCAPS.joinpath("score").rglob("*.zst")]
    assert max(sizes) <= MOST_OCTETS
    assert sum(sizes) <= MOST_OCTETS_IN_ALL


def test_every_incident_is_found_within_a_minute(stories: list[Story]) -> None:
    assert total(stories, "baseline").late == []


def test_most_incidents_are_found_after_a_minute_of_learning(stories: list[Story]) -> None:
    """A set-point that was written once or never has no band yet."""
    sums = total(stories, "learn")
    assert len(sums.late) <= MOST_LATE_SOON * sums.incidents, sums.late


@pytest.mark.parametrize("way", WAYS)
def test_a_quiet_plant_stays_quiet(stories: list[Story], way: str) -> None:
    false = [f"{story.name}: {text}" for story in stories if story.way == way for text in story.false]
    assert total(stories, way).false_per_hour <= MOST_FALSE_PER_HOUR, false


def test_techniques_are_those_that_were_used(stories: list[Story]) -> None:
    assert total(stories, "baseline").techniques >= TECHNIQUES


def test_machines_are_what_they_are(stories: list[Story]) -> None:
    roles, vendors, wrong = assets(stories)
    assert roles >= ROLES, wrong
    assert vendors >= VENDORS, wrong
