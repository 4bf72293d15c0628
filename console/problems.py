"""Errors as the API tells them: RFC 9457 problem documents that never show what is inside."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse


class FieldProblem(BaseModel):
    """Where exactly an input is wrong."""

    where: str
    """For example `documents.3.body.event.id` or `query.limit`."""
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


def problem(
    status: int,
    detail: str,
    errors: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An `application/problem+json` answer."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    content: dict[str, Any] = body.model_dump(exclude=set() if errors else {"errors"})
    return JSONResponse(content, status, headers, "application/problem+json")
