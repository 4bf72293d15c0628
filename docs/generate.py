"""Makes the generated documents: field list, losses, coverage, command line, rule schema.

`python docs/generate.py` writes them; with `--check` it ends with 1 if one of them is stale.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def documents() -> Iterator[tuple[Path, str]]:
    """Each generated file and what it should hold."""
    from rules import coverage, fields
    from rules.language.loader import load_rules
    from rules.language.schema import json_schema
    from sensor import losses

    yield ROOT / "docs" / "fields.md", fields.markdown()
    yield ROOT / "docs" / "losses.md", losses.markdown()
    yield ROOT / "docs" / "coverage.md", coverage.markdown(load_rules())
    yield ROOT / "docs" / "command-line.md", command_line()
    schema = json.dumps(json_schema(), ensure_ascii=False, indent=2)
    yield ROOT / "rules" / "rule.schema.json", schema + "\n"


def command_line() -> str:
    """Every command with its help, as the program prints it."""
    from typer.core import TyperGroup

    from console.cli import SUBCOMMANDS, subcommand

    parts = ["# Command line\n\nEvery command and option, as `--help` shows them.\n"]

    def add(name: str, command: object) -> None:
        parts.append(f"\n## `{name}`\n\n{_help(name, command)}")
        if isinstance(command, TyperGroup):
            for child, inner in command.commands.items():
                add(f"{name} {child}", inner)

    for name in SUBCOMMANDS:
        add(f"fieldwatch {name}", subcommand(name))
    return "".join(parts)


def _help(name: str, command: object) -> str:
    """The help of one command as a table: rich's boxes depend on the terminal."""
    import typer

    assert isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup)
    lines = [(command.help or "").strip(), ""]
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        shown = ", ".join([*parameter.opts, *parameter.secondary_opts])
        if parameter.param_type_name == "argument":
            shown = (parameter.name or "").upper()
        text = re.sub(r"\s+", " ", getattr(parameter, "help", None) or "").replace("|", "\\|")
        rows.append(f"| `{shown}` | {text} |")
    if rows:
        lines += ["| option | meaning |", "|---|---|", *rows]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the documents, or check them."""
    stale = []
    for path, text in documents():
        if "--check" in sys.argv:
            if not path.exists() or path.read_text("utf-8") != text:
                stale.append(path.relative_to(ROOT))
        else:
            path.write_text(text, "utf-8")
    for path in stale:
        print(f"{path} is stale: run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
