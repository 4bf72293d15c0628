from __future__ import annotations

import pytest

from rules.attack import UnknownTechnique, attack_table, technique


def test_the_table_holds_every_tactic_and_technique_of_its_version() -> None:
    table = attack_table()
    # MITRE's own figures for ATT&CK for ICS 18.1.
    assert (table.version, len(table.tactics), len(table.distinct())) == ("18.1", 12, 83)
    slugs = {slug for _, slug in table.tactics.values()}
    assert all(set(entry.tactics) <= slugs and entry.tactics for entry in table.distinct())


def test_new_and_classic_ids_find_the_same_technique() -> None:
    by_classic = technique("T0855")
    assert by_classic == technique("T1692.001") == technique("attack.t0855") == technique("attack.t1692.001")
    assert by_classic.ids == ("T1692.001", "T0855")
    assert by_classic.names == ("Unauthorized Message: Command Message", "Unauthorized Command Message")
    assert technique("T0858").ids == ("T0858",)


@pytest.mark.parametrize(
    ("identifier", "says"),
    [("T0875", "withdrawn"), ("T08555", "did you mean T0855"), ("", "not a technique")],
)
def test_an_unknown_id_says_what_is_wrong(identifier: str, says: str) -> None:
    with pytest.raises(UnknownTechnique, match=says):
        technique(identifier)
