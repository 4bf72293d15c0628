"""Behaviours and asset changes as tables that rules can be matched against.

Every column is computed when it is first asked for: what no rule names costs nothing. Texts are
looked up once for each distinct endpoint, name or code of the batch, never once for each row.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.baseline.entries import Entry
from rules.baseline.model import Level
from rules.baseline.novelty import Novelty
from rules.documents import nanoseconds, table_of
from rules.ends import DEFAULT_CRITICALITY, Ends, Plant
from rules.fields import KINDS, OPERATIONS
from rules.table import ABSENT, Column, Flags, Mask, Numbers, Occurrences, Table, Texts, distinct, texts
from sensor.messages import FLAG_NAMES, NO_CODE, ValueKind
from sensor.protocols.protocol import NAMES, Record
from sensor.protocols.registry import PROTOCOLS
from sensor.strings import Strings, text_of
from sensor.types import Ints, Rows

TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}


_OF_OBJECTS = (
    "protocol", "kind", "function", "subfunction", "space", "address", "count", "name", "server_port",
)  # fmt: skip
"""The columns that descriptions of objects are made of."""
_SHAPE = ["protocol", "transport", "operation", "kind", "function", "subfunction", "status", "space", "flags"]
"""The columns from which the SHAPED fields are made, but for novelty."""
MOST_SHAPED = 256
"""Rows up to which the shape of each is worth telling."""
_SALT = secrets.randbits(64)
_NO_VALUE = int(ValueKind.NONE)


class LazyColumns(Mapping[str, Column]):
    """Columns by name, each made at its first use out of `subject`; a maker that gives None has no column.

    Makers are made once for all tables, so that a small table costs no more than is asked of it. `more`
    are makers of this table alone, and go before the others.
    """

    def __init__(
        self,
        makers: Mapping[str, Callable[[Any], Column | None]],
        subject: Any,
        more: Mapping[str, Callable[[], Column | None]] | None = None,
    ) -> None:
        self._makers = makers
        self._subject = subject
        self._more = more or {}
        self._made: dict[str, Column | None] = {}

    def __getitem__(self, name: str) -> Column:
        column = self.get(name)
        if column is None:
            raise KeyError(name)
        return column

    def get(self, name: str, default: Any = None) -> Any:
        """The column of this name, `default` where there is none."""
        if name in self._made:
            column = self._made[name]
        else:
            column = self._made[name] = self._make(name)
        return default if column is None else column

    def _make(self, name: str) -> Column | None:
        own = self._more.get(name)
        if own is not None:
            return own()
        maker = self._makers.get(name)
        return maker(self._subject) if maker else None

    def __iter__(self) -> Iterator[str]:
        return (name for name in {**self._makers, **self._more} if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ObjectTexts(Texts):
    """`ics.object`: written out row by row, so that an alert costs one description and not all."""

    def __init__(self, rows: Rows, strings: Strings) -> None:
        self._rows = rows
        self._strings = strings
        self._described: dict[int, str] = {}

    @cached_property
    def _coded(self) -> Texts:
        return texts(self._describe(row) for row in range(self._rows.shape[0]))

    @property
    def codes(self) -> NDArray[Any]:  # type: ignore[override]
        """One for each row, ABSENT where there is no object."""
        return self._coded.codes

    @property
    def values(self) -> Sequence[str | tuple[str, ...]]:  # type: ignore[override]
        """The distinct descriptions."""
        return self._coded.values

    def codes_at(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """As for any text, without writing out what can be told apart by its columns.

        What differs in a column may read the same, which makes two of one and never one of two.
        """
        chosen = self._rows[rows]
        mixed = np.full(chosen.shape[0], _SALT, np.uint64)
        for name in _OF_OBJECTS:
            mixed ^= chosen[name].astype(np.int64).view(np.uint64)
            # The finaliser of SplitMix64.
            mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(27)
        _, firsts, places = np.unique(mixed, return_index=True, return_inverse=True)
        codes = np.arange(len(firsts))
        for place in np.flatnonzero(chosen["address"][firsts] < 0):
            if not self._describe(int(rows[firsts[place]])):
                codes[place] = ABSENT
        return codes[places]

    @property
    def present(self) -> Mask:
        """Which rows have an object."""
        return np.asarray(self.codes_at(np.arange(self._rows.shape[0])) != ABSENT)

    def within(self, rows: Mask) -> Texts:
        """The descriptions of these rows; those of others are not written out."""
        chosen = np.flatnonzero(rows)
        found = texts(self._describe(int(row)) for row in chosen)
        codes = np.full(self._rows.shape[0], ABSENT, np.int32)
        codes[chosen] = found.codes
        return Texts(codes, found.values)

    def value(self, row: int) -> str | None:
        """The description of a row's object."""
        return self._describe(row) or None

    def _describe(self, index: int) -> str:
        known = self._described.get(index)
        if known is None:
            known = self._described[index] = self._written(index)
        return known

    def _written(self, index: int) -> str:
        row = self._rows[index]
        protocol = PROTOCOLS.get(int(row["protocol"]))
        name = text_of(self._strings, int(row["name"]))
        return protocol.describe(Record(row, name, {})) if protocol else name


def behaviour_table(
    rows: Rows,
    strings: Strings,
    plant: Plant,
    novelty: Novelty | None = None,
    keys: Ints | None = None,
    more: Mapping[str, Callable[[], Column | None]] | None = None,
) -> Table:
    """BEHAVIOUR rows with everything that rules may ask about them.

    `keys` are numbers by which the same behaviour is known from batch to batch. Without `novelty`
    nothing was learned, and every `baseline.new_*` is absent. `more` makes further columns.
    """
    occurrences = Occurrences(
        np.full(rows.shape[0], -1, np.int64) if keys is None else keys,
        rows["messages"].copy(),
        rows["first_ns"].copy(),
        rows["last_ns"].copy(),
        rows["frames"].copy(),
    )
    columns = LazyColumns(_MAKERS, _Behaviours(rows, strings, plant, novelty), more)
    return Table("behaviour", rows.shape[0], columns, occurrences, shapes=_shapes(rows, novelty))


def _shapes(rows: Rows, novelty: Novelty | None) -> list[Hashable]:
    """The shape of each row; none where there are so many that columns cost less."""
    if rows.shape[0] > MOST_SHAPED:
        return []
    codes = rows[_SHAPE].tolist()
    news = [None] * len(codes) if novelty is None else novelty.level.tolist()
    return list(zip(codes, news, strict=True))


class _Behaviours:
    """What the columns of behaviours are made of."""

    def __init__(self, rows: Rows, strings: Strings, plant: Plant, novelty: Novelty | None) -> None:
        self.rows = rows
        self.strings = strings
        self.plant = plant
        self.novelty = novelty

    @cached_property
    def ends(self) -> Ends:
        return Ends(self.rows, self.plant)

    def everywhere(self, value: bool) -> Flags:
        return Flags(np.full(self.rows.shape[0], value))


def asset_table(changes: Sequence[Mapping[str, Any]], plant: Plant, learned: bool = False) -> Table:
    """Asset changes as rules see them.

    A change is a document with `asset.*` (`asset.id`, `asset.change`, `asset.old`, `asset.new`, and
    what is known of the asset), `@timestamp` and `evidence.frames`; what the site file says is added.
    """
    documents = []
    for change in changes:
        asset = dict(change.get("asset", {}))
        ips, macs = list(asset.get("ip", ())), list(asset.get("mac", ()))
        described = plant.describe(ips[0] if ips else "", macs[0] if macs else "", asset.get("purdue_level"))
        asset |= {name: value for name, value in described.items() if value is not None}
        asset.setdefault("criticality", DEFAULT_CRITICALITY)
        times = np.array([nanoseconds(change.get("@timestamp"))], np.int64)
        working, maintenance = plant.site.is_working_time(times), plant.site.is_maintenance(times)
        schedule = {
            "working_hours": None if working is None else bool(working[0]),
            "maintenance": None if maintenance is None else bool(maintenance[0]),
        }
        baseline: dict[str, Any] = {"learned": learned}
        if learned and asset.get("change") == "new_asset" and (ips or macs):
            entry = Entry(asset=(ips or macs)[0])
            baseline |= {"entry": entry.id, "entry_text": entry.text}
        documents.append({**change, "asset": asset, "baseline": baseline, "schedule": schedule})
    return table_of(documents, "asset")


def _flags(values: NDArray[np.bool_] | None) -> Flags | None:
    return None if values is None else Flags(values)


def _coded(codes: NDArray[Any], name_of: Callable[[int], str]) -> Texts:
    """A column of the names of integer codes; "" is absent."""
    firsts, places = distinct([codes])
    names = [name_of(int(codes[first])) for first in firsts]
    return Texts(np.array([at if name else ABSENT for at, name in enumerate(names)], np.int32)[places], names)


def _ports(rows: Rows, name: str) -> Numbers:
    # Port 0 exists in no conversation; it stands for protocols without ports.
    return Numbers(rows[name], rows[name] > 0)


def _code_column(rows: Rows, name: str) -> Numbers:
    return Numbers(rows[name], rows[name] != NO_CODE)


_Maker: TypeAlias = Callable[[_Behaviours], Column | None]


def _end_makers(end: str, port: str, places: Callable[[Ends], Ints]) -> dict[str, _Maker]:
    """What is said of one end of a behaviour: of the endpoints at these places."""
    made: dict[str, _Maker] = {f"{end}.port": lambda of: _ports(of.rows, port)}
    for field in ("ip", "mac", "name", "vendor", "role", "zone"):
        made[f"{end}.{field}"] = partial(lambda field, of: of.ends.text_column(field, places(of.ends)), field)
    for field in ("purdue_level", "criticality"):
        made[f"{end}.{field}"] = partial(
            lambda field, of: of.ends.number_column(field, places(of.ends)), field
        )
    for field in ("is_internal", "authorised"):
        made[f"{end}.{field}"] = partial(lambda field, of: of.ends.flag_column(field, places(of.ends)), field)
    made[f"{end}.newcomer"] = lambda of: of.ends.newcomer_column(places(of.ends), of.rows["first_ns"])
    return made


def _protocols(of: _Behaviours) -> Texts:
    return _coded(of.rows["protocol"], lambda code: NAMES.get(code, ""))


def _network_makers() -> dict[str, _Maker]:
    return {
        "network.protocol": _protocols,
        "network.transport": lambda of: _coded(of.rows["transport"], lambda code: TRANSPORTS.get(code, "")),
        "network.vlan.id": lambda of: _coded(of.rows["vlan"], lambda code: str(code) if code else ""),
        "conduit.allowed": lambda of: of.ends.conduit_column(_protocols(of)),
        "schedule.working_hours": lambda of: _flags(of.plant.site.is_working_time(of.rows["last_ns"])),
        "schedule.maintenance": lambda of: _flags(of.plant.site.is_maintenance(of.rows["last_ns"])),
    }


def _ics_makers() -> dict[str, _Maker]:
    makers: dict[str, _Maker] = {
        "ics.operation": lambda of: _coded(of.rows["operation"], _operation_name),
        "ics.kind": lambda of: _coded(of.rows["kind"], lambda code: KINDS[code]),
        "ics.function": lambda of: _by_protocol(of.rows, ("function", "subfunction"), _function_name),
        "ics.space": lambda of: _by_protocol(of.rows, ("space",), _space_name),
        "ics.object": lambda of: ObjectTexts(of.rows, of.strings),
        "ics.name": lambda of: _coded(of.rows["name"], lambda entry: text_of(of.strings, entry)),
        "ics.status": lambda of: _by_protocol(of.rows, ("status",), _status_name),
    }
    for name, column in (
        ("function_code", "function"),
        ("subfunction_code", "subfunction"),
        ("unit", "unit"),
        ("address", "address"),
        ("count", "count"),
        ("status_code", "status"),
    ):
        makers[f"ics.{name}"] = partial(lambda column, of: _code_column(of.rows, column), column)
    for name, column in (("value", "value"), ("value_min", "least"), ("value_max", "most")):
        makers[f"ics.{name}"] = partial(lambda column, of: _value_column(of.rows, column), column)
    for flag, name in FLAG_NAMES.items():
        makers[f"ics.{name}"] = partial(lambda flag, of: Flags(of.rows["flags"] & flag != 0), flag)
    return makers


def _value_column(rows: Rows, name: str) -> Numbers:
    return Numbers(rows[name], rows["value_kind"] != _NO_VALUE)


def _operation_name(code: int) -> str:
    return OPERATIONS[code] if 0 <= code < len(OPERATIONS) else "other"


def _by_protocol(rows: Rows, fields: tuple[str, ...], name_of: Callable[..., str]) -> Texts:
    """A column of names that depend on the protocol and one or two codes."""
    columns = [rows["protocol"].astype(np.int64), *(rows[field].astype(np.int64) for field in fields)]
    firsts, places = distinct(columns)
    names = [name_of(*(int(column[first]) for column in columns)) for first in firsts]
    return Texts(np.array([at if name else ABSENT for at, name in enumerate(names)], np.int32)[places], names)


def _function_name(protocol: int, function: int, subfunction: int) -> str:
    known = PROTOCOLS.get(protocol)
    return known.function_name(function, subfunction) if known else ""


def _space_name(protocol: int, space: int) -> str:
    known = PROTOCOLS.get(protocol)
    return known.spaces.get(space, "") if known else ""


def _status_name(protocol: int, status: int) -> str:
    if status <= 0:
        return "ok" if status == 0 else ""
    known = PROTOCOLS.get(protocol)
    return (known.statuses.get(status) if known else None) or f"status {status}"


def _baseline_makers() -> dict[str, _Maker]:
    makers: dict[str, _Maker] = {
        "baseline.learned": lambda of: of.everywhere(of.novelty is not None),
        "baseline.novelty": lambda of: (
            of.novelty and _coded(of.novelty.level, lambda level: Level(level).name.lower() if level else "")
        ),
    }
    for name in ("asset", "conversation", "operation", "function", "object"):
        makers[f"baseline.new_{name}"] = partial(
            lambda name, of: of.novelty and Flags(getattr(of.novelty, name)), name
        )
    return makers


_MAKERS: dict[str, _Maker] = {
    **_end_makers("source", "client_port", lambda ends: ends.clients),
    **_end_makers("destination", "server_port", lambda ends: ends.servers),
    **_network_makers(),
    **_ics_makers(),
    **_baseline_makers(),
}
"""By field: what makes its column."""
