"""What is worked out from a store's content: kept until the store changes, renewed while others read."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from console.store.errors import StoreError
from console.store.interface import Store

PATIENCE = 10
"""A result is good enough, even if the store has changed, for this many times what it took to make."""
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Derived(Generic[T]):
    """One result for all threads: one of them makes it anew while the others get the last one.

    It is fresh for PATIENCE times what it took to make, at most `fresh_s`: a small plant sees each change
    at once, a large one is not worked out without end. After `stale_s` it is made anew even if nothing has
    changed. Where making it takes longer than `quick_s`, nobody waits: the next reader gets it.
    """

    def __init__(
        self,
        store: Store,
        make: Callable[[], T],
        failing: str,
        fresh_s: float,
        quick_s: float,
        stale_s: float = math.inf,
    ) -> None:
        """`failing` is what the log says where `make` fails behind a reader's back."""
        self.fresh_s = fresh_s
        self.quick_s = quick_s
        self.stale_s = stale_s
        self._store = store
        self._make = make
        self._failing = failing
        self._lock = threading.Lock()
        self._made: T | None = None
        self._revision = -1
        # A clock that never jumps: one set back would keep a result for as long.
        self._made_s = self._cost_s = 0.0

    def current(self, exact: bool = False) -> T:
        """The result now; `exact` insists on the store's present revision. Raises what making it raises."""
        present = self._made
        if present is None or exact:
            with self._lock:
                return self._renewed()
        if self._is_outdated() and self._lock.acquire(blocking=False):
            if self._cost_s > self.quick_s:
                threading.Thread(target=self._renew_unseen, daemon=True).start()
                return present
            try:
                return self._renewed()
            finally:
                self._lock.release()
        return self._made or present

    def _renew_unseen(self) -> None:
        try:
            self._renewed()
        except StoreError as error:
            _log.error(self._failing, error=str(error))
        except Exception:
            _log.exception(self._failing)
        finally:
            self._lock.release()

    def _renewed(self) -> T:
        revision = self._store.revision()
        if self._made is None or revision != self._revision or self._age_s() > self.stale_s:
            began = time.monotonic()
            self._made = self._make()
            self._revision, self._made_s = revision, began
            self._cost_s = time.monotonic() - began
        return self._made

    def _is_outdated(self) -> bool:
        age = self._age_s()
        if age < min(self.fresh_s, PATIENCE * self._cost_s):
            return False
        return age > self.stale_s or self._store.revision() != self._revision

    def _age_s(self) -> float:
        return time.monotonic() - self._made_s
