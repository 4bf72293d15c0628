"""`fieldwatch rules backtest`: what a rule would have said of captures or of a console's store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from console.store.interface import Store
    from rules.backtest.outcome import Outcome
    from rules.rule import AnyRule
    from rules.site.model import Site

SQLITE = b"SQLite format 3\0"


def backtest(
    rules: Annotated[
        list[str] | None,
        typer.Argument(help="Rule files, folders, or names of shipped rules; without any, all that ship"),
    ] = None,
    on: Annotated[
        list[str] | None,
        typer.Option(help="A capture, or a store that `analyze` or the console has filled; may be repeated"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only what went on at or after this time; on a store, what came before is learned"),
    ] = None,
    site: Annotated[Path | None, typer.Option(help="Site file: zones, windows, suppressions")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="What is normal, for rules that ask; for captures")
    ] = None,
    learn: Annotated[
        str | None,
        typer.Option(
            help="Learn what is normal for so long from the first packet: 90s, 5m, 2h; for captures"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable: one JSON object")] = False,
) -> None:
    """Run rules on recorded traffic before they go live: what would they have said, how often, on what?

    Nothing is stored, and drafts are run as well.
    """
    from console.commands.analyze import site_of
    from console.commands.output import fail
    from rules.documents import nanoseconds

    if not on:
        fail("--on: name a capture or a store to run the rules on", 2)
    tested, helpers = _rules(rules or [])
    since_ns = None
    if since is not None:
        try:
            since_ns = nanoseconds(since.strip().upper().replace("Z", "+00:00"))
        except ValueError:
            fail(f"--since: {since!r} is not a time: write it as 2026-11-22T07:39:29Z", 2)
    for path in on:
        if path != "-" and not Path(path).is_file():
            fail(f"--on: {path}: there is no such file", 1)
    stores = [path for path in on if path != "-" and _is_store(Path(path))]
    if stores and (len(on) > 1 or baseline or learn):
        fail("--on: a store stands alone, and what it held before --since is its baseline", 2)
    if stores:
        outcome = _on_store(Path(stores[0]), tested, helpers, site_of(site, []), since_ns)
    else:
        outcome = _on_captures(on, tested, helpers, site_of(site, []), baseline, learn, since_ns)
    document = outcome.document()
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(document, on)


def _rules(arguments: list[str]) -> tuple[list[AnyRule], list[AnyRule]]:
    """The rules to test, and those that correlations among them name."""
    from console.commands.output import fail
    from rules.language.loader import PACKS, load, rule_files
    from rules.rule import Correlation

    paths: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        named = [] if path.exists() else sorted(PACKS.rglob(f"{path.stem}.yaml"))
        if not path.exists() and not named:
            fail(f"{argument}: there is no such file or folder, and no shipped rule of this name", 1)
        paths.extend(named or [path])
    # A changed copy of a shipped rule has its id: the first one counts, so those given come first.
    found, problems = load([*paths, PACKS])
    wrong = [problem for problem in problems if PACKS not in problem.path.parents]
    if wrong:
        for problem in wrong:
            typer.echo(str(problem), err=True)
        fail("these rules cannot be used; nothing was run", 1)
    chosen = {path.resolve() for path in rule_files(paths)} if paths else None
    active = [replace(rule, status="stable") for rule in found]
    tested = [rule for rule in active if chosen is None or rule.path.resolve() in chosen]
    if not tested:
        fail("no rules there: a rule is a file that ends with .yaml", 1)
    mine = {rule.id for rule in tested}
    needed = {base for rule in tested if isinstance(rule, Correlation) for base in rule.rules} - mine
    return tested, [rule for rule in active if rule.id in needed]


def _is_store(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def _on_captures(
    captures: list[str],
    tested: list[AnyRule],
    helpers: list[AnyRule],
    site: Site,
    baseline: Path | None,
    learn: str | None,
    since_ns: int | None,
) -> Outcome:
    from console.commands.analyze import read_captures
    from console.commands.baseline import read
    from console.commands.kernels import compile_kernels
    from console.commands.output import fail
    from console.commands.progress import Progress
    from rules.analysis import Analysis
    from rules.backtest.outcome import Outcome, since
    from rules.baseline.stage import span_window
    from sensor.times import parse_time

    try:
        window = span_window(learn) if learn else None
    except ValueError as error:
        fail(f"--learn: {error}", 2)
    analysis = Analysis(
        [*tested, *helpers], site, read(baseline) if baseline else None, window, observer="backtest"
    )
    compile_kernels()
    problems, facts = read_captures(analysis, captures, Progress())
    if problems and not any(fact.get("packets") for fact in facts):
        raise typer.Exit(1)
    times = [(parse_time(fact["first"]), parse_time(fact["last"])) for fact in facts if "first" in fact]
    begin = since_ns or 0
    if window is not None and times:
        begin = max(begin, window.end(min(first for first, _ in times)))
    watched = sum(max(0, last - max(first, begin)) for first, last in times)
    notes = [f"Not read to the end: {problem}" for problem in problems]
    if not analysis.stage.learned and any(_asks_baseline(rule) for rule in (*tested, *helpers)):
        notes.append("Rules that compare with a baseline stay silent: give --baseline or --learn.")
    if analysis.alerts_not_kept:
        notes.append(f"{analysis.alerts_not_kept:,} more alerts of the lowest level are not counted.")
    ids = {rule.id for rule in tested}
    alerts = [alert for alert in analysis.alerts.values() if alert["rule"]["id"] in ids]
    alerts.sort(key=lambda alert: (alert["@timestamp"], alert["event"]["id"]))
    return Outcome(tested, since(alerts, since_ns), watched, notes)


def _on_store(
    path: Path, tested: list[AnyRule], helpers: list[AnyRule], site: Site, since_ns: int | None
) -> Outcome:
    from console.commands.output import fail
    from console.store import open_store
    from console.store.errors import StoreError
    from console.store.times import to_nanoseconds
    from rules.alerts.tolerance import Tolerances
    from rules.backtest.outcome import Outcome, since
    from rules.backtest.stored import Stored, stored_tables
    from rules.detector import Detector

    detector = Detector([*tested, *helpers], None, "backtest", clock=lambda: 0, tolerances=Tolerances(site))
    alerts: dict[str, dict[str, Any]] = {}
    seen = [2**63 - 1, 0]

    def watched(behaviours: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for document in behaviours:
            behaviour = document["behaviour"]
            seen[0] = min(seen[0], to_nanoseconds(behaviour["first_seen"]))
            seen[1] = max(seen[1], to_nanoseconds(behaviour["last_seen"]))
            yield document

    try:
        store = open_store(path)
        try:
            stored = Stored(watched(_behaviours(store)), _assets(store))
            for table in stored_tables(stored, site, since_ns):
                detector.see(table)
                alerts |= {alert["event"]["id"]: alert for alert in detector.take()}
        finally:
            store.close()
    except StoreError as error:
        fail(f"--on: {error}", 1)
    notes = [
        "A store knows when a behaviour began and ended, not each message: "
        "alerts that would have come again after a pause are counted once."
    ]
    if since_ns is None and any(_asks_baseline(rule) for rule in (*tested, *helpers)):
        notes.append(
            "Rules that compare with a baseline stay silent: give --since, and what came before counts."
        )
    if any(getattr(rule, "category", "") == "asset" for rule in (*tested, *helpers)):
        notes.append("Rules about assets stay silent: a store's behaviours do not tell of changes.")
    if any(_asks_more(rule) for rule in (*tested, *helpers)):
        notes.append("Rules about learned values and rhythms stay silent: a store keeps no single messages.")
    lost = {cause: count for cause, count in detector.losses.items() if count}
    notes += [f"Given up for room: {cause.replace('_', ' ')} {count:,}." for cause, count in lost.items()]
    ids = {rule.id for rule in tested}
    mine = sorted(
        (alert for alert in alerts.values() if alert["rule"]["id"] in ids),
        key=lambda alert: (alert["@timestamp"], alert["event"]["id"]),
    )
    return Outcome(tested, since(mine, since_ns), max(0, seen[1] - max(seen[0], since_ns or 0)), notes)


def _behaviours(store: Store) -> Iterator[dict[str, Any]]:
    from console.store.filters import MAX_LIMIT, BehaviourFilter, PageRequest

    cursor: str | None = None
    while True:
        page = store.behaviours(
            BehaviourFilter(), PageRequest(MAX_LIMIT, cursor=cursor, sort="first_seen", descending=False)
        )
        for record in page.items:
            times = {"count": record.count, "first_seen": record.first_seen, "last_seen": record.last_seen}
            yield {**record.document, "behaviour": {**record.document["behaviour"], **times}}
        cursor = page.next_cursor
        if cursor is None:
            return


def _assets(store: Store) -> dict[str, dict[str, Any]]:
    from console.posture.service import all_assets

    return {
        address: record.document["asset"]
        for record in all_assets(store)
        for address in (*record.document["asset"].get("ip", ()), *record.document["asset"].get("mac", ()))
    }


def _asks_baseline(rule: AnyRule) -> bool:
    return "baseline" in getattr(rule, "requires", ())


def _asks_more(rule: AnyRule) -> bool:
    from rules.backtest.stored import TOLD
    from rules.expression import fields_of
    from rules.rule import Rule

    if not isinstance(rule, Rule):
        return False
    return any(name.startswith("baseline.") and name not in TOLD for name in fields_of(rule.condition))


def _print(document: dict[str, Any], on: list[str]) -> None:
    hours = document["watched_seconds"] / 3600
    span = f"{hours:.1f} hours" if hours >= 2 else f"{document['watched_seconds'] / 60:.1f} minutes"
    typer.echo(f"{_count(len(document['rules']), 'rule')} on {', '.join(on)}, {span} watched")
    levels = ", ".join(f"{count} {level}" for level, count in document["levels"].items())
    rate = f", {document['alerts_per_day']:g} a day" if "alerts_per_day" in document else ""
    typer.echo(f"{_count(document['alerts'], 'alert')}{f' ({levels})' if levels else ''}{rate}\n")
    for rule in sorted(document["rules"], key=lambda rule: -rule["alerts"]):
        if rule["alerts"] or len(document["rules"]) == 1:
            daily = f"{rule['alerts_per_day']:>9g} a day" if "alerts_per_day" in rule else ""
            typer.echo(f"{rule['alerts']:>6} {daily}  {rule['level']:<13} {rule['name']}")
    if document["over_time"]:
        typer.echo("\nBegan (UTC)")
    for entry in document["over_time"]:
        begin = entry["from"].replace("T", " ") + (":00" if "T" in entry["from"] else "")
        counts = ", ".join(f"{count} {level}" for level, count in entry.items() if level != "from")
        typer.echo(f"  {begin:<16} {counts}")
    for key in ("sources", "destinations", "objects"):
        if document[key]:
            listed = ", ".join(f"{each['value']} ({each['alerts']})" for each in document[key])
            typer.echo(f"{key.capitalize():<13} {listed}")
    if document["samples"]:
        typer.echo("\nSuch as")
    for sample in document["samples"]:
        typer.echo(f"  {sample['level']:<13} {sample['message']} ({sample['count']}{_proof(sample)})")
    if document["silenced"]:
        typer.echo(f"\nSilenced by the site file: {document['silenced']}")
    for note in document["notes"]:
        typer.echo(f"\n{note}")


def _proof(sample: dict[str, Any]) -> str:
    evidence = sample.get("evidence")
    if not evidence:
        return ""
    capture = f"{Path(evidence['capture']).name} " if "capture" in evidence else ""
    return f"; {capture}frame {', '.join(map(str, evidence['frames'][:4]))}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
