"""The console as one ASGI application: API, pages, static files, and what protects them all.

Pages plug in by `console.web.routes`: `ROUTERS` (included without prefix), `STATIC` (served at
/static) and `error_page` (how a person sees an error). Routes take who may enter from
`console.auth.access` (`Viewer`, `Analyst`, `Admin`); CSRF is checked for every router here, so no
route can forget it: forms carry `principal.csrf` as the field `csrf_token`, scripts as the header
`X-CSRF-Token`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from console.api.routers import ROUTERS as API_ROUTERS
from console.auth.access import Forbidden, NotLoggedIn
from console.auth.csrf import verify_csrf
from console.hardening import BodyLimit, SecurityHeaders
from console.problems import FieldProblem, problem
from console.settings import Settings
from console.store.errors import Conflict, NotFound, QueryRefused, StoreError
from console.store.interface import Store
from console.web import routes as web

log = structlog.get_logger(__name__)
API = "/api/"
MACHINE_PATHS = (API, "/metrics", "/static/")


def create_app(store: Store, settings: Settings | None = None) -> FastAPI:
    """Build the application around an open store; the application closes the store when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.store.close()

    app = FastAPI(
        title="Fieldwatch console",
        version="1",
        description="Alerts, assets, behaviours and posture of passively watched industrial networks.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.store = store
    app.state.settings = settings or Settings()
    app.add_middleware(BodyLimit, settings=app.state.settings)
    app.add_middleware(SecurityHeaders, settings=app.state.settings)
    guard = [Depends(verify_csrf)]
    for router in API_ROUTERS:
        app.include_router(router, prefix="/api/v1", dependencies=guard)
    for router in web.ROUTERS:
        app.include_router(router, dependencies=guard, include_in_schema=False)
    if web.STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=web.STATIC), name="static")
    _explain_errors(app)
    return app


def _explain_errors(app: FastAPI) -> None:
    """Turn every exception into one clear answer: a problem document, or a page for a person."""

    def answer(
        request: Request, status: int, detail: str, errors: list[FieldProblem] | None = None
    ) -> Response:
        if request.url.path.startswith(MACHINE_PATHS) or web.error_page is None:
            headers = {"www-authenticate": "Bearer"} if status == 401 else None
            return problem(status, detail, errors, headers)
        return web.error_page(request, status, detail)

    @app.exception_handler(NotLoggedIn)
    async def _(request: Request, _error: NotLoggedIn) -> Response:
        if request.url.path.startswith(MACHINE_PATHS):
            return answer(request, 401, "Log in, or send a valid token")
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = f"/login?next={quote(wanted, safe='')}"
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"hx-redirect": "/login"})
        return RedirectResponse(login, 303)

    @app.exception_handler(Forbidden)
    async def _(request: Request, error: Forbidden) -> Response:
        return answer(request, 403, str(error))

    @app.exception_handler(StoreError)
    async def _(request: Request, error: StoreError) -> Response:
        known = {NotFound: 404, Conflict: 409, QueryRefused: 422}
        status = known.get(type(error), 503)
        if status == 503:
            log.error("store failed", path=request.url.path, error=str(error))
        return answer(request, status, str(error) if status != 503 else "The store cannot answer now")

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        errors = [
            FieldProblem(where=".".join(str(part) for part in item["loc"]), message=item["msg"])
            for item in error.errors()[:20]
        ]
        return answer(request, 422, "The request does not fit its description", errors)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> Response:
        log.error("request failed", path=request.url.path, exc_info=error)
        return answer(request, 500, "Something went wrong here; the console's log says what")
