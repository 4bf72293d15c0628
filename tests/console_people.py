"""Accounts of the API's tests."""

from __future__ import annotations

from argon2 import PasswordHasher

PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
"""A cheap hash: real ones are slow by design, and hundreds of tests log in."""
