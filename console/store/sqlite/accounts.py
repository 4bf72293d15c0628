"""Users, sessions and API tokens."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from console.store.bounds import Bounds
from console.store.errors import Conflict, NotFound, QueryRefused
from console.store.records import ROLES, ApiToken, Role, Session, User
from console.store.sqlite.asset_intake import count_loss
from console.store.sqlite.audit import note as audit_note
from console.store.sqlite.connection import Connections
from console.store.sqlite.rows import optional_time
from console.store.times import MINUTE, now, to_text

NAME = re.compile(r"[\w][\w.@-]{0,62}[\w]|[\w]")
_USER = "name, role, disabled, created, last_login, preferences"
_TOKEN = "id, name, owner, role, created, expires, last_used, revoked"
PREFERENCES = 32
PREFERENCE_LENGTH = 200


class Accounts:
    """`AccountStore` in SQLite."""

    connections: Connections
    bounds: Bounds

    def add_user(self, name: str, role: Role, password_hash: str, actor: str) -> User:
        """See AccountStore."""
        if NAME.fullmatch(name) is None:
            raise QueryRefused("name: 1 to 64 letters, digits and . @ - _ inside")
        _check_role(role)
        with self.connections.write() as connection:
            if connection.execute("SELECT 1 FROM user WHERE name = ?", (name,)).fetchone():
                raise Conflict(f"there is a user {name} already")
            connection.execute(
                "INSERT INTO user (name, role, password_hash, created) VALUES (?, ?, ?, ?)",
                (name, role, password_hash, now()),
            )
            audit_note(connection, actor, "user.added", f"user/{name}", {"role": role})
            return _user(connection, name)

    def user(self, name: str) -> User:
        """See AccountStore."""
        with self.connections.read() as connection:
            return _user(connection, name)

    def users(self) -> list[User]:
        """See AccountStore."""
        with self.connections.read() as connection:
            return [
                _user_record(row) for row in connection.execute(f"SELECT {_USER} FROM user ORDER BY name")
            ]

    def password_hash(self, name: str) -> str | None:
        """See AccountStore."""
        with self.connections.read() as connection:
            row = connection.execute("SELECT password_hash FROM user WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_password(self, name: str, password_hash: str, actor: str) -> None:
        """See AccountStore."""
        with self.connections.write() as connection:
            _user(connection, name)
            connection.execute("UPDATE user SET password_hash = ? WHERE name = ?", (password_hash, name))
            connection.execute("DELETE FROM session WHERE user = ?", (name,))
            audit_note(connection, actor, "user.password", f"user/{name}", {})

    def change_user(
        self, name: str, actor: str, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """See AccountStore."""
        with self.connections.write() as connection:
            before = _user(connection, name)
            new_role = before.role if role is None else role
            new_disabled = before.disabled if disabled is None else disabled
            _check_role(new_role)
            if before.role == "admin" and (new_role != "admin" or new_disabled):
                others = connection.execute(
                    "SELECT count(*) FROM user WHERE role = 'admin' AND NOT disabled AND name <> ?", (name,)
                ).fetchone()[0]
                if not others:
                    raise Conflict(f"{name} is the last admin")
            if (new_role, new_disabled) == (before.role, before.disabled):
                return before
            connection.execute(
                "UPDATE user SET role = ?, disabled = ? WHERE name = ?", (new_role, new_disabled, name)
            )
            connection.execute("DELETE FROM session WHERE user = ?", (name,))
            audit_note(
                connection,
                actor,
                "user.changed",
                f"user/{name}",
                {
                    "old": {"role": before.role, "disabled": before.disabled},
                    "new": {"role": new_role, "disabled": new_disabled},
                },
            )
            return _user(connection, name)

    def set_preferences(self, name: str, preferences: Mapping[str, str]) -> User:
        """See AccountStore."""
        if len(preferences) > PREFERENCES or any(
            len(key) > PREFERENCE_LENGTH or len(value) > PREFERENCE_LENGTH
            for key, value in preferences.items()
        ):
            raise QueryRefused(f"preferences: up to {PREFERENCES} of up to {PREFERENCE_LENGTH} characters")
        with self.connections.write() as connection:
            _user(connection, name)
            connection.execute(
                "UPDATE user SET preferences = ? WHERE name = ?", (json.dumps(dict(preferences)), name)
            )
            return _user(connection, name)

    def open_session(self, user: str, token_hash: str, csrf: str, expires: int, address: str) -> None:
        """See AccountStore."""
        time = now()
        with self.connections.write() as connection:
            connection.execute("DELETE FROM session WHERE expires <= ?", (time,))
            connection.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)",
                (token_hash, user, csrf, time, expires, address),
            )
            evicted = connection.execute(
                "DELETE FROM session WHERE user = ? AND token_hash IN (SELECT token_hash FROM session"
                " WHERE user = ? ORDER BY created DESC LIMIT -1 OFFSET ?)",
                (user, user, self.bounds.sessions_per_user),
            ).rowcount
            count_loss(connection, "sessions_evicted", evicted)
            connection.execute("UPDATE user SET last_login = ? WHERE name = ?", (time, user))
            audit_note(connection, user, "session.opened", f"user/{user}", {})

    def session(self, token_hash: str) -> Session | None:
        """See AccountStore."""
        with self.connections.read() as connection:
            row = connection.execute(
                "SELECT csrf, session.created, expires, address, user.name, role, disabled, user.created,"
                " last_login, preferences FROM session JOIN user ON user.name = session.user"
                " WHERE token_hash = ? AND expires > ? AND NOT disabled",
                (token_hash, now()),
            ).fetchone()
        if row is None:
            return None
        return Session(_user_record(row[4:]), row[0], row[1], row[2], row[3])

    def extend_session(self, token_hash: str, expires: int) -> None:
        """See AccountStore."""
        with self.connections.write() as connection:
            connection.execute("UPDATE session SET expires = ? WHERE token_hash = ?", (expires, token_hash))

    def close_session(self, token_hash: str) -> None:
        """See AccountStore."""
        with self.connections.write() as connection:
            row = connection.execute(
                "DELETE FROM session WHERE token_hash = ? RETURNING user", (token_hash,)
            ).fetchone()
            if row:
                audit_note(connection, row[0], "session.closed", f"user/{row[0]}", {})

    def add_api_token(
        self, owner: str, name: str, role: Role, token_hash: str, expires: int | None, actor: str
    ) -> ApiToken:
        """See AccountStore."""
        _check_role(role)
        if not 0 < len(name) <= 128:
            raise QueryRefused("name: 1 to 128 characters")
        with self.connections.write() as connection:
            user = _user(connection, owner)
            if ROLES.index(role) > ROLES.index(user.role):
                raise QueryRefused(f"role: above {owner}'s own role {user.role}")
            number = connection.execute(
                "INSERT INTO api_token (token_hash, name, owner, role, created, expires)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (token_hash, name, owner, role, now(), expires),
            ).lastrowid
            detail = {"name": name, "role": role, "expires": optional_time(expires)}
            audit_note(connection, actor, "token.added", f"user/{owner}", {**detail, "token": number})
            row = connection.execute(f"SELECT {_TOKEN} FROM api_token WHERE id = ?", (number,)).fetchone()
        return _token(row)

    def api_token(self, token_hash: str) -> ApiToken | None:
        """See AccountStore; the role is never above what the owner has now."""
        time = now()
        with self.connections.read() as connection:
            row = connection.execute(
                f"SELECT {', '.join('api_token.' + c for c in _TOKEN.split(', '))}, user.role, last_used"
                " FROM api_token JOIN user ON user.name = owner"
                " WHERE token_hash = ? AND NOT revoked AND NOT disabled AND (expires IS NULL OR expires > ?)",
                (token_hash, time),
            ).fetchone()
        if row is None:
            return None
        token = _token(row[:8])
        if row[9] is None or time - row[9] > MINUTE:
            with self.connections.write() as connection:
                connection.execute("UPDATE api_token SET last_used = ? WHERE id = ?", (time, token.id))
        role = min(token.role, row[8], key=ROLES.index)
        return ApiToken(
            token.id, token.name, token.owner, role, token.created, token.expires, token.last_used, False
        )

    def api_tokens(self, owner: str | None = None) -> list[ApiToken]:
        """See AccountStore."""
        with self.connections.read() as connection:
            rows = connection.execute(
                f"SELECT {_TOKEN} FROM api_token WHERE ?1 IS NULL OR owner = ?1 ORDER BY id DESC", (owner,)
            ).fetchall()
        return [_token(row) for row in rows]

    def revoke_api_token(self, token_id: int, actor: str) -> None:
        """See AccountStore."""
        with self.connections.write() as connection:
            row = connection.execute(
                "UPDATE api_token SET revoked = 1 WHERE id = ? AND NOT revoked RETURNING owner, name",
                (token_id,),
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no token {token_id} that still works")
            audit_note(
                connection, actor, "token.revoked", f"user/{row[0]}", {"token": token_id, "name": row[1]}
            )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise QueryRefused(f"role: not one of {', '.join(ROLES)}")


def _user(connection: sqlite3.Connection, name: str) -> User:
    row = connection.execute(f"SELECT {_USER} FROM user WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(f"there is no user {name}")
    return _user_record(row)


def _user_record(row: tuple[Any, ...]) -> User:
    return User(row[0], row[1], bool(row[2]), to_text(row[3]), optional_time(row[4]), json.loads(row[5]))


def _token(row: tuple[Any, ...]) -> ApiToken:
    return ApiToken(
        id=row[0],
        name=row[1],
        owner=row[2],
        role=row[3],
        created=to_text(row[4]),
        expires=optional_time(row[5]),
        last_used=optional_time(row[6]),
        revoked=bool(row[7]),
    )
