"""`learned`: when and by whom each part of the baseline was learned."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from rules.baseline.model import Baseline, Learned
from rules.baseline.nodes import Reader
from rules.baseline.sections.section import Section, no_difference
from rules.baseline.words import quoted
from rules.documents import timestamp

MOST_NOTES = 10_000
_PARTS = ("observer", "from", "until", "behaviours", "left_out")


def _lines(baseline: Baseline) -> Iterator[str]:
    yield "learned:" if baseline.learned else "learned: []"
    for note in sorted(baseline.learned, key=lambda note: (note.from_ns, note)):
        yield (
            f'- {{observer: {quoted(note.observer)}, from: "{timestamp(note.from_ns)}",'
            f' until: "{timestamp(note.until_ns)}", behaviours: {note.behaviours},'
            f" left_out: {note.left_out}}}"
        )


def _read(reader: Reader, node: yaml.Node, baseline: Baseline) -> None:
    for item in reader.list(node, "learned", MOST_NOTES):
        parts = reader.record(item, "a note of learning", _PARTS)
        baseline.learned.append(
            Learned(
                reader.text(parts["observer"], "observer"),
                reader.time(parts["from"], "from"),
                reader.time(parts["until"], "until"),
                reader.integer(parts["behaviours"], "behaviours", 1 << 62),
                reader.integer(parts["left_out"], "left_out", 1 << 62),
            )
        )


def _merge(result: Baseline, first: Baseline, second: Baseline) -> None:
    for baseline in (first, second):
        result.learned += [note for note in baseline.learned if note not in result.learned]


LEARNED = Section("learned", False, _lines, _read, no_difference, _merge)
