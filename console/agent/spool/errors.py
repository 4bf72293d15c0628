"""What can go wrong with the spool's file."""

from __future__ import annotations

import sqlite3


class SpoolError(Exception):
    """The spool's file cannot be used just now: disk full, input or output error, no permission."""


class SpoolCorrupt(SpoolError):
    """The spool's file is damaged: what it holds cannot be trusted."""


class SpoolInUse(SpoolError):
    """Another process has the spool open."""


_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_SCHEMA)


def as_spool_error(error: sqlite3.Error) -> SpoolError:
    """The same in the spool's words."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _CORRUPT:
        return SpoolCorrupt(str(error))
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return SpoolInUse(str(error))
    return SpoolError(str(error))
