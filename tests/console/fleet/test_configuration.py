"""From several scopes to one content, and how a sensor stands to it."""

from __future__ import annotations

from typing import Any

import pytest

from console.agent.bundle import Bundle, digest_of, read_bundle
from console.fleet.configuration import Desired, DesiredConfigurations, composed, running
from console.store.records import ConfigurationContent
from console.store.sqlite.store import SqliteStore


def test_a_site_overrides_texts_and_adds_to_lists() -> None:
    everyone = ConfigurationContent(
        {"site": "a", "rules/x.yaml": "1", "rules/y.yaml": "2"},
        {"disabled": ["r1"], "evidence_level": "low"},
    )
    site = ConfigurationContent(
        {"site": "b", "rules/y.yaml": "3", "baseline": "c"},
        {"disabled": ["r1", "r2"], "shipped_rules": False},
    )
    assert composed([everyone, site]) == {
        "shipped_rules": False,
        "rules": {"x.yaml": "1", "y.yaml": "3"},
        "disabled": ["r1", "r2"],
        "baseline": "c",
        "accepted": [],
        "suppressions": None,
        "site": "b",
        "evidence_level": "low",
        "settings": {},
    }
    assert everyone.values["disabled"] == ["r1"], "what was composed is left as it was"


def test_what_is_composed_is_what_a_sensor_reads(store_path: Any) -> None:
    store = SqliteStore(store_path)
    assert DesiredConfigurations(store).of("north") is None
    store.put_configuration("", ConfigurationContent({"site": "site: ä\n"}), "", "root", None)
    desired = DesiredConfigurations(store)
    wanted = desired.of("north")
    assert wanted is not None
    answer = {"version": wanted.version, "digest": wanted.digest, "content": wanted.content}
    assert isinstance(read_bundle(answer), Bundle)
    assert desired.of("north") is wanted, "composed once"
    store.put_configuration("site/north", ConfigurationContent({}, {"disabled": ["r"]}), "", "root", None)
    again = desired.of("north")
    assert again is not None
    assert again.version > wanted.version
    assert desired.of("south") == wanted
    store.close()


@pytest.fixture
def store_path(tmp_path: Any) -> Any:
    return tmp_path / "a.db"


CONTENT = composed([])
WANTED = Desired(4, digest_of(CONTENT), CONTENT)
RUNS = {"version": 4, "digest": WANTED.digest}
OLD = {"version": 3, "digest": "sha256:old"}


@pytest.mark.parametrize(
    ("said", "wanted", "state"),
    [
        (None, WANTED, "unknown"),
        ({"configuration": RUNS}, WANTED, "current"),
        ({"configuration": OLD}, WANTED, "behind"),
        ({"configuration": OLD, "refused": {**RUNS, "reason": "why"}}, WANTED, "refused"),
        ({"configuration": OLD, "refused": {"version": 2, "digest": "x"}}, WANTED, "behind"),
        ({"configuration": None}, WANTED, "local"),
        ({}, None, "unset"),
        ({"configuration": OLD}, None, "behind"),
        ({"configuration": "x", "refused": [1]}, WANTED, "local"),
    ],
)
def test_how_a_sensor_stands(said: dict[str, Any] | None, wanted: Desired | None, state: str) -> None:
    assert running(said, wanted).state == state
