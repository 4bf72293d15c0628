"""The vectorised engine against Sigma's meaning, spelled out document by document."""

import json
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rule_texts import rule

from rules.documents import table_of
from rules.engine.matching import Engine

NAMES = ["PLC1", "plc2", "HMI", "h*i", "a?b", "ab", "", "ÄB", "x\ny"]
TEXTS = st.sampled_from(
    ["plc*", "PLC1", "*1", "h\\*i", "?b", "*", "a*b", "h?i", "ä*", "*\\?*", "??", "p*c?", "*l*1*"]
)
WORDS = st.sampled_from(["p", "LC", "1", "h", "b", "äb"])
EXPRESSIONS = st.sampled_from(["^P", "[12]$", "h.i"])
NETWORKS = st.sampled_from(["10.0.0.0/16", "10.0.0.0/8", "fd00::/8"])
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "source.name": st.sampled_from([name for name in NAMES if name]),
            "destination.name": st.sampled_from([name for name in NAMES if name]),
            "source.ip": st.sampled_from(["10.0.0.1", "10.1.0.1", "fd00::1", "192.0.2.7"]),
            "ics.address": st.integers(-2, 4),
            "ics.value": st.floats(-2, 4),
            "ics.malformed": st.booleans(),
        },
    ),
    min_size=1,
    max_size=8,
)


def fits(pattern: str, text: str) -> bool:
    """Sigma's wildcards, by way of a regular expression."""
    parts = re.findall(r"\\[*?\\]|.", pattern, re.DOTALL)
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part[-1])) for part in parts)
    return bool(re.fullmatch(expression, text, re.DOTALL | re.IGNORECASE))


def item(
    key: str, wanted: st.SearchStrategy[Any], test: Callable[[Any, Any], bool]
) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(key), wanted, st.just(test))


ITEMS = st.one_of(
    item("source.name", TEXTS, lambda value, wanted: fits(wanted, value)),
    item("source.name|contains", WORDS, lambda value, wanted: wanted.casefold() in value.casefold()),
    item("source.name|endswith", WORDS, lambda value, wanted: value.casefold().endswith(wanted.casefold())),
    item("source.name|startswith|cased", WORDS, lambda value, wanted: value.startswith(wanted)),
    item("source.name|re", EXPRESSIONS, lambda value, wanted: bool(re.search(wanted, value))),
    item("source.ip|cidr", NETWORKS, lambda value, wanted: ip_address(value) in ip_network(wanted)),
    item("ics.address", st.integers(-2, 4), lambda value, wanted: value == wanted),
    item("ics.address|lt", st.integers(-2, 4), lambda value, wanted: value < wanted),
    item("ics.value|gte", st.integers(-2, 4), lambda value, wanted: value >= wanted),
    item("ics.malformed", st.booleans(), lambda value, wanted: value is wanted),
)


@settings(max_examples=300, deadline=None)
@given(
    DOCUMENTS,
    st.lists(ITEMS, min_size=1, max_size=4),
    st.sampled_from(["all of a*", "1 of a*", "not 1 of a*"]),
)
def test_engine_agrees_with_the_meaning(
    documents: list[dict[str, Any]], items: list[Any], condition: str
) -> None:
    identifiers = [
        f"a{n}: {{{json.dumps(key)}: {json.dumps(wanted)}}}" for n, (key, wanted, _) in enumerate(items)
    ]
    found = rule("\n".join([*identifiers, f"condition: {condition}"]))

    def holds(document: dict[str, Any]) -> bool:
        results = []
        for key, wanted, test in items:
            value = document.get(key.split("|")[0])
            results.append(value is not None and test(value, wanted))
        return {"all of a*": all(results), "1 of a*": any(results), "not 1 of a*": not any(results)}[
            condition
        ]

    matches = Engine([found]).match(table_of(documents))
    rows = matches[0].rows.tolist() if matches else []
    assert rows == [row for row, document in enumerate(documents) if holds(document)]
