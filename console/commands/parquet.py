"""Messages as a Parquet file: the common fields as columns, each protocol's own as a JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

ROWS_IN_GROUP = 50_000


def write_parquet(documents: Iterable[dict[str, Any]], target: IO[bytes]) -> None:
    """Write message documents; a missing pyarrow ends the command with what to install."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        from console.commands.output import fail

        fail("--format parquet needs pyarrow: pip install 'fieldwatch[parquet]'", 2)
    text, integer = pa.string(), pa.int64()
    columns = {
        "frame": integer, "@timestamp": text, "source.ip": text, "source.mac": text, "source.port": integer,
        "destination.ip": text, "destination.mac": text, "destination.port": integer,
        "network.protocol": text, "network.transport": text, "network.direction": text,
        "network.vlan.id": text, "ics.operation": text, "ics.kind": text, "ics.function": text,
        "ics.function_code": integer, "ics.subfunction_code": integer, "ics.unit": integer,
        "ics.space": text, "ics.address": integer, "ics.count": integer, "ics.object": text,
        "ics.name": text, "ics.value": pa.float64(), "ics.status": text, "ics.status_code": integer,
        "ics.malformed": pa.bool_(), "ics.request_frame": integer, "ics.latency_ns": integer,
        "ics.objects": text, "details": text,
    }  # fmt: skip
    schema = pa.schema(list(columns.items()))
    stream: Iterator[dict[str, Any]] = iter(documents)
    with pq.ParquetWriter(target, schema) as writer:
        while group := list(islice(stream, ROWS_IN_GROUP)):
            rows = [_row(item, columns) for item in group]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _row(item: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in columns:
        value: Any = item
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        row[name] = value
    if row["ics.objects"] is not None:
        row["ics.objects"] = json.dumps(row["ics.objects"], ensure_ascii=False)
    common = ("frame", "@timestamp", "source", "destination", "network", "ics")
    details = {key: value for key, value in item.items() if key not in common}
    row["details"] = json.dumps(details, ensure_ascii=False) if details else None
    return row
