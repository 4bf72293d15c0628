"""What this process uses, as the kernel tells it; 0 where it does not."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """`struct timex` of <sys/timex.h>."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def cpu_seconds() -> float:
    """Processor time of all threads since the start."""
    return time.process_time()


def memory_octets() -> int:
    """Resident memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def open_files() -> int:
    """File descriptors in use."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def clock_synchronised() -> bool | None:
    """Whether the kernel's clock is kept in step by NTP or PTP; None where it cannot be told."""
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    state = _Timex()
    answer = call(ctypes.byref(state))
    if answer < 0:
        return None
    return answer != _TIME_ERROR and not state.status & _STA_UNSYNC
