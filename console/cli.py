"""The `fieldwatch` command. Subcommands are imported only when they are asked for."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

SUBCOMMANDS = {
    "analyze": ("console.commands.analyze", "Decode, learn, match, report: the main job."),
    "decode": ("console.commands.decode", "Decode a capture into messages."),
    "demo": ("console.commands.demo", "The bundled plant, analysed, with the console open on it."),
    "baseline": ("console.commands.baseline", "Learn, show, compare, merge and decide about baselines."),
    "rules": ("console.commands.rules", "Check, test and list rules."),
    "sensor": ("console.commands.sensor", "Listen at a mirror port; enrol with a console."),
    "console": ("console.commands.console", "Serve the API and the web pages; manage users."),
}


class LazyGroup(TyperGroup):
    """Lists subcommands without importing them: `--help` is instant."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order above."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        """The command itself; its one-line help where only that is asked for."""
        if name not in SUBCOMMANDS:
            return None
        if not any(argument == name for argument in sys.argv[1:]):
            return TyperCommand(name, help=SUBCOMMANDS[name][1])
        return subcommand(name)


def subcommand(name: str) -> Any:
    """Import a subcommand and make it one of click's."""
    loaded = importlib.import_module(SUBCOMMANDS[name][0])
    if hasattr(loaded, "app"):
        command: Any = typer.main.get_command(loaded.app)
    else:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(getattr(loaded, name))
        command = typer.main.get_command(single)
    command.name = name
    return command


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """Industrial security situational awareness: passive sensors, rules, one explainable posture."""


def main() -> None:
    """Entry point of the distribution."""
    app()
