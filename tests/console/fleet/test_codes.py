"""Enrolment codes survive being read out, typed and pasted; nothing else passes for one."""

from __future__ import annotations

import pytest

from console.fleet.codes import hash_of, new_code


def test_a_code_is_known_by_its_hash_however_it_is_typed() -> None:
    code, stored = new_code("ab" * 32)
    assert len(code) == len("FW1-") + 24 + 1 + 32
    assert code.endswith("-" + "ab" * 16)
    for typed in (code, code.lower(), f"  {code}\n", code[:9] + " " + code[9:]):
        assert hash_of(typed) == stored
    assert hash_of(code.rpartition("-")[0]) == stored, "the fingerprint is for the sensor, not for the hash"


def test_without_a_certificate_the_code_ends_after_the_secret() -> None:
    code, stored = new_code(None)
    assert code.count("-") == 1
    assert hash_of(code) == stored


def test_no_two_codes_are_alike() -> None:
    assert len({new_code(None)[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text", ["", "FW1-", "FW2-" + "A" * 24, "FW1-" + "A" * 23, "FW1-" + "1" * 24, "x" * 200]
)
def test_what_is_no_code_has_no_hash(text: str) -> None:
    assert hash_of(text) is None
