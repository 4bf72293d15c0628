"""The store as the console sees it. SQLite is one, Elasticsearch may be another; both pass the same tests.

Every method may be called from any thread. Methods that change something take `actor`, the user
(or `sensor/<name>`) who does it, and write the audit row themselves, in the same transaction;
`address` in an audit row comes from `acting_from`. Raised errors are those of `console.store.errors`.
"""

from console.store.interface.store import Store

__all__ = ["Store"]
