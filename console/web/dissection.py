"""What Fieldwatch's own decoder reads in an alert's packets.

It runs in a process of its own, `python -m console.web.dissection`, pcap in and JSON Lines out: hostile
packets never meet the process that holds sessions, and its memory is given back at once.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from itertools import islice
from typing import Any

TIMEOUT_SECONDS = 90
"""Long enough for a machine that has to compile the kernels first."""
MOST_MESSAGES = 300
MOST_KEPT = 64

_turn = threading.Lock()
_kept: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()


class NotDissected(Exception):
    """The decoder did not finish; the message says why."""


def dissect(pcap: bytes, timeout_seconds: float = TIMEOUT_SECONDS) -> list[dict[str, Any]]:
    """The messages in `pcap`, as `fieldwatch decode` writes them, at most MOST_MESSAGES; one run at once."""
    key = hashlib.sha256(pcap).hexdigest()
    with _turn:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        found = _run(pcap, timeout_seconds)
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
        return found


def _run(pcap: bytes, timeout_seconds: float) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "console.web.dissection"]
    try:
        done = subprocess.run(command, input=pcap, capture_output=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired:
        raise NotDissected(f"the decoder took longer than {timeout_seconds} seconds; try again") from None
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NotDissected(last[0] if last else f"the decoder ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Decode a capture from standard input to JSON Lines on standard output."""
    from sensor.capture.errors import CaptureError
    from sensor.capture.source import CaptureFile
    from sensor.documents import MessageWriter
    from sensor.pipeline import Pipeline
    from sensor.protocols.registry import PROTOCOLS

    pipeline = Pipeline(want_details=True)
    writer = MessageWriter(pipeline.out, pipeline.wire.endpoints)
    industrial = {protocol.name for protocol in PROTOCOLS.values() if protocol.ot}
    found: list[dict[str, Any]] = []

    def take(buffers: Any) -> None:
        # The documents of a batch are made one by one: what is over the bound costs nothing to drop.
        found.extend(islice(writer.documents(buffers), MOST_MESSAGES - len(found)))

    try:
        for batch in CaptureFile("-"):
            for buffers in pipeline.feed(batch):
                take(buffers)
    except CaptureError as error:
        # What stands before the damage has been read: a cut slice is still worth showing.
        if not found:
            sys.exit(str(error))
    for buffers in pipeline.finish():
        take(buffers)
    # Connections and name look-ups are told only where nothing industrial is said.
    spoken = [document for document in found if document["network"]["protocol"] in industrial]
    for document in spoken or found:
        print(json.dumps(document, ensure_ascii=False))


if __name__ == "__main__":
    main()
