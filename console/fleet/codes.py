"""Enrolment codes: `FW1-<secret>-<fingerprint>`, made for a person to carry to a sensor.

The secret is 120 random bits in base32, used once. The fingerprint is the first 128 bits of SHA-256 over
the certificate that the console shows, so that the sensor's first connection cannot be intercepted; it
is left out where the console serves no TLS.
"""

from __future__ import annotations

import base64
import re
import secrets

from console.store.tokens import digest

PREFIX = "FW1"
SECRET_BYTES = 15
FINGERPRINT_DIGITS = 32
_CODE = re.compile(r"FW1-([A-Z2-7]{24})(?:-[0-9A-F]{16,64})?")


def new_code(fingerprint: str | None) -> tuple[str, str]:
    """A code and the hash under which its secret is stored; `fingerprint` is SHA-256 in hex."""
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    parts = [PREFIX, secret]
    if fingerprint:
        parts.append(fingerprint[:FINGERPRINT_DIGITS])
    return "-".join(parts), digest(secret)


def hash_of(code: str) -> str | None:
    """The hash of a typed code's secret; None for what is no code. Case and blanks do not matter."""
    match = _CODE.fullmatch("".join(code.split()).upper())
    return digest(match[1]) if match else None
