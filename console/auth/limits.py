"""Failed logins in a sliding window, per account and per address."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from console.settings import LoginSettings
from console.store.times import MINUTE, SECOND, now

MOST_KEYS = 20_000
"""Accounts and addresses remembered; the longest untouched go first."""


class TooManyAttempts(Exception):
    """Refused without looking at the password; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failed logins; try again in {retry_after} seconds")
        self.retry_after = retry_after


class LoginLimiter:
    """Counts failures in memory: a restart forgives, an attacker cannot fill it without bound."""

    def __init__(self, settings: LoginSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()

    def attempt(self, account: str, address: str) -> None:
        """Reserve one attempt, so that parallel ones count too; raises TooManyAttempts."""
        window = int(self._settings.window_minutes * MINUTE)
        time = now()
        limits = {
            ("account", account[:64]): self._settings.failures_per_account,
            ("address", address): self._settings.failures_per_address,
        }
        with self._lock:
            for key, limit in limits.items():
                times = self._failures.get(key)
                while times and times[0] <= time - window:
                    times.popleft()
                if times and len(times) >= limit:
                    raise TooManyAttempts(max(1, (times[0] + window - time) // SECOND))
            for key in limits:
                self._failures.setdefault(key, deque()).append(time)
                self._failures.move_to_end(key)
            while len(self._failures) > MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forgive the account, and give the address its attempt back."""
        with self._lock:
            self._failures.pop(("account", account[:64]), None)
            times = self._failures.get(("address", address))
            if times:
                times.pop()
