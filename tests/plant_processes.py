"""Processes whose values are known because they are made here: what a sensor would see of a plant.

Each gives values one second apart. Seeds are fixed, so that a run says the same every time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def controlled(
    seconds: int, seed: int, set_point: float = 50.0, deviation: float = 1.0, memory: float = 0.9
) -> Values:
    """AR(1) around a set-point: a controlled temperature or pressure, read as a whole number of tenths."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, deviation * np.sqrt(1 - memory**2), seconds)
    values = np.empty(seconds)
    state = 0.0
    for index in range(seconds):
        state = memory * state + noise[index]
        values[index] = state
    return np.round(set_point + values, 1)


def batches(seconds: int, seed: int, period: int = 120, low: float = 5.0, high: float = 95.0) -> Values:
    """A vessel that is filled, held, and emptied again and again."""
    generator = np.random.default_rng(seed)
    phase = np.arange(seconds) % period / period
    shape = np.interp(phase, [0, 0.4, 0.6, 1.0], [low, high, high, low])
    return np.round(shape + generator.normal(0, 0.3, seconds), 1)


def counter(seconds: int, seed: int, bits: int = 16, most: int = 40) -> Values:
    """Pieces or kilowatt-hours: steps of 0 to `most`, and over the end of so many bits."""
    steps = np.random.default_rng(seed).integers(0, most, seconds)
    return (np.cumsum(steps) + 60_000 % (1 << bits)) % (1 << bits) * 1.0


def valve(seconds: int, seed: int) -> Values:
    """A valve driven by pulse width: open and closed in a period of ten seconds."""
    width = 3 + np.random.default_rng(seed).integers(0, 5, seconds // 10 + 1)
    return np.array([float(second % 10 < width[second // 10]) for second in range(seconds)])


def modes(seconds: int, seed: int, codes: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)) -> Values:
    """A machine that goes from mode to mode every 5 to 25 seconds."""
    generator = np.random.default_rng(seed)
    values: list[float] = []
    mode = 0
    while len(values) < seconds:
        mode = (mode + int(generator.integers(1, len(codes)))) % len(codes)
        values += [codes[mode]] * int(generator.integers(5, 26))
    return np.array(values[:seconds])


def drifting(seconds: int, seed: int, per_hour: float, deviation: float = 1.0) -> Values:
    """A controlled value whose rest moves on slowly, such as water that warms over the day."""
    return controlled(seconds, seed, deviation=deviation) + per_hour / 3600 * np.arange(seconds)
