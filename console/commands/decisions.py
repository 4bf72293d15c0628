"""`fieldwatch baseline accept|forget`: decide about single entries by their ids."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rules.baseline.entries import Entry
    from rules.baseline.model import Baseline

Baselined = Annotated[Path, typer.Argument(metavar="FILE", help="The baseline file; it is changed in place")]
Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="Id of an entry, or its beginning: from `show --ids` or from an alert"),
]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the file")]
By = Annotated[str | None, typer.Option(help="Who decided; the name of the user where it is not given")]
MOST_LINE = 1 << 20


def accept(
    path: Baselined,
    identifier: Id,
    reason: Reason,
    until: Annotated[
        str | None, typer.Option(help="Only until this packet time: 2026-12-24 or 2026-12-24T07:00:00Z")
    ] = None,
    by: By = None,
    alerts: Annotated[
        Path | None,
        typer.Option("--from", help="alerts.jsonl, or its folder, of the analysis that told of the entry"),
    ] = None,
) -> None:
    """Accept an entry: a withheld operation, or something new that an alert named.

    What is accepted counts as known, with all below it; but an asset opens no conversations, and a
    conversation no dangerous operations. It can be given an end.
    """
    from console.commands.baseline import read
    from console.commands.output import fail
    from rules.baseline.decisions import FOREVER, NotFound, can_be_accepted, find
    from rules.baseline.entries import entries
    from rules.baseline.stage import until_window

    baseline = read(path)
    mine = [(entry.id, entry) for entry, withheld in entries(baseline) if withheld]
    mine += [(key, decision.entry) for key, decision in baseline.decisions.items()]
    told = [(entry.id, entry) for entry in _told(alerts)] if alerts else []
    try:
        entry = find([*mine, *told], identifier)
    except NotFound as error:
        known = [(entry.id, entry) for entry, withheld in entries(baseline) if not withheld]
        if any(key.startswith(identifier.lower()) for key, _ in known):
            fail(f"{path}: {identifier} is known already", 2)
        hint = "" if alerts else "; give --from with the alerts that told of it"
        fail(f"{path}: {error}{hint}", 2)
    objection = can_be_accepted(entry)
    if objection:
        fail(f"{identifier}: {objection}", 2)
    end = FOREVER
    if until:
        try:
            end = until_window(until if "T" in until.upper() else f"{until}T00:00:00Z").until_ns or 0
        except ValueError as error:
            fail(f"--until: {error}", 2)
    _decide(baseline, path, entry, True, by, end, reason)
    typer.echo(f"{path}: accepted {entry.id}, {entry}" + (f", until {until}" if until else ""))


def forget(path: Baselined, identifier: Id, reason: Reason, by: By = None) -> None:
    """Forget an entry with all below it: it is told as new, and is not learned again by itself."""
    from console.commands.baseline import read
    from console.commands.output import fail
    from rules.baseline.decisions import FOREVER, NotFound, find
    from rules.baseline.entries import entries

    baseline = read(path)
    known = [(entry.id, entry) for entry, _ in entries(baseline)]
    known += [(key, decision.entry) for key, decision in baseline.decisions.items() if decision.accepts]
    try:
        entry = find(known, identifier)
    except NotFound as error:
        fail(f"{path}: {error}", 2)
    _decide(baseline, path, entry, False, by, FOREVER, reason)
    typer.echo(f"{path}: forgot {entry.id}, {entry}")


def _decide(
    baseline: Baseline, path: Path, entry: Entry, accepts: bool, by: str | None, until_ns: int, reason: str
) -> None:
    from console.commands.output import fail, whole_file
    from rules.baseline.decisions import MOST_DECISIONS, Decision, decide
    from rules.baseline.document import text_of_baseline

    if not reason.strip():
        fail("--reason: say why, for those who read the file later", 2)
    if entry.id not in baseline.decisions and len(baseline.decisions) >= MOST_DECISIONS:
        fail(f"{path}: holds {MOST_DECISIONS} decisions, and there is no room for more", 1)
    who = by or getpass.getuser()
    decide(baseline, Decision(accepts, entry, who, time.time_ns(), until_ns, reason.strip()))
    with whole_file(path, "w") as target:
        target.write(text_of_baseline(baseline))


def _told(path: Path) -> Iterator[Entry]:
    """The entries that alerts name; ends the program with 1 where they cannot be read."""
    import yaml

    from console.commands.output import fail
    from rules.baseline.nodes import Reader
    from rules.baseline.sections.decisions import read_entry

    path = path / "alerts.jsonl" if path.is_dir() else path
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                told = json.loads(line).get("baseline", {}) if len(line) < MOST_LINE else {}
                if "entry_text" in told:
                    node = yaml.compose(told["entry_text"], Loader=yaml.SafeLoader)
                    if node is not None:
                        yield read_entry(Reader(path), node)
    except OSError as error:
        fail(f"{path}: cannot be read: {error.strerror}", 1)
    except (ValueError, AttributeError, TypeError, yaml.YAMLError) as error:
        fail(f"{path}:{number}: not an alert that this version wrote: {' '.join(str(error).split())}", 1)
