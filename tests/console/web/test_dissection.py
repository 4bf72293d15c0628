"""The decoder in its own process reads what the packets were made to say, and fails with a reason."""

from __future__ import annotations

import pytest
from e2e import plant

from console.store.times import now
from console.web.dissection import NotDissected, dissect

COLD = 600
"""Seconds a machine may take that compiles the kernels for the first time."""


def test_the_stop_of_the_scenario_is_read_as_a_stop() -> None:
    stops = [
        message
        for message in dissect(plant.stop_packets(now()), COLD)
        if message["ics"]["operation"] == "stop"
    ]
    assert [(message["frame"], message["ics"]["kind"]) for message in stops] == [
        (1, "request"),
        (2, "response"),
    ]
    assert stops[0]["network"]["protocol"] == "s7comm"
    assert stops[0]["source"]["ip"] == plant.STATION.ip


def test_what_is_no_capture_is_refused_with_a_reason() -> None:
    with pytest.raises(NotDissected, match="not a capture"):
        dissect(b"no capture at all")
