"""What commands share: one way to fail, and files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error and end with this exit code."""
    typer.echo(f"fieldwatch: {message}", err=True)
    raise typer.Exit(code)


@contextmanager
def whole_file(path: Path, mode: str) -> Iterator[Any]:
    """A file that takes the place of `path` when it is written to its end; nothing is left else."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        stream = partial.open(mode, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        fail(f"{path}: cannot be written: {error.strerror}", 1)
    try:
        with stream:
            yield stream
        partial.replace(path)
    except OSError as error:
        fail(f"{path}: cannot be written: {error.strerror}", 1)
    finally:
        partial.unlink(missing_ok=True)
