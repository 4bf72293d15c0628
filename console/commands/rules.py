"""`fieldwatch rules`: check, test, list, and what editors and readers need to write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.backtest import backtest

if TYPE_CHECKING:
    from rules.language.problems import Problem
    from rules.rule import AnyRule
    from rules.table import Table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Check, test and list rules.")

Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Rule files or folders; without any, the rules that ship with Fieldwatch"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable: one JSON object a line")]


def _load(paths: list[Path] | None) -> tuple[list[AnyRule], list[Problem]]:
    from console.commands.output import fail
    from rules.language.loader import PACKS, load

    for path in paths or ():
        if not path.exists():
            fail(f"{path}: there is no such file or folder", 1)
    rules, problems = load(paths or [PACKS])
    if not rules and not problems:
        fail("no rules there: a rule is a file that ends with .yaml", 1)
    return rules, problems


def _quiet_problems(site: Path | None, suppress: list[Path], rules: list[AnyRule]) -> Iterator[Problem]:
    """What is wrong with a site file and with lists of suppressions, those that have expired included."""
    import time

    from rules.language.loader import PACKS, load
    from rules.language.problems import RuleError
    from rules.site.reading import load_site
    from rules.site.suppressions import expired, load_suppressions, unknown_rules

    if site is None and not suppress:
        return
    known = [*rules, *load([PACKS])[0]]
    for path in [*([site] if site else []), *suppress]:
        try:
            found = load_site(path).suppressions if path == site else load_suppressions(path)
        except RuleError as error:
            yield from error.problems
            continue
        yield from expired(found, path, time.time_ns())
        yield from unknown_rules(found, path, known)


def _show(problems: Iterable[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)


@app.command()
def lint(
    paths: Paths = None,
    site: Annotated[
        Path | None, typer.Option(help="Site file to check, too: its zones, windows, suppressions")
    ] = None,
    suppress: Annotated[
        list[Path] | None, typer.Option(help="List of suppressions to check, too; may be repeated")
    ] = None,
) -> None:
    """Check rules: what is wrong, and what an analyst would regret. Ends with 1 if anything is."""
    from rules.lint.checks import lint as check

    rules, problems = _load(paths)
    found = [*problems, *check(rules), *_quiet_problems(site, suppress or [], rules)]
    _show(sorted(found))
    files = len(rules) + len({problem.path for problem in problems})
    typer.echo(f"{_count(files, 'rule')}, {_count(len(found), 'problem')}")
    raise typer.Exit(1 if found else 0)


@app.command("test")
def run_rule_tests(
    paths: Paths = None,
    captures: Annotated[
        Path | None,
        typer.Option(help="Folder that `capture:` of tests is relative to; without it those are skipped"),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name the passed tests, too")] = False,
) -> None:
    """Run the tests that rules carry. Ends with 1 if one fails or a rule cannot be read."""
    from console.commands.output import fail
    from rules.selftest import run_tests

    rules, problems = _load(paths)
    _show(problems)
    if captures is not None and not captures.is_dir():
        fail(f"{captures}: there is no such folder", 1)
    passed = failed = skipped = 0
    for result in run_tests(rules, captures, _tables):
        if result.test.capture and captures is None:
            skipped += 1
        elif result.passed:
            passed += 1
            if verbose:
                typer.echo(f"passed  {result.rule.path}: {result.test.name}")
        else:
            failed += 1
            typer.echo(f"FAILED  {result.rule.path}: {result.test.name}\n        {result.text}")
    untested = [rule for rule in rules if not rule.tests]
    for rule in untested:
        typer.echo(f"untested {rule.path}")
    more = f", {skipped} on captures skipped (--captures)" if skipped else ""
    typer.echo(f"{_count(len(rules), 'rule')}: {_count(passed, 'test')} passed, {failed} failed{more}")
    raise typer.Exit(1 if failed or problems else 0)


app.command()(backtest)


@app.command("list")
def list_rules(paths: Paths = None, as_json: AsJson = False) -> None:
    """List rules: level, status, protocol, ATT&CK techniques, title."""
    rules, problems = _load(paths)
    _show(problems)
    order = {
        level: -place for place, level in enumerate(("informational", "low", "medium", "high", "critical"))
    }
    rules.sort(key=lambda rule: (order[rule.level], _about(rule), rule.name))
    if as_json:
        for rule in rules:
            typer.echo(json.dumps(_summary(rule), ensure_ascii=False))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("level", "status", "about", "name", "ATT&CK", "title", box=None, header_style="bold")
        for rule in rules:
            table.add_row(
                rule.level, rule.status, _about(rule), rule.name, " ".join(rule.techniques), rule.title
            )
        console = Console()
        # A pipe or file has no width: let every rule keep its line.
        (console if console.is_terminal else Console(width=200)).print(table)
        typer.echo(_count(len(rules), "rule"))
    raise typer.Exit(1 if problems else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    from rules.language.schema import json_schema

    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@app.command()
def fields() -> None:
    """Print every field as Markdown: those of rules, then each protocol's own."""
    from rules.fields import markdown

    typer.echo(markdown(), nl=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _about(rule: AnyRule) -> str:
    from rules.rule import Correlation

    if isinstance(rule, Correlation):
        return "correlation"
    return rule.service or ("assets" if rule.category == "asset" else "any protocol")


def _summary(rule: AnyRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "title": rule.title,
        "title_zh": rule.title_zh,
        "level": rule.level,
        "status": rule.status,
        "about": _about(rule),
        "techniques": list(rule.techniques),
        "tactics": list(rule.tactics),
        "tests": len(rule.tests),
    }


def _tables(capture: Path) -> Iterable[Table]:
    from console.commands.output import fail
    from rules.replay import replay
    from sensor.capture.errors import CaptureError

    try:
        return list(replay(capture))
    except CaptureError as error:
        fail(str(error), 1)
