"""Accounts, and who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from console.store.filters import AuditFilter, PageRequest
from console.store.records import ApiToken, AuditRow, Page, Role, Session, User


class AccountStore(Protocol):
    """Users, sessions, API tokens."""

    def add_user(self, name: str, role: Role, password_hash: str, actor: str) -> User:
        """Create an account; Conflict when the name is taken."""
        ...

    def user(self, name: str) -> User:
        """One account; NotFound when there is none."""
        ...

    def users(self) -> list[User]:
        """All accounts by name."""
        ...

    def password_hash(self, name: str) -> str | None:
        """The stored argon2 hash, or None."""
        ...

    def set_password(self, name: str, password_hash: str, actor: str) -> None:
        """Change a password; all sessions of that user end."""
        ...

    def change_user(
        self, name: str, actor: str, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """Change role or disable; sessions end. The last enabled admin stays one."""
        ...

    def set_preferences(self, name: str, preferences: Mapping[str, str]) -> User:
        """Replace a user's own settings (language, theme …)."""
        ...

    def open_session(self, user: str, token_hash: str, csrf: str, expires: int, address: str) -> None:
        """Remember a browser session by its token's hash; bounded per user, oldest go first."""
        ...

    def session(self, token_hash: str) -> Session | None:
        """A session that is neither expired nor of a disabled user."""
        ...

    def extend_session(self, token_hash: str, expires: int) -> None:
        """Move a session's end."""
        ...

    def close_session(self, token_hash: str) -> None:
        """Log out."""
        ...

    def add_api_token(
        self, owner: str, name: str, role: Role, token_hash: str, expires: int | None, actor: str
    ) -> ApiToken:
        """Remember a bearer token for programs by its hash."""
        ...

    def api_token(self, token_hash: str) -> ApiToken | None:
        """A token that works now; notes its use."""
        ...

    def api_tokens(self, owner: str | None = None) -> list[ApiToken]:
        """All tokens, or one owner's."""
        ...

    def revoke_api_token(self, token_id: int, actor: str) -> None:
        """The token works no more."""
        ...


class AuditStore(Protocol):
    """Who changed what."""

    def audit(self, query: AuditFilter, page: PageRequest) -> Page[AuditRow]:
        """One page of the audit log, newest first."""
        ...

    def record_audit(self, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Note something that changed nothing in the store: a login, a refused login, an export."""
        ...

    def acting_from(self, address: str | None) -> AbstractContextManager[None]:
        """Within the block, audit rows carry this network address."""
        ...
