"""Accounts: who may see, who may act, who may change accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from console.auth.access import Address, Admin, TheSettings, TheStore
from console.auth.passwords import PasswordRefused, hash_password
from console.store.errors import StoreError
from console.store.records import ROLES, Role
from console.web.rendering import back, render

router = APIRouter()


@router.get("/users")
def list_users(request: Request, principal: Admin, store: TheStore, settings: TheSettings) -> Response:
    """All accounts."""
    return render(
        request,
        "users.html",
        principal,
        users=store.users(),
        roles=ROLES,
        password_length=settings.login.password_length,
    )


@router.post("/users")
def add_user(
    principal: Admin,
    store: TheStore,
    settings: TheSettings,
    address: Address,
    name: Annotated[str, Form(max_length=64)],
    role: Annotated[Role, Form()],
    password: Annotated[str, Form(max_length=2048)],
) -> Response:
    """Create an account."""
    try:
        hashed = hash_password(password, settings.login.password_length)
        with store.acting_from(address):
            store.add_user(name.strip(), role, hashed, principal.name)
    except (StoreError, PasswordRefused) as error:
        return back("/users", "refused", why=str(error))
    return back("/users", "user_added", name=name.strip())


@router.post("/users/{name}")
def change_user(
    name: str,
    principal: Admin,
    store: TheStore,
    address: Address,
    settings: TheSettings,
    action: Annotated[str, Form()],
    role: Annotated[Role, Form()] = "viewer",
    password: Annotated[str, Form(max_length=2048)] = "",
) -> Response:
    """Set a role or a password, disable, or enable again; the account's sessions end."""
    try:
        with store.acting_from(address):
            if action == "role":
                store.change_user(name, principal.name, role=role)
            elif action == "password":
                hashed = hash_password(password, settings.login.password_length)
                store.set_password(name, hashed, principal.name)
                return back("/users", "password_changed", name=name)
            elif action in {"disable", "enable"}:
                store.change_user(name, principal.name, disabled=action == "disable")
            else:
                return back("/users", "refused", why=action)
    except (StoreError, PasswordRefused) as error:
        return back("/users", "refused", why=str(error))
    return back("/users", "user_changed", name=name)
