"""`fieldwatch rules backtest` on captures and on a store."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from plant_documents import NOON, asset, behaviour
from rule_texts import correlation_text, rule_text
from scapy.utils import PcapWriter
from traffic import segment
from typer.testing import CliRunner

from console.commands.rules import app
from console.store import open_store
from console.store.times import DAY, HOUR, to_text
from rules.language.loader import PACKS

COIL = "selection: {ics.operation: operate, ics.kind: request}\ncondition: selection"
WRITES = "selection: {ics.operation: write}\ncondition: selection"
NOVEL = "selection: {baseline.new_operation: true}\ncondition: selection"


def request(transaction: int, pdu: str) -> bytes:
    body = bytes.fromhex("01" + pdu)
    return transaction.to_bytes(2) + b"\0\0" + len(body).to_bytes(2) + body


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty minutes: a coil is forced in minutes 0, 5, 10 and 15; frames 1 to 4."""
    path = tmp_path_factory.mktemp("capture") / "coils.pcap"
    sequence = 1
    with PcapWriter(str(path), linktype=1) as writer:
        writer.write_header(None)
        for minute in (0, 5, 10, 15):
            data = request(minute, f"05 00{minute + 1:02x} ff00")
            writer.write_packet(segment(data, sequence), sec=1_700_000_000 + 60 * minute, usec=0)
            sequence += len(data)
    return path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["backtest", *map(str, arguments)])


def document(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def written(folder: Path, text: str, name: str = "a-rule") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_rule_on_a_capture(capture: Path, tmp_path: Path) -> None:
    path = written(
        tmp_path, rule_text(COIL, "quiet: 2m\ngroup_by: [source.ip, ics.address]", status="experimental")
    )
    found = document(path, "--on", capture)
    assert (found["alerts"], found["messages"], found["levels"]) == (4, 4, {"high": 4})
    assert found["watched_seconds"] == 900.0
    assert found["alerts_per_day"] == 384.0
    assert found["over_time"] == [{"from": "2023-11-14T22", "high": 4}]
    assert found["sources"] == [{"value": "10.1.1.5", "alerts": 4}]
    assert [each["value"] for each in found["objects"]] == ["coil 1", "coil 11", "coil 16", "coil 6"]
    assert found["samples"][0]["evidence"] == {"capture": str(capture), "frames": [1]}
    later = document(path, "--on", capture, "--since", "2023-11-14T22:20:00Z")
    assert (later["alerts"], later["watched_seconds"]) == (2, 500.0)
    shown = run(path, "--on", capture)
    assert "4 alerts (4 high), 384 a day" in shown.output
    assert "(1; coils.pcap frame 1)" in shown.output


def test_learning_is_taken_off_the_time_watched(capture: Path, tmp_path: Path) -> None:
    path = written(tmp_path, rule_text(COIL))
    assert document(path, "--on", capture, "--learn", "6m")["watched_seconds"] == 540.0


def test_suppressions_are_tried_out_as_well(capture: Path, tmp_path: Path) -> None:
    path = written(tmp_path, rule_text(COIL))
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: x\nsuppressions:\n- {id: a, reason: b, author: c, expires: 2030-01-01, rules: [a-rule]}\n",
        "utf-8",
    )
    found = document(path, "--on", capture, "--site", site)
    assert (found["alerts"], found["silenced"]) == (0, 1)


def test_a_correlation_brings_the_rules_it_names(capture: Path, tmp_path: Path) -> None:
    base = written(tmp_path, rule_text(COIL), "coil-forced")
    written(
        tmp_path,
        correlation_text(
            "type: event_count\nrules: [coil-forced]\ngroup-by: [source.ip]\n"
            "timespan: 1h\ncondition: {gte: 3}"
        ),
        "many",
    )
    found = document(tmp_path, "--on", capture)
    assert {each["name"]: each["alerts"] for each in found["rules"]} == {"coil-forced": 0, "many": 1}
    base.unlink()
    alone = run(tmp_path / "many.yaml", "--on", capture)
    assert alone.exit_code == 1
    assert "there is no rule 'coil-forced'" in alone.output


def test_shipped_rules_by_name_and_changed_copies_of_them(capture: Path, tmp_path: Path) -> None:
    shipped = document("controller-stop", "--on", capture)
    assert [each["name"] for each in shipped["rules"]] == ["controller-stop"]
    copied = tmp_path / "controller-stop.yaml"
    shutil.copyfile(next(PACKS.rglob("controller-stop.yaml")), copied)
    assert [each["name"] for each in document(copied, "--on", capture)["rules"]] == ["controller-stop"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A read that lasts for two days, a write that was known, and one that came on the second day."""
    path = tmp_path / "plant.db"
    opened = open_store(path)

    def one(number: int, start: int, end: int, **more: Any) -> Any:
        envelope = behaviour(f"b-{number}", start=start, **more)
        envelope.body["behaviour"]["last_seen"] = to_text(end)
        return envelope

    opened.ingest(
        "s1",
        1,
        [
            asset(),
            one(1, NOON, NOON + 2 * DAY, operation="read"),
            one(2, NOON, NOON + 2 * DAY, operation="write"),
            one(3, NOON + DAY + HOUR, NOON + DAY + 2 * HOUR, operation="stop"),
        ],
    )
    opened.close()
    return path


def test_a_rule_on_a_store(store: Path, tmp_path: Path) -> None:
    found = document(written(tmp_path, rule_text(WRITES)), "--on", store)
    assert (found["alerts"], found["watched_seconds"], found["alerts_per_day"]) == (1, 2 * 86400.0, 0.5)
    assert "counted once" in found["notes"][0]


def test_what_a_store_held_before_is_its_baseline(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path, rule_text(NOVEL, "requires: [baseline]"))
    silent = document(path, "--on", store)
    assert silent["alerts"] == 0
    assert any("--since" in note for note in silent["notes"])
    found = document(path, "--on", store, "--since", to_text(NOON + DAY))
    assert (found["alerts"], found["watched_seconds"]) == (1, 86400.0)
    assert found["samples"][0]["@timestamp"] == to_text(NOON + DAY + HOUR)


def test_what_a_store_cannot_tell_is_said(store: Path, tmp_path: Path) -> None:
    outside = "selection: {baseline.value_outside: true}\ncondition: selection"
    path = written(tmp_path, rule_text(outside, "requires: [baseline]"))
    found = document(path, "--on", store, "--since", to_text(NOON + DAY))
    assert any("values and rhythms" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "--on: name a capture or a store"),
        (["no-such-rule", "--on", "CAPTURE"], 1, "no shipped rule of this name"),
        (["--on", "nothing.pcap"], 1, "there is no such file"),
        (["--on", "RULE"], 1, "RULE"),
        (["--on", "CAPTURE", "--since", "then"], 2, "is not a time"),
        (["--on", "CAPTURE", "--learn", "long"], 2, "span of time"),
        (["--on", "STORE", "--learn", "5m"], 2, "a store stands alone"),
    ],
)
def test_what_cannot_be_done_is_said(
    capture: Path, store: Path, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    places = {"CAPTURE": str(capture), "STORE": str(store), "RULE": str(written(tmp_path, rule_text(COIL)))}
    result = run(*(places.get(each, each) for each in arguments))
    assert (result.exit_code, places.get(says, says) in result.output) == (code, True), result.output
