"""Every cause of loss has a meaning that a person can read."""

from __future__ import annotations

from rules.analysis import Analysis
from sensor.losses import MEANINGS


def test_every_cause_is_explained_and_every_explanation_is_a_cause() -> None:
    assert set(Analysis([]).losses) == set(MEANINGS)
