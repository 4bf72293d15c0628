"""What a store may raise: each message is fit to show to a person and names what was wrong."""

from __future__ import annotations


class StoreError(Exception):
    """The store could not be opened or used; the message says what and where."""


class StoreUnreadable(StoreError):
    """The file is no store of ours, or is damaged."""


class StoreTooNew(StoreError):
    """The store was written by a newer version of Fieldwatch than this one."""


class StoreFull(StoreError):
    """No room is left on the disk; the change was undone whole."""


class StoreBusy(StoreError):
    """Another process holds the store for too long; the change was not made."""


class NotFound(StoreError):
    """No such alert, asset, user, sensor, allowance or token."""


class Conflict(StoreError):
    """The change does not fit the present state: a closed alert acknowledged, a name already taken."""


class QueryRefused(StoreError):
    """A filter, sort key, cursor or offset the store does not understand."""


class DocumentsRefused(StoreError):
    """A batch holds documents that are not what docs/documents.md says; nothing of it was stored."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        where, message = faults[0]
        super().__init__(
            f"{where}: {message}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
        )
