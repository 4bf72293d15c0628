"""One range of addresses that the rings of all interfaces lie in, so that one array shows them all."""

from __future__ import annotations

import ctypes
import mmap
import os

import numpy as np

from sensor.types import Bytes

MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_NORESERVE = 0x01, 0x02, 0x10, 0x4000
FAILED = ctypes.c_void_p(-1).value


class Mapping:
    """Reserved addresses, `data` as octets.

    A ring is laid over a part of them and taken off again. The addresses themselves live as long as
    any array that looks at them: one that outlives the capture reads zeros.
    """

    def __init__(self, octets: int) -> None:
        self._memory = mmap.mmap(-1, octets, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
        self.data: Bytes = np.frombuffer(self._memory, np.uint8)
        self._mmap = ctypes.CDLL(None, use_errno=True).mmap
        self._mmap.restype = ctypes.c_void_p
        self._mmap.argtypes = (
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_long,
        )

    def lay(self, offset: int, octets: int, handle: int) -> None:
        """Let the ring of a packet socket lie at `offset`; OSError where the kernel refuses."""
        self._place(offset, octets, MAP_SHARED, handle)

    def clear(self, offset: int, octets: int) -> None:
        """Take a ring off: the kernel can free it, and there are zeros in its place."""
        self._place(offset, octets, MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE, -1)

    def _place(self, offset: int, octets: int, flags: int, handle: int) -> None:
        address = self.data.ctypes.data + offset
        protection = mmap.PROT_READ | mmap.PROT_WRITE
        if self._mmap(address, octets, protection, flags | MAP_FIXED, handle, 0) == FAILED:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
