"""How pages look to one reader: colours. The language is chosen by `?lang=` on any page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from console.web.rendering import THEME_COOKIE, THEMES, YEAR_SECONDS, back

router = APIRouter()


@router.post("/preferences")
def choose(theme: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
    """Light or dark colours, or again as the system has it."""
    response = back(next)
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_SECONDS, samesite="lax", httponly=True)
    else:
        response.delete_cookie(THEME_COOKIE)
    return response
