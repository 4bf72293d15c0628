"""Redirects stay on this console, notices come only from it, times and amounts read well."""

from __future__ import annotations

import pytest

from console.store.times import now, to_text
from console.web import wording
from console.web.rendering import environment, safe_next
from console.web.vocabulary import word


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "", "alerts", "/a\r\nb: c"]
)
def test_redirects_lead_nowhere_else(target: str) -> None:
    assert safe_next(target) == "/"


@pytest.mark.parametrize("target", ["/", "/alerts?status=all&q=%E6%B3%B5", "/assets/a-1#facts"])
def test_own_addresses_are_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "cookie", ["", "kind=unknown", "kind=closed&values=[1]", "kind=closed&values={", "kind=closed&values={}"]
)
def test_a_foreign_notice_cookie_shows_nothing(cookie: str) -> None:
    assert wording.notice("en", cookie) is None


def test_relative_times_use_the_largest_unit_and_the_right_number() -> None:
    assert wording.span("en", 1) == "1 second"
    assert wording.span("en", 119) == "1 minute"
    assert wording.span("en", 7200) == "2 hours"
    assert wording.span("zh", 3 * 86400) == "3 天"
    assert "just now" in wording.ago("en", to_text(now()))


def test_long_ago_is_a_date() -> None:
    assert ">2014-08-20</time>" in wording.ago("en", "2014-08-20T10:00:03.969906000Z")


@pytest.mark.parametrize("path", ["/srv/plant a.pcap", "C:\\captures\\plant a.pcap", "plant a.pcap"])
def test_a_capture_is_called_by_its_last_part(path: str) -> None:
    assert wording.filename(path) == "plant a.pcap"


def test_a_zone_with_a_network_is_translated_by_its_word() -> None:
    assert word("zh", "zone", "control 10.20.1.0/24") == "控制区 10.20.1.0/24"
    assert word("zh", "zone", "filter hall 2") == "filter hall 2"


def test_a_sentence_falls_back_to_the_other_language() -> None:
    assert wording.sentence("zh", {"message": "stopped"}) == "stopped"
    assert wording.sentence("zh", {"message": "stopped", "message_zh": "停止"}) == "停止"
    assert wording.sentence("en", {"rule": {"title": "Stop"}}) == "Stop"


def test_hidden_characters_are_written_out_and_nothing_else_is() -> None:
    made = environment("en").from_string("{{ name }}|{{ name | e }}")
    assert made.render(name="PLC\u202e1\u0000") == "PLC‹U+202E›1‹U+0000›|PLC\u202e1\u0000"
    for plain in ("泵 1\n\t", "مضخة", "a\u0301", "\U0001f4a7", 7, None):
        assert wording.visible(plain) == plain


def test_values_read_as_in_the_sentences_of_alerts() -> None:
    assert wording.readable([60.0, 0.25, True, "x", {"a": 1.0}]) == "60, 0.25, True, x, a 1"
    assert wording.readable(1e300) == "1e+300"


def test_amounts_and_sizes() -> None:
    assert wording.amount(1234567) == "1\u2009234\u2009567"
    assert [wording.octets(size) for size in (0, 1023, 1024, 5 * 2**30)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 GiB",
    ]
