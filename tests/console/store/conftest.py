"""Every store under test: a second kind of store joins by one more parameter here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.store import open_store
from console.store.bounds import Bounds
from console.store.interface import Store

OpenStore = Callable[..., Store]


@pytest.fixture(params=["sqlite"])
def open_empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    opened: list[Store] = []

    def make(bounds: Bounds | None = None) -> Store:
        store = open_store(tmp_path / f"store-{len(opened)}.db", bounds)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_empty: OpenStore) -> Store:
    return open_empty()
