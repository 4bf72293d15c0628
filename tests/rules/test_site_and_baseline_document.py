"""The examples in docs/site-and-baseline.md are what the code reads."""

from __future__ import annotations

import re
from pathlib import Path

from rules.baseline.learning import MOST_ASSETS, MOST_CONVERSATIONS, MOST_RANGES
from rules.baseline.model import DANGEROUS
from rules.baseline.reading import baseline_of_text
from rules.baseline.values.bands import (
    FEWEST_LOOKS,
    FEWEST_LOOKS_OF_SET_POINT,
    FEWEST_SAME,
    FEWEST_SAMPLES,
    margin_share,
)
from rules.baseline.values.learning import MOST_POINTS
from rules.baseline.values.point import ValueKind
from rules.site.reading import site_of_text

DOCUMENT = Path(__file__).parents[2] / "docs" / "site-and-baseline.md"
TEXT = DOCUMENT.read_text("utf-8")


def test_examples_are_read() -> None:
    site, baseline = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    read = site_of_text(site, DOCUMENT)
    assert read.zone_name("10.0.1.10") == "control"
    assert [read.names_all(zone) for zone in (*read.zones, None)] == [True, False, False, False]
    known = baseline_of_text(baseline, DOCUMENT)
    assert len(known.withheld) == len(known.decisions) == 1
    assert len(known.values) == 2
    for seen in known.values.values():
        assert f"`{seen.kind.value}`" in TEXT


def test_values_are_documented_as_they_are_held() -> None:
    for looks, share in ((4, "0.91"), (10, "0.54"), (100, "0.27")):
        assert f"{margin_share(looks):.2f}" == share
        assert share in TEXT
    assert all(f"| `{kind.value}` |" in TEXT for kind in ValueKind)
    text = f"{FEWEST_SAMPLES} samples and {FEWEST_LOOKS} looks"
    assert text in TEXT
    plain = " ".join(TEXT.split())
    assert f"a set-point one write or {FEWEST_SAME} readings" in plain
    words = {4: "three"}
    assert f"moved fewer than {words[FEWEST_LOOKS_OF_SET_POINT]} times is held against half its size" in plain


def test_numbers_and_names_are_those_of_the_code() -> None:
    for number in (MOST_ASSETS, MOST_CONVERSATIONS, MOST_RANGES, MOST_POINTS):
        assert f"{number:,}" in TEXT
    (listed,) = re.findall(r"\*\*Dangerous operations are not learned\*\*: (.*?)\.", TEXT)
    assert set(listed.split(", ")) == {item.name.lower().replace("_", " ") for item in DANGEROUS}
