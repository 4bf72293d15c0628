"""`fieldwatch analyze`: decode, learn, match, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rules.analysis import Analysis
    from rules.baseline.model import Baseline
    from rules.baseline.stage import Window
    from rules.rule import AnyRule
    from rules.site.model import Site

LEVELS = ("informational", "low", "medium", "high", "critical")


def analyze(
    captures: Annotated[
        list[str], typer.Argument(help="pcap or pcapng, plain, gzip or zstd; - for standard input")
    ],
    learn: Annotated[
        str | None, typer.Option(help="Learn what is normal for so long from the first packet: 90s, 5m, 2h")
    ] = None,
    learn_until: Annotated[
        str | None, typer.Option(help="Learn what is normal until this time: 2026-11-22T07:39:29Z")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="What is normal, from `baseline learn`")] = None,
    save_baseline: Annotated[
        Path | None, typer.Option(help="Write what was learned, to be read, edited and used again")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="Site file: zones, criticality, authorised assets, hours")
    ] = None,
    suppress: Annotated[
        list[Path] | None,
        typer.Option(help="List of suppressions beside those of the site file; may be repeated"),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="Rule files or folders to use beside those that ship; may be repeated"),
    ] = None,
    shipped_rules: Annotated[bool, typer.Option(help="Use the rules that ship with Fieldwatch")] = True,
    out: Annotated[
        Path | None, typer.Option(help="Folder for alerts, assets, behaviours (JSON Lines) and the summary")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Store to fill, which `console serve` shows")] = None,
    fail_on: Annotated[
        str | None, typer.Option(help="End with 3 if there are alerts of this level or above")
    ] = None,
    observer: Annotated[str, typer.Option(help="Name of the sensor in the documents")] = "analyze",
    lang: Annotated[str, typer.Option(help="Language of the alerts on the terminal: en or zh")] = "en",
) -> None:
    """Analyse captures of one plant: which machines, what they say, what is wrong, how bad it is."""
    from console.commands.kernels import compile_kernels
    from console.commands.output import fail
    from console.commands.progress import Progress
    from console.report.files import incidents_in
    from console.report.summary import summarise
    from console.report.terminal import print_report
    from rules.analysis import Analysis

    if fail_on is not None and fail_on not in LEVELS:
        fail(f"--fail-on: {fail_on!r} is not one of {', '.join(LEVELS)}", 2)
    if lang not in ("en", "zh"):
        fail(f"--lang: {lang!r} is not en or zh", 2)
    if learn is not None and learn_until is not None:
        fail("--learn and --learn-until exclude each other", 2)
    window = _window(learn, learn_until)
    if save_baseline is not None and window is None and baseline is None:
        fail("--save-baseline needs --learn, --learn-until or --baseline: nothing would be learned", 2)
    if out is not None and out.exists() and not out.is_dir():
        fail(f"--out: {out} is a file, not a folder", 2)
    analysis = Analysis(
        _rules(rules or [], shipped_rules),
        site_of(site, suppress or []),
        _baseline(baseline),
        window,
        observer=observer,
    )
    compile_kernels()
    problems, facts = read_captures(analysis, captures, Progress())
    if not any(item.get("packets") for item in facts) and problems:
        raise typer.Exit(1)
    incidents = incidents_in(analysis)
    summary = summarise(analysis, facts, incidents)
    if save_baseline is not None:
        from console.commands.output import whole_file
        from rules.baseline.document import text_of_baseline

        with whole_file(save_baseline, "w") as target:
            target.write(text_of_baseline(analysis.stage.baseline))
    written: list[str] = []
    if out is not None:
        from console.report.files import write_files

        write_files(analysis, summary, incidents, out)
        written.append(str(out))
    if store is not None:
        from console.report.storing import fill_store

        written.append(fill_store(analysis, summary, store, observer))
    print_report(analysis, summary, incidents, written, lang)
    if problems:
        raise typer.Exit(1)
    if fail_on is not None and any(summary["alerts"][level] for level in LEVELS[LEVELS.index(fail_on) :]):
        raise typer.Exit(3)


def read_captures(
    analysis: Analysis, captures: list[str], progress: Any
) -> tuple[list[str], list[dict[str, Any]]]:
    """Feed captures to an analysis. What went wrong, told on standard error as it happens, and for
    each capture what `summary.captures` says; whatever could be read is analysed."""
    from console.commands.output import input_notes
    from sensor.capture.errors import CaptureError
    from sensor.capture.source import CaptureFile
    from sensor.times import rfc3339

    problems: list[str] = []
    facts: list[dict[str, Any]] = []
    for path in captures:
        fact: dict[str, Any] = {"path": path, "packets": 0, "bytes": 0, "truncated": False}
        facts.append(fact)
        first = last = None
        source = None
        try:
            source = CaptureFile(path)
            analysis.begin(path)
            with progress.of(source):
                for batch in source:
                    if first is None:
                        first = int(batch.records["time_ns"][0])
                    last = int(batch.records["time_ns"][-1])
                    analysis.feed(batch)
                    progress.advance()
                    fact |= {"packets": source.packets, "bytes": source.octets}
        except CaptureError as error:
            problems.append(str(error))
            fact["error"] = str(error)
            typer.echo(f"fieldwatch: {error}", err=True)
        if source is not None:
            fact["truncated"] = source.truncated
            for note in input_notes(source):
                typer.echo(f"fieldwatch: {note}", err=True)
        if first is not None and last is not None:
            fact |= {"first": rfc3339(first), "last": rfc3339(last)}
    analysis.finish()
    return problems, facts


def _window(learn: str | None, learn_until: str | None) -> Window | None:
    from console.commands.output import fail
    from rules.baseline.stage import span_window, until_window

    try:
        if learn is not None:
            return span_window(learn)
        return until_window(learn_until) if learn_until is not None else None
    except ValueError as error:
        fail(f"{'--learn' if learn is not None else '--learn-until'}: {error}", 2)


def _rules(paths: list[Path], shipped: bool) -> list[AnyRule]:
    from console.commands.output import fail
    from rules.language.loader import PACKS, load

    for path in paths:
        if not path.exists():
            fail(f"--rules: {path}: no such file or folder", 2)
    found, problems = load([*([PACKS] if shipped else []), *paths])
    if problems:
        for problem in problems:
            typer.echo(str(problem), err=True)
        fail("these rules cannot be used; nothing was analysed", 1)
    return found


def site_of(path: Path | None, suppress: list[Path]) -> Site:
    """The site of a site file, with the suppressions of these lists, too; says what is wrong and ends."""
    from dataclasses import replace

    from console.commands.output import fail
    from rules.language.problems import RuleError
    from rules.site.model import Site
    from rules.site.reading import load_site
    from rules.site.suppressions import load_suppressions

    try:
        site = load_site(path) if path is not None else Site()
        more = [item for each in suppress for item in load_suppressions(each)]
    except RuleError as error:
        fail(str(error), 1)
    return replace(site, suppressions=(*site.suppressions, *more))


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    from console.commands.baseline import read

    return read(path)
