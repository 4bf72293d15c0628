"""What tests share: decode PDUs without packets, and the public captures where they are present."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sensor.ahead import compile_all
from sensor.details import details_of
from sensor.messages import FRAME, MESSAGES, Buffers, Out, new_out, new_scratch

PUBLIC_CAPTURES = Path(__file__).parents[2] / "shared" / "pcaps"


def pytest_configure(config: pytest.Config) -> None:
    """Compile the kernels once, on all cores, before any test takes time or starts a sensor that would."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        compile_all()


class Decoded:
    """The message rows of a decoded conversation and, for each, its details by field name."""

    def __init__(self, out: Out, buffers: Buffers) -> None:
        self.out = out
        self.rows = out.messages[: out.used[MESSAGES]]
        self.details: list[dict[str, Any]] = details_of(out, buffers)


def decode_pdus(
    module: ModuleType, pdus: Iterable[tuple[int, bytes]], padding: bytes = b"\xa5" * 16, **frame: int
) -> Decoded:
    """Decode (direction, PDU) pairs of one stream with `module`'s kernel, one packet each.

    `padding` surrounds every PDU in the buffer: results must not depend on it.
    """
    pdus = list(pdus)
    frames = np.zeros(len(pdus), FRAME)
    octets = bytearray(padding)
    for index, (direction, pdu) in enumerate(pdus):
        row = frames[index]
        row["time_ns"], row["packet"] = index * 1_000_000, index + 1
        row["client"], row["server"], row["client_port"], row["server_port"] = 1, 2, 50000, 502
        row["transport"], row["direction"] = 6, direction
        row["offset"], row["length"] = len(octets), len(pdu)
        for name, value in frame.items():
            row[name] = value
        octets += pdu + padding
    buffers = Buffers(np.frombuffer(octets, np.uint8), np.zeros(1, np.uint8), new_scratch())
    out = new_out(want_details=True)
    cursor = np.zeros(1, np.int64)
    module.decode(buffers, frames, np.arange(len(pdus)), cursor, module.new_state(), out)
    assert cursor[0] == len(pdus)
    return Decoded(out, buffers)


@pytest.fixture(scope="session")
def public_captures() -> Path:
    """The folder of public captures; skips the test where it is absent."""
    if not PUBLIC_CAPTURES.is_dir():
        pytest.skip("the folder of public captures is absent")
    return PUBLIC_CAPTURES
