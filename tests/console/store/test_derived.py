"""What is worked out from the store: who waits for it, and when it is made anew."""

from __future__ import annotations

import threading
import time

import pytest
from plant_documents import alert

from console.store.derived import Derived
from console.store.interface import Store


class Counting:
    """Makes 1, 2, 3 …; as slow as told, failing as told."""

    def __init__(self) -> None:
        self.made = 0
        self.seconds = 0.0
        self.fails = False

    def __call__(self) -> int:
        time.sleep(self.seconds)
        if self.fails:
            raise LookupError("nobody thought of it")
        self.made += 1
        return self.made


def derived(store: Store, make: Counting, **times: float) -> Derived[int]:
    return Derived(store, make, "not renewed", **{"fresh_s": 0.0, "quick_s": 10.0, **times})


def test_it_is_made_once_until_the_store_changes(store: Store) -> None:
    found = derived(store, Counting())
    assert [found.current() for _ in range(3)] == [1, 1, 1]
    store.ingest("s1", 1, [alert()])
    assert [found.current() for _ in range(3)] == [2, 2, 2]


def test_it_is_made_anew_when_it_is_stale_whatever_the_wall_clock_says(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = derived(store, Counting(), stale_s=0.05)
    assert found.current() == 1
    monkeypatch.setattr("time.time_ns", lambda: 0)
    time.sleep(0.06)
    assert found.current() == 2


def test_what_is_fresh_is_kept_though_the_store_changes_unless_exact(store: Store) -> None:
    make = Counting()
    make.seconds = 0.05
    found = derived(store, make, fresh_s=60.0)
    assert found.current() == 1
    store.ingest("s1", 1, [alert()])
    assert found.current() == 1
    assert found.current(exact=True) == 2


def test_nobody_waits_for_what_takes_long(store: Store) -> None:
    make = Counting()
    make.seconds = 0.2
    found = derived(store, make, quick_s=0.1)
    assert found.current() == 1
    store.ingest("s1", 1, [alert()])
    began = time.monotonic()
    assert [found.current() for _ in range(5)] == [1] * 5
    assert time.monotonic() - began < 0.15
    until(lambda: make.made == 2)
    until(lambda: found.current() == 2)


def test_a_fault_behind_a_readers_back_is_tried_again(store: Store) -> None:
    make = Counting()
    found = derived(store, make, quick_s=-1.0)
    assert found.current() == 1
    store.ingest("s1", 1, [alert()])
    make.fails = True
    assert found.current() == 1
    make.fails = False
    until(lambda: found.current() == 2)


def test_many_readers_make_it_once(store: Store) -> None:
    make = Counting()
    make.seconds = 0.05
    found = derived(store, make)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(found.current())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 8


def until(condition: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)
