"""Where alerts, assets and behaviours are kept: one interface, SQLite by default."""

from __future__ import annotations

from pathlib import Path

from console.store.bounds import Bounds
from console.store.errors import StoreError
from console.store.interface import Store


def open_store(location: str | Path, bounds: Bounds | None = None) -> Store:
    """Open the store at a path, made where there is none; StoreError says clearly why it cannot be."""
    if "://" in str(location):
        raise StoreError(f"{location}: only SQLite files can be opened by this version")
    # Imported late: `import console.store` must not cost what it does not need.
    from console.store.sqlite.store import SqliteStore

    return SqliteStore(Path(location), bounds)
