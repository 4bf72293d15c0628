"""Fuzzes the sensor with mutated public captures: `make fuzz`.

Exits with 1, and says which case to repeat, if anything raised, a kernel failed, or a message
depended on octets outside its packet. Needs the folder of public captures.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from pathlib import Path

from bench.mix import PUBLIC_CAPTURES, ics_captures

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from fuzzing import SECONDS_A_CASE, fuzz


def resident_mib() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> int:
    """Run, print the figures, and say whether all was well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutations", type=int, default=200_000, help="packets and files to mutate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this case of the seed")
    parser.add_argument("--captures", type=Path, default=PUBLIC_CAPTURES, help="folder with pcap files")
    options = parser.parse_args()
    captures = sorted(path for path in options.captures.rglob("*.pcap*") if path.is_file())
    if (options.captures / "catalogue.tsv").exists():
        captures += 2 * ics_captures(options.captures)
    random.Random(options.seed).shuffle(captures)
    if options.case is None:
        fuzz(captures, options.seed, 2000)  # compile, and fill what is filled once
    before, begun = resident_mib(), time.perf_counter()
    tally = fuzz(captures, options.seed, options.mutations, options.case, SECONDS_A_CASE)
    seconds = time.perf_counter() - begun
    for problem in tally.problems[:50]:
        print(problem)
    print(
        f"seed {options.seed}: {tally.cases} cases, {tally.packets} mutated packets, "
        f"{tally.files} mutated files"
    )
    print(
        f"{tally.documents} messages in {seconds:.0f} s; "
        f"resident {before:.0f} MiB, then {resident_mib():.0f} MiB"
    )
    print(", ".join(f"{name} {count}" for name, count in tally.operators.most_common()))
    print(f"{len(tally.problems)} problems")
    return 1 if tally.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
