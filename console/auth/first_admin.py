"""The first account of a new store."""

from __future__ import annotations

from console.auth.passwords import hash_password, random_password
from console.store.errors import Conflict
from console.store.interface import Store

NAME = "admin"


def first_admin(store: Store) -> str | None:
    """Make the account `admin` where there is no account at all; returns its password, this once."""
    if store.users():
        return None
    password = random_password()
    try:
        store.add_user(NAME, "admin", hash_password(password, 1), "setup")
    except Conflict:
        # Another process was faster and has printed its password.
        return None
    return password
