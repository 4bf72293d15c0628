"""Accounts, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from console.api.shapes import ERRORS
from console.auth.access import Admin, TheSettings, TheStore
from console.auth.passwords import hash_password
from console.store.records import Role, User

router = APIRouter(prefix="/users", tags=["users"], responses=ERRORS)
Password = Annotated[str, Field(min_length=1, max_length=1024)]


class UserIn(BaseModel):
    """A new account."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Role = "viewer"
    password: Password


class UserChange(BaseModel):
    """What to change; absent stays."""

    role: Role | None = None
    disabled: bool | None = None


class NewPassword(BaseModel):
    """A new password for somebody."""

    password: Password


@router.get("")
def list_users(_: Admin, store: TheStore) -> list[User]:
    """All accounts."""
    return store.users()


@router.post("", status_code=201)
def add_user(user: Admin, store: TheStore, settings: TheSettings, body: UserIn) -> User:
    """Create an account."""
    hashed = hash_password(body.password, settings.login.password_length)
    return store.add_user(body.name, body.role, hashed, user.name)


@router.patch("/{name}")
def change_user(user: Admin, store: TheStore, name: str, body: UserChange) -> User:
    """Change role or disable; the account's sessions end. One enabled admin always remains."""
    return store.change_user(name, user.name, body.role, body.disabled)


@router.put("/{name}/password", status_code=204)
def set_password(user: Admin, store: TheStore, settings: TheSettings, name: str, body: NewPassword) -> None:
    """Set somebody's password; the account's sessions end."""
    store.set_password(name, hash_password(body.password, settings.login.password_length), user.name)
