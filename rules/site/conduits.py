"""Conduits: which zones may speak to each other, in which protocols (IEC 62443-3-2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Conduit:
    """Clients in zone `source` may open conversations with servers in zone `destination`.

    `both` allows the other direction, too; without `protocols` every protocol is allowed.
    """

    source: str
    destination: str
    protocols: frozenset[str] = frozenset()
    both: bool = False
    name: str = ""


@dataclass(frozen=True)
class Conduits:
    """The conduits of a site; false where it has none, which says nothing about its traffic."""

    entries: tuple[Conduit, ...] = ()
    _by_zones: dict[tuple[str, str], list[Conduit]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for entry in self.entries:
            self._by_zones.setdefault((entry.source, entry.destination), []).append(entry)
            if entry.both:
                self._by_zones.setdefault((entry.destination, entry.source), []).append(entry)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def between(self, client: str, server: str) -> Iterable[Conduit]:
        """The conduits through which a client's zone may reach a server's zone."""
        return self._by_zones.get((client, server), ())

    def allows(self, client: str, server: str, protocol: str) -> bool | None:
        """Whether a conduit lets this protocol through.

        None where the question does not arise: there are no conduits, or no zone's wall is crossed.
        """
        if not self.entries or client == server:
            return None
        return any(
            not entry.protocols or protocol in entry.protocols for entry in self.between(client, server)
        )
