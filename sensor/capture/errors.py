"""What can be wrong with an input, in words a person can act on."""

from __future__ import annotations


class CaptureError(Exception):
    """An input that cannot be read as a capture, or not to its end.

    The text names the input, what is wrong and, where that is known, at which byte and packet.
    """
