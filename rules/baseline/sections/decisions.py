"""`decisions`: what people accepted and forgot, who, when, why and until when.

    decisions:
    - {id: "5e0c1fd2a3b4", decision: accept, by: kim, at: "…Z", until: "…Z", reason: "new panel, order 77",
       entry: {what: operation, client: 10.0.0.9, server: 10.0.0.10, service: modbus tcp/502,
       operation: write}}

The id follows from the entry, and is there to be found and to be compared with alerts.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.decisions import FOREVER, MOST_DECISIONS, Decision, take_out
from rules.baseline.entries import Entry
from rules.baseline.model import Baseline
from rules.baseline.nodes import Reader
from rules.baseline.ranges import from_text
from rules.baseline.sections.section import Difference, Section
from rules.baseline.sections.values import read_point
from rules.baseline.words import quoted
from rules.documents import timestamp
from sensor.messages import NO_CODE, Kind

_DECISIONS = {"forget": 0, "accept": 1}
_KINDS = {kind.name.lower(): int(kind) for kind in Kind}
_TALK = ("client", "server", "service")
_PLACE = ("unit", "space", "name", "at")
_PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "asset": (("address",), ()),
    "conversation": (_TALK, ()),
    "operation": ((*_TALK, "operation"), ()),
    "function": ((*_TALK, "operation", "function"), ()),
    "object": ((*_TALK, "operation", "function"), _PLACE),
    "value": (("server", "protocol"), (*_PLACE, "value")),
    "rhythm": ((*_TALK, "kind", "operation", "function"), ("unit",)),
}


def line_of(decision: Decision) -> str:
    """The flow map of one decision."""
    parts = [
        f'id: "{decision.entry.id}"',
        f"decision: {'accept' if decision.accepts else 'forget'}",
        f"by: {quoted(decision.by)}",
        f'at: "{timestamp(decision.at_ns)}"',
    ]
    if decision.until_ns != FOREVER:
        parts.append(f'until: "{timestamp(decision.until_ns)}"')
    if decision.first_ns:
        parts.append(f'first: "{timestamp(decision.first_ns)}"')
    parts += [f"reason: {quoted(decision.reason)}", f"entry: {decision.entry.text}"]
    return "{" + ", ".join(parts) + "}"


def _ordered(baseline: Baseline) -> list[Decision]:
    return sorted(baseline.decisions.values(), key=lambda item: (item.at_ns, item.entry.id))


def _lines(baseline: Baseline) -> Iterator[str]:
    if baseline.decisions:
        yield "decisions:"
    for decision in _ordered(baseline):
        yield f"- {line_of(decision)}"


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    for item in reader.list(node, "decisions", MOST_DECISIONS):
        required = ("id", "decision", "by", "at", "reason", "entry")
        parts = reader.record(item, "a decision", required, ("until", "first"))
        entry = read_entry(reader, parts["entry"])
        if reader.text(parts["id"], "id") != entry.id:
            reader.fail(parts["id"], f"the id of this entry is {entry.id}: write that, or mend the entry")
        if entry.id in baseline.decisions:
            reader.fail(item, "this entry is decided about twice")
        baseline.decisions[entry.id] = Decision(
            reader.word(parts["decision"], "decision", _DECISIONS) == 1,
            entry,
            reader.text(parts["by"], "by"),
            reader.time(parts["at"], "at"),
            reader.time(parts["until"], "until") if "until" in parts else FOREVER,
            reader.text(parts["reason"], "reason"),
            reader.time(parts["first"], "first") if "first" in parts else 0,
        )


def read_entry(reader: Reader, node: yaml.Node) -> Entry:
    """An entry from the flow map of its parts."""
    known = reader.map(node, "an entry")
    if "what" not in known:
        reader.fail(node, "an entry lacks 'what'")
    what = reader.text(known["what"][1], "what")
    if what not in _PARTS:
        reader.fail(known["what"][1], f"{what!r} is no entry; there are {', '.join(_PARTS)}")
    required, optional = _PARTS[what]
    parts = reader.chosen(node, known, f"an entry of the kind {what}", ("what", *required), optional)
    if what == "asset":
        return Entry(asset=reader.text(parts["address"], "address"))
    if what == "value":
        value = reader.real(parts["value"], "value") if "value" in parts else None
        return Entry(point=read_point(reader, parts), value=value)
    talk = reader.conversation(parts)
    operation = reader.operation(parts["operation"]) if "operation" in parts else None
    function = reader.function(parts["function"]) if "function" in parts else None
    if what == "rhythm":
        from rules.baseline.rhythms.model import Beat

        assert operation is not None
        assert function is not None
        unit = reader.integer(parts["unit"], "unit") if "unit" in parts else NO_CODE
        kind = reader.word(parts["kind"], "kind", _KINDS)
        return Entry(beat=Beat(talk, kind, operation, function, unit))
    if what != "object":
        return Entry(conversation=talk, operation=operation, function=function)
    span = (NO_CODE, NO_CODE)
    if "at" in parts:
        try:
            (span,) = from_text(reader.text(parts["at"], "at"))
        except ValueError:
            reader.fail(parts["at"], "`at` must be one address or one range of addresses")
    return Entry(None, talk, operation, function, reader.place(parts, talk.protocol), span)


def _only_in(mine: Baseline, theirs: Baseline) -> Iterator[Difference]:
    for decision in _ordered(mine):
        if theirs.decisions.get(decision.entry.id) != decision:
            word = "accept" if decision.accepts else "forget"
            yield Difference("decision", f"{word} {decision.entry.id} {decision.entry}: {decision.reason}")


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    """Of two decisions about an entry the later one counts; what is forgotten is not known again."""
    for baseline in (first, second):
        for identifier, decision in baseline.decisions.items():
            known = result.decisions.get(identifier)
            if known is None or (decision.at_ns, decision.reason) > (known.at_ns, known.reason):
                result.decisions[identifier] = decision
    take_out(result, [item.entry for item in result.decisions.values() if not item.accepts])
    for key in list(result.withheld):
        entry = Entry(conversation=key[0], operation=key[1], function=key[2])
        if any(item.accepts and item.entry.covers(entry) for item in result.decisions.values()):
            del result.withheld[key]


DECISIONS = Section("decisions", False, _lines, _read, _only_in, _merge)
