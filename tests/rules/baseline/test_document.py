from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_rows import START, Plant

from rules.baseline.difference import merged, only_in
from rules.baseline.document import text_of_baseline, write_baseline
from rules.baseline.learning import Learner
from rules.baseline.model import Baseline, Learned
from rules.baseline.nodes import BaselineError
from rules.baseline.reading import baseline_of_text, read_baseline
from rules.baseline.words import quoted
from sensor.messages import Operation
from sensor.protocols.protocol import Number
from sensor.types import Rows

FILE = Path("plant.baseline.yaml")


def baseline_of(plant: Plant, *rows: Rows) -> Baseline:
    baseline = Baseline(learned=[Learned("sensor-1", START, START + 300 * 10**9, len(rows), 0)])
    Learner(baseline, plant.directory, plant.strings).learn(np.concatenate(rows))
    return baseline


def a_plant(plant: Plant) -> Baseline:
    return baseline_of(
        plant,
        plant.row("10.0.0.5", "10.0.0.10", address=0, count=10),
        plant.row("10.0.0.5", "10.0.0.10", address=100),
        plant.row("10.0.0.5", "10.0.0.10", Operation.RESET, function=8, subfunction=1, space=-1, unit=1),
        plant.row("10.0.0.5", "10.0.0.9", Operation.DIAGNOSE, function=8, subfunction=0),
        plant.row("10.0.0.9", "8.8.8.8", protocol=Number.DNS, transport=17, server_port=53),
        plant.row("00:1b:1b:aa:bb:cc", "01:80:c2:00:00:0e", protocol=Number.LLDP, transport=0),
        plant.row(
            "fe80::1", "10.0.0.10", function=200, space=-1, address=-1, count=-1, name='Öl "x": #1\x85'
        ),
    )


def test_the_file_is_what_a_person_expects() -> None:
    text = text_of_baseline(a_plant(Plant()))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert (
        body
        == """\
fieldwatch_baseline: 2
learned:
- {observer: sensor-1, from: "2023-11-14T22:13:20.000000000Z", until: "2023-11-14T22:18:20.000000000Z", \
behaviours: 7, left_out: 0}
assets:
- 10.0.0.5
- 10.0.0.9
- "fe80::1"
- "00:1b:1b:aa:bb:cc"
conversations:
- client: 10.0.0.5
  server: 10.0.0.9
  service: modbus tcp/502
  operations:
    diagnose:
      8/0 Return Query Data: []
- client: 10.0.0.5
  server: 10.0.0.10
  service: modbus tcp/502
  operations:
    read:
      3 Read Holding Registers:
      - {unit: 1, space: holding_register, at: "0-9, 100"}
- client: 10.0.0.9
  server: internet
  service: dns udp/53
- client: "fe80::1"
  server: 10.0.0.10
  service: modbus tcp/502
  operations:
    read:
      "200":
      - {unit: 1, name: "Öl \\"x\\": #1\\U00000085"}
withheld:
- {client: 10.0.0.5, server: 10.0.0.10, service: modbus tcp/502, operation: reset, \
function: 8/1 Restart Communications Option, first: "2023-11-14T22:13:20.000000000Z"}"""
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    baseline = a_plant(Plant())
    write_baseline(baseline, tmp_path / FILE)
    assert read_baseline(tmp_path / FILE) == baseline
    assert text_of_baseline(read_baseline(tmp_path / FILE)) == text_of_baseline(baseline)


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_any_name_survives_yaml(name: str) -> None:
    assert yaml.safe_load(f"x: {quoted(name)}") == {"x": name}


LINE = "fieldwatch_baseline: 1\nassets: []\nconversations:\n- {client: a, server: b, service: modbus tcp/502"


@pytest.mark.parametrize(
    ("text", "wrong", "says"),
    [
        ("[1, 2]", "[1", "must be a map"),
        ("rules: []", "rules", "not a baseline"),
        ("fieldwatch_baseline: 3\nassets: []", "3", "format '3' cannot be read"),
        ("fieldwatch_baseline: 1\nassets: []", "fieldwatch", "lacks 'conversations'"),
        ("fieldwatch_baseline: 1\nassets: []\nconversation: []", "conv", "did you mean 'conversations'"),
        (f"{LINE.replace('modbus', 'modbos')}}}", "modbos", "did you mean 'modbus'"),
        (f"{LINE.replace('tcp/502', 'tcp/x')}}}", "modbus", "not a transport and port"),
        (f"{LINE.replace('tcp/502', 'tcp/65536')}}}", "modbus", "not a port"),
        (f"{LINE}, operations: {{reed: {{}}}}}}", "reed", "did you mean 'read'"),
        (f"{LINE}, operations: {{read: {{x: []}}}}}}", "x:", "not a function"),
        (f'{LINE}, operations: {{read: {{3: [{{at: "5-1"}}]}}}}}}', '"5-1"', "not a range"),
        (f"{LINE}, operations: {{read: {{3: [{{space: coils}}]}}}}}}", "coils", "did you mean 'coil'"),
        (f"{LINE}}}\n- {{client: a, server: b, service: modbus tcp/502 }}", None, "stands twice"),
        ("fieldwatch_baseline: 1\nassets: &x [a]\nconversations: *x", "&x", "aliases are not allowed"),
        ("fieldwatch_baseline: 1\nassets: [\n", None, "not valid YAML"),
        ("", None, "empty"),
        ("\x00", None, "not valid YAML"),
    ],
)
def test_a_corrupt_file_gives_one_error_with_its_place(text: str, wrong: str | None, says: str) -> None:
    with pytest.raises(BaselineError) as raised:
        baseline_of_text(text, FILE)
    place = ""
    if wrong is not None:
        before = text[: text.index(wrong)]
        place = f":{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}:"
    assert str(raised.value).startswith(f"{FILE}{place}")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="No such file"):
        read_baseline(tmp_path / "missing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"fieldwatch_baseline: 1\n\xff\xfe")
    with pytest.raises(BaselineError, match=r"binary\.yaml:2: not UTF-8"):
        read_baseline(tmp_path / "binary.yaml")


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    text = text_of_baseline(a_plant(Plant()))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    insert = data.draw(st.text(alphabet="{}[]:-,&*\"'\n 0aé", max_size=5))
    with suppress(BaselineError):
        baseline_of_text(text[:start] + insert + text[end:], FILE)


def test_a_difference_is_told_where_it_begins() -> None:
    plant = Plant()
    old = baseline_of(plant, plant.row("10.0.0.5", "10.0.0.10", address=0, count=10))
    new = baseline_of(
        plant,
        plant.row("10.0.0.5", "10.0.0.10", address=5, count=10),
        plant.row("10.0.0.5", "10.0.0.10", function=4),
        plant.row("10.0.0.5", "10.0.0.10", Operation.WRITE, function=6),
        plant.row("10.0.0.6", "10.0.0.10", address=5, count=10),
    )
    talk = "10.0.0.5 -> 10.0.0.10 modbus tcp/502: "
    assert only_in(new, old) == [
        ("asset", "10.0.0.6"),
        (
            "object",
            talk + 'read, 3 Read Holding Registers {unit: 1, space: holding_register, at: "10-14"}',
        ),
        ("function", talk + "read, 4 Read Input Registers"),
        ("operation", talk + "write"),
        ("conversation", "10.0.0.6 -> 10.0.0.10 modbus tcp/502"),
    ]
    assert [item.what for item in only_in(old, new)] == ["object"]
    assert only_in(new, new) == []


def test_merging_knows_what_either_knows() -> None:
    plant = Plant()
    reset = plant.row("10.0.0.5", "10.0.0.10", Operation.RESET, function=8, subfunction=1)
    one = baseline_of(plant, plant.row("10.0.0.5", "10.0.0.10", address=0, count=10), reset)
    two = baseline_of(plant, plant.row("10.0.0.6", "10.0.0.10", address=10, count=10))
    both = merged(one, two)
    assert only_in(one, both) == only_in(two, both) == []
    assert text_of_baseline(merged(two, one)) == text_of_baseline(both)
    assert len(both.withheld) == 1
    accepted = Baseline()
    Learner(accepted, plant.directory, plant.strings, accept=[Operation.RESET]).learn(reset)
    assert not merged(one, accepted).withheld
    assert len(one.withheld) == 1


def test_spaces_that_share_a_name_stay_apart() -> None:
    plant = Plant()
    rows = [plant.row("10.0.0.5", "10.0.0.10", space=space) for space in (2, 7)]
    baseline = baseline_of(plant, *rows, plant.row("10.0.0.5", "10.0.0.10", Operation.REPORT))
    text = text_of_baseline(baseline)
    assert "space: holding_register," in text
    assert "report: {}" in text
    assert baseline_of_text(text, FILE) == baseline
    numbered = text.replace("space: holding_register,", "space: holding_register/2,")
    assert baseline_of_text(numbered, FILE) == baseline
