"""Columns that rules are matched against: one row for each behaviour or asset change.

Text is coded: a column holds each distinct value once and a code for each row, so that a pattern
is tried once for each distinct value however many rows there are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.fields import Category
from sensor.messages import FLAG_NAMES

Mask: TypeAlias = NDArray[np.bool_]
ABSENT = -1
"""The code of a row that has no value."""
EVIDENCE_FRAMES = 8


class Texts:
    """Text: `codes` (integer, one for each row, ABSENT where there is none) into `values`.

    A value is a str, or a tuple of str where the field is a list: one that matches is enough.
    """

    def __init__(self, codes: NDArray[Any], values: Sequence[str | tuple[str, ...]]) -> None:
        self.codes = codes
        self.values = values

    @cached_property
    def _flat(self) -> tuple[list[str], list[int]]:
        texts: list[str] = []
        owners: list[int] = []
        for code, value in enumerate(self.values):
            for text in (value,) if isinstance(value, str) else value:
                texts.append(text)
                owners.append(code)
        return texts, owners

    @cached_property
    def folded(self) -> list[str]:
        """Every distinct text without its case, in the order of `exact`."""
        return [text.casefold() for text in self._flat[0]]

    @property
    def exact(self) -> list[str]:
        """Every distinct text; several for a value that is a list."""
        return self._flat[0]

    @cached_property
    def addresses(self) -> list[IPv4Address | IPv6Address | None]:
        """Every distinct text as an IP address, None where it is none."""
        return [_address(text) for text in self.exact]

    def rows_with(self, hits: Iterable[int]) -> Mask:
        """The rows whose value owns one of these positions in `exact`."""
        owners = self._flat[1]
        chosen = np.zeros(len(self.values) + 1, np.bool_)  # the last is for ABSENT, which is -1
        chosen[[owners[hit] for hit in hits]] = True
        return chosen[self.codes]

    @property
    def present(self) -> Mask:
        """Which rows have a value."""
        return np.asarray(self.codes >= 0)

    def within(self, rows: Mask) -> Texts:
        """The column as far as these rows matter; others may be absent in it."""
        return self

    def value(self, row: int) -> str | tuple[str, ...] | None:
        """The value of a row, None where there is none."""
        code = int(self.codes[row])
        return self.values[code] if code >= 0 else None

    def codes_at(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """For these rows numbers that are equal where the text is; ABSENT where there is none."""
        return self.codes[rows].astype(np.int64)

    def listed(self) -> list[Any]:
        """`value` of every row."""
        return [self.values[code] if code >= 0 else None for code in self.codes.tolist()]


class Numbers:
    """Numbers, integer or real; absent where `present` is false or the value is NaN."""

    def __init__(self, values: NDArray[Any], present: Mask | None = None) -> None:
        self.values = values
        self._given = present

    @cached_property
    def present(self) -> Mask:
        """Which rows have a value."""
        given = np.ones(self.values.shape, np.bool_) if self._given is None else self._given
        return given & ~np.isnan(self.values) if self.values.dtype.kind == "f" else given

    def value(self, row: int) -> float | int | None:
        """The value of a row, None where there is none."""
        return self.values[row].item() if self.present[row] else None

    def listed(self) -> list[Any]:
        """`value` of every row."""
        return _where(self.values, self.present)


class Flags:
    """True or false; absent where `present` is false."""

    def __init__(self, values: Mask, present: Mask | None = None) -> None:
        self.values = values
        self.present: Mask = np.ones(values.shape, np.bool_) if present is None else present

    def value(self, row: int) -> bool | None:
        """The value of a row, None where there is none."""
        return bool(self.values[row]) if self.present[row] else None

    def listed(self) -> list[Any]:
        """`value` of every row."""
        return _where(self.values, self.present)


def _where(values: NDArray[Any], present: Mask) -> list[Any]:
    pairs = zip(values.tolist(), present.tolist(), strict=True)
    return [value if there else None for value, there in pairs]


Column: TypeAlias = Texts | Numbers | Flags


@dataclass(slots=True)
class Occurrences:
    """How often and when each row of a table happened, and which frames prove it.

    `keys` are numbers that stay the same for the same behaviour from batch to batch; -1 for rows
    that never come again. `frames` has EVIDENCE_FRAMES columns, 0 where unused.
    """

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    frames: NDArray[np.int64]


def once(rows: int) -> Occurrences:
    """Occurrences of rows of which nothing else is known: once each, at time 0, without frames."""
    zeros = np.zeros(rows, np.int64)
    return Occurrences(
        np.full(rows, -1, np.int64),
        np.ones(rows, np.int64),
        zeros,
        zeros.copy(),
        np.zeros((rows, EVIDENCE_FRAMES), np.int64),
    )


SHAPED = frozenset(
    {
        "network.protocol", "network.transport", "ics.operation", "ics.kind", "ics.function",
        "ics.function_code", "ics.subfunction_code", "ics.status", "ics.status_code", "ics.space",
        "baseline.learned", "baseline.novelty", *(f"ics.{name}" for name in FLAG_NAMES.values()),
    }
)  # fmt: skip
"""Fields that follow from a few codes of a behaviour, its shape; see `rules.engine.shapes`."""


class Table:
    """`rows` rows of a category; `columns` by field name, a missing column being absent everywhere.

    `columns` may compute a column when it is asked for: only fields that rules name are asked for.
    """

    def __init__(
        self,
        category: Category,
        rows: int,
        columns: Mapping[str, Column],
        occurrences: Occurrences | None = None,
        about: frozenset[str] = frozenset(),
        shapes: Sequence[Hashable] = (),
    ) -> None:
        self.category = category
        self.rows = rows
        self.columns = columns
        self.occurrences = occurrences or once(rows)
        self.about = about
        """Where it is not empty, only rules that name one of these fields are matched: the rows are
        behaviours that other rules have seen already."""
        self.shapes = shapes
        """Where it is not empty, something of each row from which its values of all SHAPED fields follow."""
        self._all: list[tuple[str, Column]] | None = None

    def column(self, name: str) -> Column | None:
        """The column of this field, None where the table has none."""
        return self.columns.get(name)

    def value(self, name: str, row: int) -> Any:
        """The value of a field in a row, None where it is absent."""
        column = self.columns.get(name)
        return None if column is None else column.value(row)

    def document(self, row: int) -> dict[str, Any]:
        """Everything a row holds, by dotted field name; lists for tuples, absent fields left out."""
        if self._all is None:
            # Not `list`, which asks for their number, and so for all of them, first.
            self._all = [*(item for item in self.columns.items())]
        found = {name: column.value(row) for name, column in self._all}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value is not None
        }


FEW_ROWS = 64
"""Up to so many rows a dictionary is faster than sorting."""


def distinct(columns: Sequence[NDArray[Any]]) -> tuple[list[int], NDArray[np.int64]]:
    """The distinct rows of columns of integers: where each stands first, and for each row its number."""
    if columns[0].size <= FEW_ROWS:
        known: dict[Any, int] = {}
        firsts: list[int] = []
        places: list[int] = []
        rows = columns[0].tolist() if len(columns) == 1 else zip(*(c.tolist() for c in columns), strict=True)
        for at, row in enumerate(rows):
            number = known.setdefault(row, len(known))
            if number == len(firsts):
                firsts.append(at)
            places.append(number)
        return firsts, np.array(places, np.int64)
    group = np.zeros(columns[0].size, np.int64)
    for column in columns:
        # Renumbered after every step, the pair of group and code stays far below 2**63.
        group = np.unique(group << 32 | column.astype(np.int64) & 0xFFFFFFFF, return_inverse=True)[1]
    _, first, places_of = np.unique(group, return_index=True, return_inverse=True)
    return first.tolist(), places_of.reshape(-1)


def codes_of(table: Table, name: str, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """For these rows numbers that are equal where the field is; ABSENT where it is not there."""
    column = table.column(name)
    if isinstance(column, Texts):
        return column.codes_at(rows)
    if column is None:
        return np.full(rows.size, ABSENT, np.int64)
    _, places = np.unique(column.values[rows], return_inverse=True)
    return np.where(column.present[rows], places.reshape(-1), ABSENT)


def texts(values: Iterable[str | tuple[str, ...] | None]) -> Texts:
    """A coded column of these values; None and the empty text are absent."""
    known: dict[str | tuple[str, ...], int] = {}
    codes = [known.setdefault(value, len(known)) if value else ABSENT for value in values]
    return Texts(np.array(codes, np.int32), list(known))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
