"""Versions of what sensors should run: never changed, never lower, whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound
from console.store.interface import Store
from console.store.records import ConfigurationContent


def content(**texts: str) -> ConfigurationContent:
    return ConfigurationContent(dict(texts), {"shipped_rules": True})


def test_a_version_is_kept_with_what_changed(store: Store) -> None:
    first = store.put_configuration("", content(site="a"), "first", "root", None)
    second = store.put_configuration("", content(site="b", baseline="c"), "more", "anna", first.version)
    assert second.version > first.version
    assert {(entry["part"], entry["change"]) for entry in second.changes} == {
        ("site", "changed"),
        ("baseline", "added"),
    }
    assert [entry.version for entry in store.configurations("")] == [second.version, first.version]
    assert store.configuration(first.version)[1].texts == {"site": "a"}
    newest = store.newest_configuration("")
    assert newest is not None
    assert newest == (second.version, content(site="b", baseline="c"))


def test_every_scope_is_known_however_long_it_has_been_left_alone(open_empty: Callable[..., Store]) -> None:
    store = open_empty(Bounds(configuration_versions=2))
    old = store.put_configuration("site/old", content(site="a"), "", "root", None)
    base = None
    for index in range(5):
        base = store.put_configuration("", content(site=str(index)), "", "root", base).version
    assert store.configured_scopes() == ["", "site/old"]
    assert store.newest_version("site/old") == old.version


def test_two_people_cannot_overwrite_each_other(store: Store) -> None:
    first = store.put_configuration("", content(site="a"), "", "root", None)
    store.put_configuration("", content(site="b"), "", "root", first.version)
    for base in (None, first.version):
        with pytest.raises(Conflict):
            store.put_configuration("", content(site="c"), "", "anna", base)


def test_the_same_again_is_no_new_version(store: Store) -> None:
    first = store.put_configuration("", content(site="a"), "", "root", None)
    assert store.put_configuration("", content(site="a"), "", "root", first.version) == first


def test_scopes_do_not_mix_but_share_the_numbers(store: Store) -> None:
    one = store.put_configuration("", content(site="a"), "", "root", None)
    two = store.put_configuration("site/north", content(site="b"), "", "root", None)
    assert store.newest_version("") == one.version
    assert store.newest_version("site/north") == two.version > one.version
    assert store.newest_version("site/south") is None
    assert len(store.configurations()) == 2


def test_old_versions_go_and_so_do_texts_nobody_names(open_empty: object) -> None:
    store: Store = open_empty(Bounds(configuration_versions=2))  # type: ignore[operator]
    kept = store.put_configuration("site/north", content(site="shared"), "", "root", None)
    base = None
    for text in ("shared", "b", "c", "d"):
        base = store.put_configuration("", content(site=text), "", "root", base).version
    assert len(store.configurations("")) == 2
    assert store.losses()["configuration_versions_forgotten"] == 2
    assert store.configuration(kept.version)[1].texts == {"site": "shared"}


def test_there_is_no_such_version(store: Store) -> None:
    with pytest.raises(NotFound):
        store.configuration(7)
