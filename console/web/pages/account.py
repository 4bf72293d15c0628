"""One's own account: password, and tokens for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from console.api import session
from console.auth.access import Address, Forbidden, Principal, TheSettings, TheStore, Viewer
from console.auth.passwords import PasswordRefused
from console.store import times
from console.store.errors import StoreError
from console.store.interface import Store
from console.store.records import ROLES, Role
from console.web.pages.allowances import EXPIRIES
from console.web.rendering import back, render

router = APIRouter()


def show(
    request: Request,
    principal: Principal,
    store: Store,
    password_length: int,
    secret: tuple[str, str] | None = None,
) -> Response:
    """The page; `secret` is the name and text of a token just made."""
    return render(
        request,
        "account.html",
        principal,
        tokens=[token for token in store.api_tokens(principal.name) if not token.revoked],
        roles=[role for role in ROLES if principal.may(role)],
        expiries=tuple(EXPIRIES),
        password_length=password_length,
        secret=secret,
    )


@router.get("/account")
def show_account(request: Request, principal: Viewer, store: TheStore, settings: TheSettings) -> Response:
    """What one may change about oneself."""
    return show(request, principal, store, settings.login.password_length)


@router.post("/account/password")
def change_password(
    principal: Viewer,
    store: TheStore,
    settings: TheSettings,
    address: Address,
    present: Annotated[str, Form(max_length=2048)],
    new: Annotated[str, Form(max_length=2048)],
) -> Response:
    """Change one's own password; every session of the account ends, this one too."""
    try:
        change = session.PasswordChange(present=present, new=new)
        with store.acting_from(address):
            session.own_password(principal, store, settings, change)
    except (Forbidden, PasswordRefused, StoreError, ValueError) as error:
        return back("/account", "refused", why=str(error).splitlines()[0])
    return back("/login")


@router.post("/account/tokens")
def add_token(
    request: Request,
    principal: Viewer,
    store: TheStore,
    settings: TheSettings,
    address: Address,
    name: Annotated[str, Form(max_length=128)],
    role: Annotated[Role, Form()] = "viewer",
    expires: Annotated[str, Form()] = "90",
) -> Response:
    """Make a token for a program and show it, this once."""
    length = EXPIRIES.get(expires, 90 * times.DAY)
    try:
        asked = session.TokenIn(name=name.strip(), role=role, expires=None)
        asked = asked.model_copy(update={"expires": times.now() + length if length else None})
        with store.acting_from(address):
            made = session.add_token(principal, store, asked)
    except (Forbidden, StoreError, ValueError) as error:
        return back("/account", "refused", why=str(error).splitlines()[0])
    return show(request, principal, store, settings.login.password_length, (made.token.name, made.secret))


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(token_id: int, principal: Viewer, store: TheStore, address: Address) -> Response:
    """The token works no more."""
    with store.acting_from(address):
        session.revoke_token(principal, store, token_id)
    return back("/account", "token_revoked")
