"""The plants that are quiet for long: what a baseline is learned from, and false alerts are counted on."""

from __future__ import annotations

import importlib

from lab.case import Case

LONG = 34 * 60
_TEXTS = {
    "waterworks": ("A water works and its operators at work; the historian loses its network once.", 61),
    "heating": ("District heating at work: slow polls, units behind a gateway, IPv6, bad cables.", 62),
    "bottling": ("A bottling line at work: recipes, comparisons of programs, a supervision station.", 63),
    "grid": ("A distribution grid at work: two stations on IEC 104, two on DNP3, their masters.", 64),
    "batch": ("A batch cell at work: recipes, tags, I/O adapters.", 65),
}


def cases(names: tuple[str, ...] = tuple(_TEXTS)) -> list[Case]:
    """The long quiet captures of these plants."""
    found = []
    for name in names:
        text, seed = _TEXTS[name]
        plant = importlib.import_module(f"plants.{name}")
        found.append(Case(f"score/{name}/quiet.pcapng.zst", text, plant, LONG, LONG, seed))
    return found
