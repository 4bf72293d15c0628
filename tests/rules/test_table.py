import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.documents import flatten, nanoseconds, table_of, timestamp
from rules.table import Flags, Numbers, Texts, texts


def test_texts_are_coded() -> None:
    column = texts(["a", None, "b", "a", "", ("x", "y")])
    assert column.codes.tolist() == [0, -1, 1, 0, -1, 2]
    assert column.present.tolist() == [True, False, True, True, False, True]
    assert column.value(5) == ("x", "y")
    assert column.value(1) is None
    assert column.rows_with([column.exact.index("y")]).tolist() == [False] * 5 + [True]


def test_absent_numbers_and_flags() -> None:
    numbers = Numbers(np.array([1.0, np.nan, 3.0]), np.array([True, True, False]))
    assert [numbers.value(row) for row in range(3)] == [1.0, None, None]
    assert Flags(np.array([True, False]), np.array([False, True])).value(0) is None


def test_table_of_documents() -> None:
    table = table_of(
        [
            {"source": {"ip": "10.0.0.1", "port": 5}, "ics.malformed": True, "unknown.field": 1},
            {"ics.value": 2.5, "behaviour": {"count": 7, "first_seen": "2026-11-22T00:00:00.000000001Z"}},
        ]
    )
    assert table.document(0) == {"source.ip": "10.0.0.1", "source.port": 5, "ics.malformed": True}
    assert table.document(1) == {"ics.value": 2.5}
    assert isinstance(table.column("source.ip"), Texts)
    assert table.occurrences.counts.tolist() == [1, 7]
    assert table.occurrences.first_ns[1] % 10 == 1
    assert table.value("nothing", 0) is None


def test_flatten() -> None:
    assert dict(flatten({"a": {"b": {"c": 1}}, "d.e": 2})) == {"a.b.c": 1, "d.e": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:00.000000007+01:00", 7),
        ("2001-09-09T01:46:40Z", 10**18),
        (5, 5),
        (None, 0),
    ],
)
def test_nanoseconds(text: str | int | None, expected: int) -> None:
    assert nanoseconds(text) == expected


@given(st.integers(0, 2**62))
def test_timestamp_and_back(time_ns: int) -> None:
    assert nanoseconds(timestamp(time_ns)) == time_ns
