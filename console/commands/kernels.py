"""Compiles the sensor's kernels at the first run of a version, and says so."""

from __future__ import annotations

import sys


def compile_kernels() -> None:
    """Compile what is not compiled yet; returns at once at every later run."""
    from sensor.ahead import compile_all, is_compiled

    if is_compiled():
        return
    terminal = sys.stderr.isatty()

    def report(done: int, total: int) -> None:
        if terminal:
            sys.stderr.write(f"\rFirst run: compiling for this machine, {done} of {total} parts ")
            sys.stderr.flush()

    if not terminal:
        sys.stderr.write("First run: compiling for this machine\n")
    try:
        compile_all(report)
    except OSError as error:
        sys.stderr.write(f"The cache of compiled kernels cannot be written ({error}): set FIELDWATCH_CACHE\n")
    if terminal:
        sys.stderr.write("\r\x1b[K")
