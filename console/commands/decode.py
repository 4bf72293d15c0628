"""`fieldwatch decode`: messages, nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sensor.capture.source import CaptureFile


class Format(StrEnum):
    """How messages are written."""

    jsonl = "jsonl"
    table = "table"
    parquet = "parquet"


def decode(
    capture: Annotated[str, typer.Argument(help="pcap or pcapng, plain, gzip or zstd; - for standard input")],
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", "-p", help="Only this protocol; may be repeated")
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to write messages")] = Format.jsonl,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; needed for parquet")] = None,
    all_protocols: Annotated[
        bool, typer.Option("--all", help="Also conversations, names and other context, not only OT")
    ] = False,
) -> None:
    """Decode a capture into messages, one for each PDU."""
    from console.commands.kernels import compile_kernels
    from console.commands.output import fail, input_notes, whole_file
    from sensor.capture.errors import CaptureError
    from sensor.capture.source import CaptureFile
    from sensor.protocols.registry import PROTOCOLS

    names = {item.name for item in PROTOCOLS.values()}
    unknown = sorted(set(protocol or ()) - names)
    if unknown:
        fail(f"--protocol: {unknown[0]!r} is not one of {', '.join(sorted(names))}", 2)
    if format is Format.parquet and out is None:
        fail("--format parquet needs --out FILE", 2)
    wanted = set(protocol or ()) or {item.name for item in PROTOCOLS.values() if item.ot or all_protocols}
    try:
        source = CaptureFile(capture)
    except CaptureError as error:
        fail(str(error), 1)
    compile_kernels()
    problem: list[str] = []
    documents = _documents(source, wanted, problem)
    if format is Format.parquet:
        from console.commands.parquet import write_parquet

        assert out is not None
        with whole_file(out, "wb") as target:
            write_parquet(documents, target)
    elif out is None:
        _write(documents, format, sys.stdout)
    else:
        with whole_file(out, "w") as target:
            _write(documents, format, target)
    for note in input_notes(source):
        typer.echo(f"fieldwatch: {note}", err=True)
    if problem:
        fail(problem[0], 1)


def _documents(source: CaptureFile, wanted: set[str], problem: list[str]) -> Iterator[dict[str, Any]]:
    """The wanted messages; damage to the capture ends them and is written to `problem`."""
    from sensor.capture.errors import CaptureError
    from sensor.documents import MessageWriter
    from sensor.pipeline import Pipeline

    pipeline = Pipeline(want_details=True)
    writer = MessageWriter(pipeline.out, pipeline.wire.endpoints)
    try:
        for batch in source:
            for buffers in pipeline.feed(batch):
                yield from (
                    item for item in writer.documents(buffers) if item["network"]["protocol"] in wanted
                )
    except CaptureError as error:
        problem.append(str(error))
    for buffers in pipeline.finish():
        yield from (item for item in writer.documents(buffers) if item["network"]["protocol"] in wanted)


def _write(documents: Iterator[dict[str, Any]], format: Format, target: Any) -> None:
    from console.commands.output import fail

    try:
        for item in documents:
            if format is Format.table:
                target.write(_line(item))
            else:
                target.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")
        target.flush()
    except BrokenPipeError:  # `| head` has enough
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        if target is not sys.stdout:
            raise
        fail(f"standard output: cannot be written: {error.strerror}", 1)


def _line(item: dict[str, Any]) -> str:
    def end(side: dict[str, Any]) -> str:
        address = side.get("ip") or side.get("mac") or "?"
        return f"{address}:{side['port']}" if "port" in side else address

    ics = item["ics"]
    about = " ".join(
        str(ics[key]) for key in ("object", "value", "status") if key in ics and ics[key] != "ok"
    )
    return (
        f"{item['frame']:>8} {item['@timestamp'][11:23]} {end(item['source']):>21} > "
        f"{end(item['destination']):<21} {item['network']['protocol']:<12} {ics['kind']:<8} "
        f"{ics['operation']:<16} {ics.get('function', '')} {about}\n"
    )
