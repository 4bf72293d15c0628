"""Compiles all kernels ahead of their first use, on all cores, and keeps the cache from growing.

Kernels compile by themselves when they are first called, one after the other on one core. The
first run of a new version would be slow that way: `compile_all` shares the work out to a process
for each core. `python -m sensor.ahead` does the same when an image or an appliance is built.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from llvmlite import binding  # type: ignore[import-untyped]

from sensor.kernel import SOURCES, cache_folder, cache_home, can_compile_ahead, source_digest

try:
    import fcntl
except ImportError:  # Windows: two processes may then compile the same, to the same end
    fcntl = None  # type: ignore[assignment]

CACHES_KEPT = 120
"""Folders of compiled kernels that are kept of other versions; one version of Fieldwatch has some 30."""
CORES = 4
"""More processes gain nothing: the largest kernel alone takes a fifth of the time."""
POLL_SECONDS = 0.1


def is_compiled() -> bool:
    """Whether all kernels of this version are in the cache, as far as `compile_all` has seen to it."""
    return not can_compile_ahead() or _marker().exists()


def compile_all(report: Callable[[int, int], None] | None = None) -> None:
    """Have every kernel that Python calls compiled in the cache; OSError where that cannot be written.

    `report` is called with how many of how many parts are done, several times a second. Of several
    processes that ask for it at once, one does it and the others wait for that.
    """
    if is_compiled():
        return
    cache_home().mkdir(parents=True, exist_ok=True)
    with _alone():
        if not is_compiled():
            _compile_all(report)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the cache, where the system has locks that end with their process."""
    with (cache_home() / "lock").open("wb") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compile_all(report: Callable[[int, int], None] | None) -> None:
    claims = cache_home() / f"compiling-{os.getpid()}"
    shutil.rmtree(claims, ignore_errors=True)
    claims.mkdir()
    count = max(1, min(CORES, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))
    command = [sys.executable, "-P", "-m", "sensor.ahead", str(claims)]  # -P: nothing from this folder
    try:
        workers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]
        try:
            while any(worker.poll() is None for worker in workers):
                if report is not None:
                    report(len(list(claims.glob("*.done"))), len(PARTS))
                time.sleep(POLL_SECONDS)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        if all((claims / f"{name}.done").exists() for name in PARTS):
            _marker().touch()
            _prune()
    finally:
        shutil.rmtree(claims, ignore_errors=True)


def _marker() -> Path:
    """The file that says that kernels are compiled: for these sources, this Numba, this processor.

    Numba finds a compiled kernel again for a source at the same path and of the same age only.
    """
    import numba

    parts = (
        *((str(path), path.stat().st_mtime_ns) for path in _sources()),
        source_digest("sensor.observer"),
        source_digest("sensor.capture.source"),
        source_digest("sensor.capture.writing"),
        source_digest("sensor.capture.ring.blocks"),
        numba.__version__,
        sys.version,
        binding.get_host_cpu_name(),
        hashlib.sha256(binding.get_host_cpu_features().flatten().encode()).hexdigest(),
    )
    return cache_home() / f"complete-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"


def _sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.py"))


def _prune() -> None:
    """Remove the oldest compiled kernels of other versions: each change of a source makes new ones."""
    used = {cache_folder(_module(path)) for path in _sources()}
    others = [path for path in cache_home().glob("kernels-*") if path not in used]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in others[CACHES_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
    # What a marker promises may have been removed.
    for marker in cache_home().glob("complete-*"):
        if marker != _marker():
            marker.unlink(missing_ok=True)


def _module(source: Path) -> str:
    parts = source.relative_to(SOURCES.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _take(claims: Path) -> None:
    """Work on the parts that no other process has claimed."""
    for name, compile_part in PARTS.items():
        try:
            (claims / name).touch(exist_ok=False)
        except FileExistsError:
            continue
        compile_part()
        (claims / f"{name}.done").touch()


# Kernels are compiled by being called on nothing, with arguments of the types that they get at work.


class _Decoders:
    """Compiles the decode kernels of these modules."""

    def __init__(self, *modules: str) -> None:
        self.modules = modules

    def __call__(self) -> None:
        from sensor.messages import Buffers
        from sensor.pipeline import Pipeline
        from sensor.protocols.registry import MODULES

        pipeline = Pipeline()
        octets = np.zeros(1, np.uint8)
        buffers = Buffers(octets, octets, octets)
        nothing, cursor = np.zeros(0, np.int64), np.zeros(1, np.int64)
        for module in MODULES:
            if module.__name__.rpartition(".")[2] in self.modules:
                state = module.new_state()
                module.decode(buffers, pipeline.wire.frames[:0], nothing, cursor, state, pipeline.out)


def _streams() -> None:
    from sensor.pipeline import Pipeline
    from sensor.wire import follow, packet

    wire = Pipeline().wire
    packets = np.zeros(0, packet.PACKET)
    follow.follow(wire, np.zeros(1, np.uint8), packets, 0, np.zeros(2, np.int64))
    follow.finish(wire, np.array([len(wire.streams.rows), 0], np.int64))
    follow.evict(wire, 0)
    follow.relieve(wire, 0)


def _packets() -> None:
    from sensor.capture import pcap, pcapng
    from sensor.capture.batch import RECORD
    from sensor.capture.ring.blocks import Blocks
    from sensor.capture.writing import put_pcap_records
    from sensor.messages import is_full, new_out
    from sensor.wire import dissection, packet

    octets, records, cursor = np.zeros(1, np.uint8), np.zeros(0, RECORD), np.zeros(4, np.int64)
    pcap.walk(octets, 0, True, 1, 1, records, cursor)
    pcapng.walk(octets, 0, True, np.zeros(1, pcapng.INTERFACE_ROW), 0, records, cursor)
    Blocks(np.zeros(1 << 12, np.uint8), 0, 1 << 10, 4).walk(0, 1, 0, False)
    put_pcap_records(octets, records, 0, octets, 0)
    packets, fill = np.zeros(0, packet.PACKET), np.zeros(1, np.int64)
    dissection.dissect(octets, records, 1, cursor, packets, packet.new_dissector(), octets, fill)
    is_full(new_out())


def _behaviours() -> None:
    from sensor import behaviours, novelty, selecting
    from sensor.capture.batch import RECORD, PacketBatch
    from sensor.epochs import Epochs
    from sensor.messages import MESSAGE, Buffers, new_out

    table = behaviours.new_behaviours(2)
    nothing, cursor = np.zeros(0, np.int64), np.zeros(3, np.int64)
    messages = np.zeros(0, MESSAGE)
    behaviours.count(table, messages, 0, cursor, nothing, nothing)
    behaviours.make_room(table)
    behaviours.tally(messages, np.zeros(1, np.int64)[0], 0, nothing, nothing)
    selecting.mark(selecting.new_selections(4), messages, np.zeros(1, np.int64)[0])
    octets = np.zeros(1, np.uint8)
    novelty.pick(novelty.new_seen(2), new_out(), Buffers(octets, octets, octets), nothing)
    epochs = Epochs()
    for first in (1, 2):  # whether an epoch is over is asked from the second batch on
        list(epochs.parts(PacketBatch(octets, np.zeros(1, RECORD), first)))


def _rhythms() -> None:
    from sensor.messages import MESSAGE
    from sensor.rhythm import measure, table

    rhythms = table.new_rhythms(2)
    measure.measure(rhythms, np.zeros(0, MESSAGE), 0, np.zeros(1, np.int64))
    table.make_room(rhythms)


def _points() -> None:
    from sensor.messages import new_out
    from sensor.points import table, taking

    points, out = table.new_points(2), new_out(values=1)
    taking.gather(points, out)
    taking.take(points, out.messages, 0, 0, True)
    table.make_room(points)


PARTS: dict[str, Callable[[], None]] = {
    "enip": _Decoders("enip"),
    "streams": _streams,
    "dnp3": _Decoders("dnp3"),
    "s7comm": _Decoders("s7comm"),
    "names": _Decoders("dns", "mdns", "nbns"),
    "iec104": _Decoders("iec104"),
    "modbus": _Decoders("modbus"),
    "dhcp": _Decoders("dhcp", "ntp"),
    "lldp": _Decoders("lldp", "icmp", "arp"),
    "packets": _packets,
    "behaviours": _behaviours,
    "rhythms": _rhythms,
    "points": _points,
    "transport": _Decoders("transport"),
}
"""What is compiled together because it shares kernels; the largest first, so that cores end together."""


def load_all() -> None:
    """Have every kernel ready in this process, so that no packet waits while one is loaded.

    Takes a second or two where they are in the cache. To be called before live capture begins: a
    protocol that is first met at full load would cost packets otherwise.
    """
    for part in PARTS.values():
        part()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _take(Path(sys.argv[1]))
    else:
        compile_all()
