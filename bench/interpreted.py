"""Compares compiled kernels with plain Python on every small public capture: `make interpreted`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from bench.mix import PUBLIC_CAPTURES

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from interpretation import differences

from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile


def packets_in(path: Path) -> int:
    """How many packets a capture holds, up to damage."""
    try:
        capture = CaptureFile(path)
        for _ in capture:
            pass
    except CaptureError:
        return 0
    return capture.packets


def main() -> int:
    """Compare, and say where the two differ first in each group of captures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=2000, help="captures with fewer packets are compared")
    parser.add_argument("--captures", type=Path, default=PUBLIC_CAPTURES, help="folder with pcap files")
    options = parser.parse_args()
    found = sorted(path for path in options.captures.rglob("*.pcap*") if path.is_file())
    sizes = {path: packets_in(path) for path in found}
    chosen = [path for path in found if 0 < sizes[path] < options.packets]
    begun = time.perf_counter()
    problems = []
    for first in range(0, len(chosen), 20):
        problems += differences(chosen[first : first + 20])
    for problem in problems:
        print(problem)
    total = sum(sizes[path] for path in chosen)
    print(f"{len(chosen)} captures, {total} packets, {time.perf_counter() - begun:.0f} s")
    print(f"{len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
