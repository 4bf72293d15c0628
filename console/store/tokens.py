"""Bearer tokens: random, and kept only as a digest."""

from __future__ import annotations

import hashlib

SENSOR_PREFIX = "fws_"
API_PREFIX = "fwa_"
"""Prefixes let a person, or a scanner for leaked secrets, tell what a token is."""


def digest(token: str) -> str:
    """How tokens are stored: one SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
