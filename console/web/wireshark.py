"""Wireshark's own dissection of an alert's packets, where tshark and pyshark are installed.

Dissectors meet hostile packets: they run in processes of their own, `python -m console.web.wireshark` and
the tshark it starts, with limits on time, memory, files and processor, pcap in and JSON out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from console.web.dissection import NotDissected

TIMEOUT_SECONDS = 30
MEMORY_BYTES = 2 << 30
"""Address space of each process: tshark maps some 600 MiB before it reads anything."""
PROCESSOR_SECONDS = 20
OUTPUT_BYTES = 4 << 20
MOST_PACKETS = 40
MOST_FIELDS = 400
"""Lines of one packet."""
MOST_KEPT = 32

_turn = threading.Lock()
_kept: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()


@cache
def available() -> bool:
    """Whether there is a tshark and pyshark to run it."""
    return shutil.which("tshark") is not None and find_spec("pyshark") is not None


def dissect(
    pcap: bytes, marked: Sequence[int] = (), timeout_seconds: float = TIMEOUT_SECONDS
) -> list[dict[str, Any]]:
    """Packets as {number, summary, layers: [{name, lines: [text]}]}, at most MOST_PACKETS; one run at once.

    Where `marked` names packets of the alert itself, those and not the first ones of the file are shown.
    Raises NotDissected.
    """
    key = hashlib.sha256(pcap + repr(sorted(marked)).encode()).hexdigest()
    with _turn:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        found = _run(pcap, marked, timeout_seconds)
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
        return found


def _limit() -> None:
    """Bound this process and those it starts, before anything hostile is read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES * 8, OUTPUT_BYTES * 8))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(pcap: bytes, marked: Sequence[int], timeout_seconds: float) -> list[dict[str, Any]]:
    if not available():
        raise NotDissected("tshark or pyshark is not installed")
    with tempfile.TemporaryDirectory(prefix="fieldwatch-dissect-") as folder:
        capture, output = Path(folder) / "packets.pcap", Path(folder) / "packets.json"
        capture.write_bytes(pcap)
        numbers = sorted(set(marked))[:MOST_PACKETS]
        command = [sys.executable, "-m", "console.web.wireshark", str(capture), ",".join(map(str, numbers))]
        # Neither this console's settings nor its secrets are the dissectors' business.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8"}
        with (
            output.open("wb") as sink,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            ) as process,
        ):
            try:
                said = process.communicate(timeout=timeout_seconds)[1]
            except subprocess.TimeoutExpired:
                raise NotDissected(f"Wireshark took longer than {timeout_seconds:g} seconds") from None
            finally:
                _end(process.pid)
        if process.returncode != 0:
            last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise NotDissected((last[0] if last else f"the dissector ended with {process.returncode}")[:300])
        if output.stat().st_size > OUTPUT_BYTES:
            raise NotDissected("the dissection is too large to show")
        return json.loads(output.read_bytes())


def _end(group: int) -> None:
    """End the child and the tshark it may have left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Dissect a capture to JSON on standard output: `FILE NUMBER,NUMBER…`."""
    _limit()
    from pyshark import FileCapture

    path, wanted = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    chosen = f"frame.number in {{{wanted}}}" if wanted else None
    packets: list[dict[str, Any]] = []
    try:
        with FileCapture(
            path, display_filter=chosen, keep_packets=False, custom_parameters=["-n"]
        ) as capture:
            for packet in capture:
                packets.append(_packet(packet))
                if len(packets) >= MOST_PACKETS:
                    break
    except Exception as error:
        # What stands before the damage has been read: a cut slice is still worth showing.
        if not packets:
            print(
                f"Wireshark could not read the packets ({type(error).__name__})", file=sys.stderr, flush=True
            )
            # pyshark complains again when it is taken apart.
            os._exit(1)
    json.dump(packets, sys.stdout)


def _packet(packet: Any) -> dict[str, Any]:
    layers = [{"name": layer.layer_name, "lines": lines_of(layer)} for layer in packet.layers]
    return {"number": int(packet.number), "summary": packet.highest_layer, "layers": layers}


def lines_of(layer: Any) -> list[str]:
    """What Wireshark shows of a layer, one line a field, without what it hides."""
    found: list[str] = []
    for field in layer._get_all_fields_with_alternates():
        if len(found) >= MOST_FIELDS:
            break
        text = field.showname or (f"{field.name}: {field.show}" if field.show else "")
        if text and not field.hide:
            found.append(text[:300])
    return found


if __name__ == "__main__":
    main()
