"""The one-time code by which a sensor enrols: a secret, and whom to trust with it.

    FW1-<24 characters of base32>-<first 32 hexadecimal digits of the certificate's SHA-256>

The last part is absent where the console does not speak TLS itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_CODE = re.compile(r"FW1-([A-Z2-7]{16,64})(?:-([0-9A-F]{16,64}))?")


class EnrolmentCode(NamedTuple):
    """A code taken apart: `secret` in capitals; `fingerprint` begins the certificate's, or is empty."""

    secret: str
    fingerprint: str

    @property
    def text(self) -> str:
        """The code as it is shown to people."""
        return "-".join(part for part in ("FW1", self.secret, self.fingerprint) if part)


def read_code(text: str) -> EnrolmentCode:
    """Take a code apart as a person typed it. Raises ValueError."""
    match = _CODE.fullmatch(re.sub(r"\s", "", text).upper())
    if match is None:
        raise ValueError("not an enrolment code: it begins with FW1- and is shown by the console")
    return EnrolmentCode(match[1], (match[2] or "").lower())
