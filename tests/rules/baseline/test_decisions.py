"""Single entries are accepted and forgotten by id, with a reason and an end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_rows import SECOND, START, Plant

from rules.baseline.decisions import FOREVER, Decision, NotFound, decide, find
from rules.baseline.difference import merged, only_in
from rules.baseline.document import text_of_baseline
from rules.baseline.entries import DIGITS, Entry, entries
from rules.baseline.learning import Learner
from rules.baseline.model import Baseline, Conversation, Function, Level, Place
from rules.baseline.nodes import BaselineError
from rules.baseline.reading import baseline_of_text
from rules.baseline.rhythms.model import Beat
from rules.baseline.stage import BaselineStage, Window
from rules.baseline.values.point import Point
from sensor.messages import Operation
from sensor.protocols.protocol import Number
from sensor.types import Rows

HMI, PLC, STRANGER = "10.0.0.5", "10.0.0.10", "10.0.0.66"
TALK = Conversation(HMI, PLC, int(Number.MODBUS), 6, 502)
FILE = Path("plant.yaml")


@pytest.fixture
def plant() -> Plant:
    return Plant()


def learned(plant: Plant, *rows: Rows) -> Baseline:
    baseline = Baseline()
    Learner(baseline, plant.directory, plant.strings).learn(np.concatenate(rows))
    return baseline


def decision(entry: Entry, accepts: bool = True, until_ns: int = FOREVER, at_ns: int = START) -> Decision:
    return Decision(accepts, entry, "kim", at_ns, until_ns, "order 77: new panel")


def told(plant: Plant, baseline: Baseline, *rows: Rows) -> list[tuple[Level, str | None]]:
    """Level and entry id of each row."""
    stage = BaselineStage(plant.directory, plant.strings, baseline)
    batch = np.concatenate(rows)
    novelty = stage.novelty(batch)
    assert novelty is not None
    ids = stage.columns(batch, novelty)["baseline.entry"]()
    assert ids is not None
    return [(Level(level), ids.value(index)) for index, level in enumerate(novelty.level.tolist())]


def again(baseline: Baseline) -> Baseline:
    return baseline_of_text(text_of_baseline(baseline), FILE)


READ = {"function": 3, "space": 2, "unit": 1}


def test_an_id_depends_on_what_an_entry_is_about_and_nothing_else(plant: Plant) -> None:
    baseline = learned(
        plant, plant.row(HMI, PLC, address=0, count=10), plant.row(HMI, PLC, function=4, address=7)
    )
    ids = [entry.id for entry, _ in entries(baseline)]
    assert len(set(ids)) == len(ids)
    assert all(len(identifier) == DIGITS for identifier in ids)
    other = Plant()
    other.row("10.9.9.9", "10.9.9.8")
    same = learned(
        other, other.row(HMI, PLC, function=4, address=7), other.row(HMI, PLC, address=0, count=10)
    )
    assert [entry.id for entry, _ in entries(same)] == ids
    assert Entry(asset=HMI).id in ids
    assert Entry(None, TALK, Operation.READ, Function(3, -1), Place(1, 2, ""), (0, 9)).id in ids


def test_an_entry_is_found_by_the_beginning_of_its_id(plant: Plant) -> None:
    known = [(entry.id, entry) for entry, _ in entries(learned(plant, plant.row(HMI, PLC)))]
    assert find(known, Entry(asset=HMI).id[:6].upper()) == Entry(asset=HMI)
    with pytest.raises(NotFound, match="too short"):
        find(known, "ab")
    with pytest.raises(NotFound, match="no entry has the id"):
        find(known, "zzzzzz")
    with pytest.raises(NotFound, match="begins 2 ids"):
        find([("abcdef000000", known[0][1]), ("abcdef111111", known[1][1])], "abcdef")


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"address": 500}, Level.OBJECT),
        ({"function": 4}, Level.FUNCTION),
        ({"operation": Operation.WRITE, "function": 6}, Level.OPERATION),
        ({"server_port": 1502}, Level.CONVERSATION),
    ],
)
def test_what_is_new_names_the_entry_that_accepting_would_make(
    plant: Plant, change: dict[str, int], level: Level
) -> None:
    baseline = learned(plant, plant.row(HMI, PLC, address=0, count=10))
    news = plant.row(HMI, PLC, **({"address": 0} | change))
    ((found, identifier),) = told(plant, baseline, news)
    assert found == level
    stage = BaselineStage(plant.directory, plant.strings, learned(plant, news))
    made = {entry.id: entry for entry, _ in entries(stage.baseline)}
    assert identifier in made
    assert made[identifier].what == level.name.lower()
    decide(baseline, decision(made[identifier]))
    assert told(plant, again(baseline), news) == [(Level.NONE, None)]


def test_what_was_accepted_for_a_time_is_news_again_by_packet_time(plant: Plant) -> None:
    baseline = learned(plant, plant.row(HMI, PLC))
    early = plant.row(HMI, PLC, Operation.WRITE, function=6)
    late = early.copy()
    late["first_ns"] = START + 100 * SECOND
    entry = Entry(conversation=TALK, operation=Operation.WRITE)
    decide(baseline, decision(entry, until_ns=START + 100 * SECOND))
    kept = again(baseline)
    assert told(plant, kept, early, late) == [(Level.NONE, None), (Level.OPERATION, entry.id)]
    assert told(plant, kept, late, early) == [(Level.OPERATION, entry.id), (Level.NONE, None)]


def test_accepting_a_conversation_takes_in_its_ends_and_all_but_what_is_dangerous(plant: Plant) -> None:
    baseline = learned(plant, plant.row(HMI, PLC))
    talk = Conversation(STRANGER, PLC, int(Number.MODBUS), 6, 502)
    decide(baseline, decision(Entry(conversation=talk)))
    write = plant.row(STRANGER, PLC, Operation.WRITE, function=6, address=9)
    stop = plant.row(STRANGER, PLC, Operation.STOP, function=90)
    assert [level for level, _ in told(plant, baseline, write, stop)] == [Level.NONE, Level.OPERATION]
    # An asset alone does not open its conversations.
    other = learned(plant, plant.row(HMI, PLC))
    decide(other, decision(Entry(asset=STRANGER)))
    assert [level for level, _ in told(plant, other, write)] == [Level.CONVERSATION]


def test_accepted_objects_join_those_that_are_known(plant: Plant) -> None:
    baseline = learned(plant, plant.row(HMI, PLC, address=0, count=10))
    entry = Entry(None, TALK, Operation.READ, Function(3, -1), Place(1, 2, ""), (5, 14))
    decide(baseline, decision(entry))
    rows = [plant.row(HMI, PLC, address=at, count=2) for at in (0, 8, 13, 14)]
    assert [level for level, _ in told(plant, baseline, *rows)] == [Level.NONE] * 3 + [Level.OBJECT]


def test_withheld_operations_are_accepted_by_their_id(plant: Plant) -> None:
    stop = plant.row(HMI, PLC, Operation.STOP, function=41, name="P_PROGRAM")
    baseline = learned(plant, plant.row(HMI, PLC), stop)
    (entry,) = [entry for entry, withheld in entries(baseline) if withheld]
    assert [level for level, _ in told(plant, baseline, stop)] == [Level.OPERATION]
    decide(baseline, decision(entry))
    assert not baseline.withheld
    assert baseline.decisions[entry.id].first_ns == START
    assert told(plant, again(baseline), stop) == [(Level.NONE, None)]


@pytest.mark.parametrize(
    ("entry", "level"),
    [
        (Entry(asset=HMI), Level.ASSET),
        (Entry(conversation=TALK), Level.CONVERSATION),
        (Entry(conversation=TALK, operation=int(Operation.READ)), Level.OPERATION),
        (Entry(conversation=TALK, operation=int(Operation.READ), function=Function(3, -1)), Level.FUNCTION),
        (Entry(None, TALK, int(Operation.READ), Function(3, -1), Place(1, 2, ""), (0, 9)), Level.OBJECT),
    ],
)
def test_what_is_forgotten_is_news_and_is_not_learned_again(plant: Plant, entry: Entry, level: Level) -> None:
    row = plant.row(HMI, PLC, address=0, count=10)
    baseline = learned(plant, row, plant.row("10.0.0.7", PLC))
    decide(baseline, decision(entry, accepts=False))
    kept = again(baseline)
    assert entry.id not in [known.id for known, _ in entries(kept)]
    assert told(plant, kept, row)[0][0] == level
    # Learning meets it again: it is told and stays out.
    stage = BaselineStage(plant.directory, plant.strings, kept, Window(until_ns=START + 10**12))
    novelty = stage.novelty(row)
    assert novelty is not None
    assert Level(int(novelty.level[0])) == level
    assert stage.columns(row, novelty)["baseline.withheld"]().value(0) is True  # type: ignore[union-attr]
    assert entry.id not in [known.id for known, _ in entries(stage.finish())]
    # Accepting it is what makes it known.
    decide(kept, decision(entry))
    deeper = told(plant, again(kept), row)[0][0]
    assert deeper == Level.NONE or (entry.asset is not None and deeper > Level.ASSET)


def test_decisions_stand_in_the_file_for_people_to_read(plant: Plant) -> None:
    baseline = learned(plant, plant.row(HMI, PLC))
    entry = Entry(conversation=TALK, operation=int(Operation.WRITE))
    decide(baseline, decision(entry, until_ns=START + SECOND))
    text = text_of_baseline(baseline)
    assert text.splitlines()[-2:] == [
        "decisions:",
        f'- {{id: "{entry.id}", decision: accept, by: kim, at: "2023-11-14T22:13:20.000000000Z",'
        ' until: "2023-11-14T22:13:21.000000000Z", reason: "order 77: new panel",'
        " entry: {what: operation, client: 10.0.0.5, server: 10.0.0.10, service: modbus tcp/502,"
        " operation: write}}",
    ]
    with pytest.raises(BaselineError, match="the id of this entry is"):
        baseline_of_text(text.replace(entry.id, "0" * DIGITS), FILE)
    with pytest.raises(BaselineError, match="is no entry"):
        baseline_of_text(text.replace("what: operation", "what: thing"), FILE)
    with pytest.raises(BaselineError, match="lacks 'operation'"):
        baseline_of_text(text.replace(", operation: write}", "}"), FILE)


def test_merging_keeps_the_later_decision_and_what_is_forgotten_stays_out(plant: Plant) -> None:
    row = plant.row(HMI, PLC)
    one, two = learned(plant, row), learned(plant, row)
    entry = Entry(conversation=TALK)
    decide(one, decision(entry, accepts=False, at_ns=START + 1))
    both = merged(two, one)
    assert text_of_baseline(both) == text_of_baseline(merged(one, two))
    assert TALK not in both.conversations
    assert [item.what for item in only_in(both, two)] == ["decision"]
    decide(two, decision(entry, at_ns=START + 2))
    assert merged(one, two).decisions[entry.id].accepts


TALKS = st.builds(
    Conversation,
    st.sampled_from([HMI, "fe80::1", "00:1b:1b:aa:bb:cc"]),
    st.sampled_from([PLC, "internet"]),
    st.sampled_from([int(Number.MODBUS), int(Number.DNS)]),
    st.sampled_from([6, 17]),
    st.integers(0, 65535),
)
FUNCTIONS = st.builds(Function, st.integers(0, 300), st.integers(-1, 9))
SPANS = st.tuples(st.integers(0, 99), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair)))
PLACES = st.builds(Place, st.integers(-1, 9), st.sampled_from([-1, 2]), st.text(max_size=9))
CODES = st.sampled_from([int(item) for item in Operation])
ENTRIES = st.one_of(
    st.builds(lambda text: Entry(asset=text), st.text(min_size=1, max_size=9)),
    st.builds(lambda talk: Entry(conversation=talk), TALKS),
    st.builds(lambda talk, code: Entry(conversation=talk, operation=code), TALKS, CODES),
    st.builds(lambda *parts: Entry(None, *parts), TALKS, CODES, FUNCTIONS),
    st.builds(lambda *parts: Entry(None, *parts), TALKS, CODES, FUNCTIONS, PLACES, SPANS),
    st.builds(
        lambda place, at, value: Entry(point=Point(PLC, int(Number.MODBUS), *place, at), value=value),
        PLACES,
        st.integers(-1, 99),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.builds(
        lambda *parts: Entry(beat=Beat(*parts)),
        TALKS,
        st.integers(0, 2),
        CODES,
        FUNCTIONS,
        st.integers(-1, 9),
    ),
)


@given(st.lists(st.tuples(ENTRIES, st.booleans(), st.text(max_size=20)), max_size=5))
@settings(max_examples=100, deadline=None)
def test_every_decision_survives_its_file(items: list[tuple[Entry, bool, str]]) -> None:
    baseline = Baseline()
    for index, (entry, accepts, reason) in enumerate(items):
        decide(baseline, Decision(accepts, entry, reason, START + index, FOREVER, reason))
    assert again(baseline) == baseline
