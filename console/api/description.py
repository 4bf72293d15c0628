"""The OpenAPI document: what FastAPI derives, with errors and credentials as they really are."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

PUBLIC = ("/api/v1/alive", "/api/v1/sensors/enrol")
LOGIN = ("/api/v1/session", "post")
SENSOR = ("/api/v1/ingest", "/api/v1/sensor/")
_SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": "fieldwatch_session"},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
    "token": {"type": "http", "scheme": "bearer", "description": "An API token"},
    "sensor": {"type": "http", "scheme": "bearer", "description": "A sensor's token"},
}


def describe(app: FastAPI) -> None:
    """Make `app` answer with the amended document; it is built on first use."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _amended(
                get_openapi(
                    title=app.title, version=app.version, description=app.description, routes=app.routes
                )
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _amended(document: dict[str, Any]) -> dict[str, Any]:
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["security"] = _security(path, method)
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "application/json" in answer.get("content", {}):
                    # FastAPI names the type of good answers; errors are RFC 9457 problem documents.
                    answer["content"] = {"application/problem+json": answer["content"]["application/json"]}
    return document


def _security(path: str, method: str) -> list[dict[str, list[str]]]:
    if path in PUBLIC or (path, method) == LOGIN:
        return []
    if path.startswith(SENSOR):
        return [{"sensor": []}]
    session: dict[str, list[str]] = {"session": []} if method == "get" else {"session": [], "csrf": []}
    return [session, {"token": []}]
