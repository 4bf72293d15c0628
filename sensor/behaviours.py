"""Behaviours: who does what to which object of whom. Messages are counted into them by a kernel."""

from __future__ import annotations

import numpy as np

EVIDENCE_FRAMES = 8
"""How many frames of a behaviour are remembered: the first ones, and the last in the last place."""

BEHAVIOUR = np.dtype(
    [
        # What makes it this behaviour; all as in MESSAGE.
        ("client", "i4"),
        ("server", "i4"),
        ("server_port", "i4"),
        ("vlan", "i4"),
        ("protocol", "i2"),
        ("transport", "i2"),
        ("kind", "i1"),
        ("operation", "i1"),
        ("value_kind", "i1"),
        ("direction", "i1"),
        ("function", "i4"),
        ("subfunction", "i4"),
        ("unit", "i4"),
        ("space", "i4"),
        ("count", "i4"),
        ("status", "i4"),
        ("name", "i4"),
        ("flags", "i4"),
        ("address", "i8"),
        ("state", "f8"),  # the value where value_kind is DISCRETE, else 0
        # What is counted.
        ("messages", "i8"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("value", "f8"),  # last
        ("least", "f8"),
        ("most", "f8"),
        ("stream", "i8"),  # of the first message
        ("client_port", "i4"),  # of the first message
        ("frames_used", "i4"),
        ("frames", "i8", (EVIDENCE_FRAMES,)),
    ]
)
"""One behaviour. Requests and responses are two behaviours with the same client and server."""
