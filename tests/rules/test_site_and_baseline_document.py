"""The examples in docs/site-and-baseline.md are what the code reads."""

from __future__ import annotations

import re
from pathlib import Path

from rules.baseline.learning import MOST_ASSETS, MOST_CONVERSATIONS, MOST_RANGES
from rules.baseline.model import DANGEROUS
from rules.baseline.reading import baseline_of_text
from rules.site.reading import site_of_text

DOCUMENT = Path(__file__).parents[2] / "docs" / "site-and-baseline.md"
TEXT = DOCUMENT.read_text("utf-8")


def test_examples_are_read() -> None:
    site, baseline = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert site_of_text(site, DOCUMENT).zone_name("10.0.1.10") == "control"
    assert len(baseline_of_text(baseline, DOCUMENT).withheld) == 1


def test_numbers_and_names_are_those_of_the_code() -> None:
    for number in (MOST_ASSETS, MOST_CONVERSATIONS, MOST_RANGES):
        assert f"{number:,}" in TEXT
    (listed,) = re.findall(r"\*\*Dangerous operations are not learned\*\*: (.*?)\.", TEXT)
    assert set(listed.split(", ")) == {item.name.lower().replace("_", " ") for item in DANGEROUS}
