"""Runs `fieldwatch decode --all` compiled and as plain Python, and compares what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DECODE = """
import json, sys
from sensor.capture.errors import CaptureError
from sensor.capture.source import CaptureFile
from sensor.documents import MessageWriter
from sensor.pipeline import Pipeline

for path in sys.argv[1:]:
    pipeline = Pipeline(want_details=True)
    writer = MessageWriter(pipeline.out, pipeline.wire.endpoints)
    print(json.dumps({"path": path}))

    def drain(drains):
        for buffers in drains:
            for item in writer.documents(buffers):
                print(json.dumps(item))

    try:
        for batch in CaptureFile(path):
            drain(pipeline.feed(batch))
    except CaptureError as error:
        print(json.dumps({"error": str(error)}))
    drain(pipeline.finish())
    print(json.dumps({"losses": pipeline.losses, "understood": pipeline.understood}))
    print(json.dumps({"faults": pipeline.faults.first}))
"""


def decoded(captures: Sequence[Path], interpreted: bool) -> list[str]:
    """The messages of the captures as JSON lines, with losses and faults, from a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("NUMBA_DISABLE_JIT", None)
    if interpreted:
        environment["NUMBA_DISABLE_JIT"] = "1"
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", DECODE, *map(str, captures)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return done.stdout.splitlines()


def differences(captures: Sequence[Path]) -> list[str]:
    """The first line in which the two differ, for each capture where they do."""
    compiled, interpreted = decoded(captures, False), decoded(captures, True)
    found: list[str] = []
    path = ""
    for one, other in zip(compiled, interpreted, strict=False):
        if one.startswith('{"path"'):
            path = one
        if one != other:
            found.append(f"{path}\n  compiled:    {one}\n  interpreted: {other}")
            break
    if not found and len(compiled) != len(interpreted):
        found.append(f"{len(compiled)} lines compiled, {len(interpreted)} interpreted")
    return found
