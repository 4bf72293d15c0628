"""Users, their sessions and tokens, and what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.store.records.documents import Document

Role = Literal["viewer", "analyst", "admin"]

ROLES: tuple[Role, ...] = ("viewer", "analyst", "admin")


@dataclass(frozen=True, slots=True)
class User:
    """An account of the console; the password's hash never leaves the store by this record."""

    name: str
    role: Role
    disabled: bool
    created: str
    last_login: str | None
    preferences: dict[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """A browser session as stored: by the token's hash."""

    user: User
    csrf: str
    created_ns: int
    expires_ns: int
    address: str


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A bearer token for programs, stored as a hash; acts with its own role, never above its owner's."""

    id: int
    name: str
    owner: str
    role: Role
    created: str
    expires: str | None
    last_used: str | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One state change: who did what to what, from where; `detail` holds old and new values."""

    id: int
    time: str
    actor: str
    address: str | None
    action: str
    subject: str
    detail: Document
