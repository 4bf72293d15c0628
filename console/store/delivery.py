"""Handing a finished run's documents to a store, in batches that are stored once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice

from console.store.interface import Store
from console.store.records import Envelope, IngestReceipt

BATCH = 5_000
"""Documents in one transaction."""
_ORDER = ("asset", "behaviour", "summary", "health", "alert")


def deliver(store: Store, sensor: str, documents: Iterable[Envelope]) -> IngestReceipt:
    """Store a run's documents; the receipt sums up what was new, nothing where all was stored before.

    A batch's sequence is the digest of its content, so delivering the same run again changes nothing.
    Assets go first, so that alerts find them.
    """
    ordered = sorted(documents, key=lambda envelope: _ORDER.index(envelope.type))
    receipts = [store.ingest(sensor, sequence_of(batch), batch) for batch in _batches(ordered)]
    sums = {
        field.name: sum(getattr(receipt, field.name) for receipt in receipts if not receipt.duplicate)
        for field in fields(IngestReceipt)
        if field.name not in ("sensor", "sequence", "duplicate")
    }
    return IngestReceipt(
        sensor=sensor,
        sequence=sequence_of(ordered),
        duplicate=all(receipt.duplicate for receipt in receipts),
        **sums,
    )


def sequence_of(documents: Iterable[Envelope]) -> str:
    """The digest of a batch's content."""
    digest = hashlib.sha256()
    for envelope in documents:
        digest.update(envelope.type.encode())
        digest.update(json.dumps(envelope.body, sort_keys=True).encode())
    return f"sha256:{digest.hexdigest()}"


def _batches(documents: list[Envelope]) -> Iterator[list[Envelope]]:
    rest = iter(documents)
    while batch := list(islice(rest, BATCH)):
        yield batch
