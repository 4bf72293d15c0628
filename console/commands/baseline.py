"""`fieldwatch baseline`: learn what a plant normally does, look at it, compare and merge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.decisions import accept, forget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rules.baseline.model import Baseline, Withheld
    from rules.baseline.stage import Window
    from rules.site.model import Site

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Learn, show, compare, merge and decide about baselines."
)

Out = Annotated[Path, typer.Option("--out", "-o", help="The baseline file to write")]


app.command()(accept)
app.command()(forget)


@app.command()
def learn(
    captures: Annotated[list[Path], typer.Argument(help="Captures of ordinary operation, in any order")],
    out: Out = Path("baseline.yaml"),
    span: Annotated[
        str | None,
        typer.Option("--for", help="Only so long after each capture's first packet: 90s, 5m, 2h, 1d"),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only until this time: 2026-11-22T07:39:29Z")] = None,
    extend: Annotated[Path | None, typer.Option(help="A baseline to add to")] = None,
    site: Annotated[
        Path | None, typer.Option(help="The site file: which addresses are the plant's own")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="A dangerous operation that is normal here, such as start; may be repeated"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Learn only the entry with this id and what is below it; may be repeated"),
    ] = None,
    observer: Annotated[str, typer.Option(help="Name that is noted as the one who learned")] = "sensor",
) -> None:
    """Learn a baseline from captures. Dangerous operations are listed, and not learned unless accepted."""
    from console.commands.kernels import compile_kernels
    from console.commands.output import fail, whole_file
    from rules.baseline.document import text_of_baseline
    from rules.baseline.model import DANGEROUS, Baseline

    names = {operation.name.lower(): int(operation) for operation in sorted(DANGEROUS)}
    unknown = [name for name in accept or () if name not in names]
    if unknown:
        fail(f"--accept: {unknown[0]!r} is not one of {', '.join(names)}", 2)
    window = _window(span, until)
    known = read(extend) if extend else Baseline()
    baseline = Baseline() if only else known
    plant = _site(site)
    compile_kernels()
    for capture in captures:
        _learn_capture(baseline, capture, window, plant, [names[name] for name in accept or ()], observer)
    if only:
        baseline = _with_only(known, baseline, only)
    with whole_file(out, "w") as target:
        target.write(text_of_baseline(baseline))
    typer.echo(f"{out}: {_summary(baseline)}")
    left_out = sum(note.left_out for note in baseline.learned)
    if left_out:
        typer.echo(f"no room for {left_out} behaviours; learn parts of the plant separately", err=True)
    _show_withheld(baseline.withheld.values())


@app.command()
def show(
    path: Annotated[Path, typer.Argument(help="A baseline file")],
    asset: Annotated[str | None, typer.Option(help="Only what this address takes part in")] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Every entry on a line of its own, with its id")] = False,
) -> None:
    """Show a baseline: who speaks to whom, what they do, and between what values."""
    from rules.baseline.model import in_order
    from rules.baseline.words import function_text, operation_name, place_text
    from rules.documents import timestamp

    baseline = read(path)
    if ids:
        _show_ids(baseline, asset)
        return
    typer.echo(_summary(baseline))
    for note in baseline.learned:
        typer.echo(
            f"learned by {note.observer} from {timestamp(note.from_ns)} until {timestamp(note.until_ns)}:"
            f" {note.behaviours} behaviours" + (f", no room for {note.left_out}" if note.left_out else "")
        )
    for conversation in sorted(baseline.conversations, key=in_order):
        if asset and asset not in (conversation.client, conversation.server):
            continue
        typer.echo(f"\n{conversation}")
        operations = baseline.conversations[conversation]
        for operation in sorted(operations, key=operation_name):
            typer.echo(f"  {operation_name(operation)}")
            for function, objects in sorted(operations[operation].items()):
                typer.echo(f"    {function_text(conversation.protocol, function)}")
                for place, ranges in sorted(objects.items()):
                    typer.echo(f"      {place_text(conversation.protocol, place, ranges)}")
    _show_values(baseline, asset)
    for decision in baseline.decisions.values():
        typer.echo(f"\n{'accepted' if decision.accepts else 'forgotten'} by {decision.by}: {decision.reason}")
        typer.echo(f"  {decision.entry.id} {decision.entry}")
    shown = [
        entry
        for entry in baseline.withheld.values()
        if not asset or asset in (entry.conversation.client, entry.conversation.server)
    ]
    _show_withheld(shown)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A baseline file")],
    new: Annotated[Path, typer.Argument(help="Another, usually a later one")],
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 3 where they differ")] = False,
) -> None:
    """Show what each of two baselines knows and the other does not."""
    from rules.baseline.difference import only_in

    first, second = read(old), read(new)
    gone, come = only_in(first, second), only_in(second, first)
    for sign, found in (("-", gone), ("+", come)):
        for item in found:
            typer.echo(f"{sign} {item.what:<12} {item.text}")
    if gone or come:
        raise typer.Exit(3 if exit_code else 0)
    typer.echo("both know the same")


@app.command()
def merge(
    paths: Annotated[list[Path], typer.Argument(help="Two or more baseline files")],
    out: Out,
) -> None:
    """Write a baseline that knows what any of these knows."""
    from functools import reduce

    from console.commands.output import fail, whole_file
    from rules.baseline.difference import merged
    from rules.baseline.document import text_of_baseline

    if len(paths) < 2:
        fail("merge needs at least two baseline files", 2)
    baseline = reduce(merged, [read(path) for path in paths])
    with whole_file(out, "w") as target:
        target.write(text_of_baseline(baseline))
    typer.echo(f"{out}: {_summary(baseline)}")
    _show_withheld(baseline.withheld.values())


def read(path: Path) -> Baseline:
    """The baseline in a file; ends the program with 1 and one line where it cannot be used."""
    from console.commands.output import fail
    from rules.baseline.nodes import BaselineError
    from rules.baseline.reading import read_baseline

    try:
        return read_baseline(path)
    except BaselineError as error:
        fail(str(error), 1)


def _with_only(known: Baseline, learned: Baseline, only: list[str]) -> Baseline:
    """What was known, and of what was learned only the entries with these ids."""
    from console.commands.output import fail
    from rules.baseline.decisions import NotFound, find, picked
    from rules.baseline.difference import merged
    from rules.baseline.entries import entries

    found = [(entry.id, entry) for entry, _ in entries(learned)]
    try:
        chosen = [find(found, wanted) for wanted in only]
    except NotFound as error:
        fail(f"--only: {error} in what was learned", 2)
    for entry in chosen:
        known.decisions.pop(entry.id, None)
    return merged(known, picked(learned, chosen))


def _show_ids(baseline: Baseline, asset: str | None) -> None:
    from rules.baseline.entries import entries

    for entry, withheld in entries(baseline):
        if asset and asset not in entry.machines:
            continue
        what = f"{entry.what}, withheld" if withheld else entry.what
        typer.echo(f"{entry.id}  {what:<18} {entry.label}")


def _show_values(baseline: Baseline, asset: str | None) -> None:
    from rules.baseline.sections.values import band_text, order, point_parts

    shown = [point for point in sorted(baseline.values, key=order) if asset in (None, point.server)]
    if shown:
        typer.echo("\nvalues")
    for point in shown:
        typer.echo(f"  {', '.join(point_parts(point))}: {band_text(baseline.values[point])}")


def _window(span: str | None, until: str | None) -> Window:
    from console.commands.output import fail
    from rules.baseline.stage import Window, span_window, until_window

    if span and until:
        fail("--for and --until exclude each other", 2)
    try:
        if span:
            return span_window(span)
        return until_window(until) if until else Window(until_ns=(1 << 63) - 1)
    except ValueError as error:
        fail(str(error), 2)


def _site(path: Path | None) -> Site:
    from console.commands.output import fail
    from rules.site.model import Site
    from rules.site.reading import SiteError, load_site

    try:
        return load_site(path) if path else Site()
    except SiteError as error:
        fail(str(error), 1)


def _learn_capture(
    baseline: Baseline, capture: Path, window: Window, site: Site, accept: list[int], observer: str
) -> None:
    from console.commands.output import fail
    from rules.watch import Watch
    from sensor.capture.errors import CaptureError
    from sensor.capture.source import CaptureFile

    watch = Watch((), site, baseline, window, accept, observer)
    watch.begin(str(capture))
    try:
        for batch in CaptureFile(capture):
            watch.feed(batch)
    except CaptureError as error:
        fail(str(error), 1)
    watch.finish()


def _summary(baseline: Baseline) -> str:
    objects = sum(1 for _ in baseline.objects())
    return (
        f"{_count(len(baseline.assets), 'asset')}, {_count(len(baseline.conversations), 'conversation')},"
        f" {_count(objects, 'group')} of objects, {_count(len(baseline.values), 'point')} with values"
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _show_withheld(entries: Iterable[Withheld]) -> None:
    from rules.baseline.entries import Entry
    from rules.baseline.words import withheld_text

    found = list(entries)
    if found:
        typer.echo(
            "\nDangerous operations that were seen and not learned (`baseline accept` takes their ids):"
        )
    for entry in found:
        typer.echo(f"  {Entry(None, *entry[:3]).id}  {withheld_text(entry)}")
