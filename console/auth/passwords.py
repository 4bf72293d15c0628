"""Passwords: argon2id hashes, and what a new password must be."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MOST_LENGTH = 1024
_HASHER = PasswordHasher()
# One hash takes 64 MiB and a good part of a second of a core: a flood of logins must queue, not pile up.
_AT_ONCE = threading.BoundedSemaphore(2)
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


class PasswordRefused(Exception):
    """A new password that is too short or too long; the message says so."""


def hash_password(password: str, least_length: int) -> str:
    """The argon2id hash of a new password."""
    if len(password) < least_length:
        raise PasswordRefused(f"password: shorter than {least_length} characters")
    if len(password) > MOST_LENGTH:
        raise PasswordRefused(f"password: longer than {MOST_LENGTH} characters")
    with _AT_ONCE:
        return _HASHER.hash(password.encode("utf-8", "replace"))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; takes as long when there is no such user (`stored` None)."""
    if len(password) > MOST_LENGTH:
        return False
    with _AT_ONCE:
        try:
            return (
                _HASHER.verify(stored or _NOBODY, password.encode("utf-8", "replace")) and stored is not None
            )
        except (VerificationError, InvalidHashError):
            return False


def random_password() -> str:
    """A first password: 120 random bits."""
    return secrets.token_urlsafe(15)
