"""What commands share: one way to fail, and files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from sensor.capture.source import CaptureFile


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error and end with this exit code."""
    typer.echo(f"fieldwatch: {message}", err=True)
    raise typer.Exit(code)


def input_notes(source: CaptureFile) -> list[str]:
    """What a person should know of a capture that was read: where it is cut, what was stepped over."""
    from sensor.capture.links import link_text
    from sensor.wire.packet import KNOWN_LINKS

    notes = list(source.notes)
    for link, packets in sorted(source.links.items()):
        if link not in KNOWN_LINKS:
            notes.append(f"link type {link_text(link)} is not known: {packets} packets were not understood")
    return [f"{source.name}: {note}" for note in notes]


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
