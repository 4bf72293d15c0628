"""Input that may be compressed: gzip (RFC 1952) and Zstandard (RFC 8878), known by their first octets."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import cast

import zstandard

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

DAMAGE = (zlib.error, gzip.BadGzipFile, zstandard.ZstdError)
"""What reading raises where compressed data contradicts itself; EOFError where it ends early."""

LARGEST_WINDOW = 1 << 27
"""Octets of memory that a hostile Zstandard file can ask for."""
INPUT_OCTETS = 1 << 16


class _Joined(io.RawIOBase):
    """The octets that were looked at, then the rest of the stream."""

    def __init__(self, head: bytes, rest: io.BufferedIOBase) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._head:
            return self._rest.readinto1(target)
        octets, self._head = self._head[: len(target)], self._head[len(target) :]
        target[: len(octets)] = octets
        return len(octets)

    def close(self) -> None:
        self._rest.close()
        super().close()


class _ZstdReader(io.RawIOBase):
    """Zstandard frames one behind the other; EOFError where the last one is cut."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        self._frame = self._decompressor.decompressobj()
        self._begun = False
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._waiting:
            octets = (self._frame.unused_data if self._frame.eof else b"") or self._stream.read1(INPUT_OCTETS)
            if not octets:
                if self._begun and not self._frame.eof:
                    raise EOFError("the last Zstandard frame is cut")
                return 0
            if self._frame.eof:
                self._frame = self._decompressor.decompressobj()
            self._begun = True
            self._waiting = self._frame.decompress(octets)
        size = min(len(target), len(self._waiting))
        target[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


def decompressed(stream: io.BufferedIOBase) -> io.BufferedIOBase:
    """The plain octets of `stream`, whatever it holds. May raise OSError.

    To be read with `read1` or `readinto1`: the others lose what came before an error.
    """
    head = stream.read(len(ZSTD))
    whole = io.BufferedReader(_Joined(head, stream), INPUT_OCTETS)
    if head.startswith(GZIP):
        return cast("io.BufferedIOBase", gzip.GzipFile(fileobj=whole))
    if head == ZSTD:
        return io.BufferedReader(_ZstdReader(whole), INPUT_OCTETS)
    return whole
