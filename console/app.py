"""The console as one ASGI application: API, pages, static files, and what protects them all.

Pages plug in by `console.web.routes`: `ROUTERS` (included without prefix), `STATIC` (served at
/static) and `error_page` (how a person sees an error). Routes take who may enter from
`console.auth.access` (`Viewer`, `Analyst`, `Admin`); CSRF is checked for every router here, so no
route can forget it: forms carry `principal.csrf` as the field `csrf_token`, scripts as the header
`X-CSRF-Token`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote

import anyio
import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from console.api import metrics
from console.api.description import describe
from console.api.ingest import AT_ONCE
from console.api.routers import ROUTERS as API_ROUTERS
from console.api.stream import Stream
from console.auth.access import Forbidden, NotLoggedIn, act_from_address
from console.auth.csrf import verify_csrf
from console.auth.limits import LoginLimiter, TooManyAttempts
from console.auth.login import LoginRefused
from console.auth.passwords import PasswordRefused
from console.fleet.configuration import DesiredConfigurations
from console.fleet.edits import ConfigurationRefused
from console.fleet.silence import LOOK_SECONDS, SilenceWatch
from console.hardening import BodyLimit, ContainFaults, SecurityHeaders
from console.incidents.service import IncidentService
from console.posture.service import PostureService
from console.problems import FieldProblem, problem
from console.settings import Settings
from console.store.errors import (
    Conflict,
    DocumentsRefused,
    NotFound,
    QueryRefused,
    StoreError,
    StoreFull,
)
from console.store.interface import Store
from console.web import routes as web

log = structlog.get_logger(__name__)
API = "/api/"
SAMPLE_CHECK_SECONDS = 60
MACHINE_PATHS = (API, "/metrics", "/static/")


def create_app(store: Store, settings: Settings | None = None, certificates: Sequence[str] = ()) -> FastAPI:
    """Build the application around an open store; the application closes the store when it ends.

    `certificates` are SHA-256 fingerprints (hex) of the certificates sensors may accept, first the one
    in use; empty where the console serves no TLS.
    """

    settings = settings or Settings()
    posture = PostureService(store, settings.posture)
    stream = Stream(store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        silence = SilenceWatch(store, settings.sensors)
        tasks = [
            asyncio.create_task(_regularly("posture not sampled", posture.sample, SAMPLE_CHECK_SECONDS)),
            asyncio.create_task(_regularly("silence not watched", silence.look, LOOK_SECONDS)),
            asyncio.create_task(stream.run()),
        ]
        yield
        stream.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()

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
    app.state.settings = settings
    app.state.posture = posture
    app.state.incidents = IncidentService(store)
    app.state.stream = stream
    app.state.certificates = tuple(certificates)
    app.state.desired = DesiredConfigurations(store)
    app.state.login_limiter = LoginLimiter(settings.login)
    app.state.enrol_limiter = LoginLimiter(settings.login)
    app.state.deliveries = 0
    app.state.ingest_limiter = anyio.CapacityLimiter(AT_ONCE)
    app.add_middleware(BodyLimit, settings=settings)
    app.add_middleware(ContainFaults, answer=_broken)
    app.add_middleware(SecurityHeaders, settings=settings)
    guard = [Depends(act_from_address), Depends(verify_csrf)]
    app.include_router(metrics.router)
    for router in API_ROUTERS:
        app.include_router(router, prefix="/api/v1", dependencies=guard)
    for router in web.ROUTERS:
        app.include_router(router, dependencies=[*guard, Depends(web.note_position)], include_in_schema=False)
    if web.STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=web.STATIC), name="static")
    _explain_errors(app)
    describe(app)
    return app


async def _regularly(failing: str, work: Callable[[], object], seconds: float) -> None:
    """Do something in a thread again and again; a fault is told, and the next turn comes all the same."""
    while True:
        try:
            await anyio.to_thread.run_sync(work)
        except StoreError as error:
            log.error(failing, error=str(error))
        except Exception as error:
            log.error(failing, exc_info=error)
        await asyncio.sleep(seconds)


def answer(
    request: Request,
    status: int,
    detail: str,
    errors: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document for programs, a page for people."""
    if request.url.path.startswith(MACHINE_PATHS) or web.error_page is None:
        return problem(status, detail, errors, headers)
    page = web.error_page(request, status, detail)
    page.headers.update(headers or {})
    return page


def _broken(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    detail = "Something went wrong here; the console's log says what"
    try:
        return answer(request, 500, detail)
    except Exception as again:
        # The page of the error broke too, perhaps for the same reason.
        log.error("error page failed", path=request.url.path, exc_info=again)
        return problem(500, detail)


def _explain_errors(app: FastAPI) -> None:
    """Turn every exception into one clear answer."""

    @app.exception_handler(NotLoggedIn)
    async def _(request: Request, _error: NotLoggedIn) -> Response:
        if request.url.path.startswith(MACHINE_PATHS):
            headers = {"www-authenticate": "Bearer"}
            return answer(request, 401, "Log in, or send a valid token", None, headers)
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = f"/login?next={quote(wanted, safe='')}"
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"hx-redirect": "/login"})
        return RedirectResponse(login, 303)

    @app.exception_handler(Forbidden)
    async def _(request: Request, error: Forbidden) -> Response:
        return answer(request, 403, str(error))

    @app.exception_handler(LoginRefused)
    async def _(request: Request, error: LoginRefused) -> Response:
        return answer(request, 401, str(error))

    @app.exception_handler(TooManyAttempts)
    async def _(request: Request, error: TooManyAttempts) -> Response:
        return answer(request, 429, str(error), None, {"retry-after": str(error.retry_after)})

    @app.exception_handler(PasswordRefused)
    async def _(request: Request, error: PasswordRefused) -> Response:
        return answer(request, 422, str(error))

    @app.exception_handler(DocumentsRefused)
    async def _(request: Request, error: DocumentsRefused) -> Response:
        errors = [FieldProblem(where=where, message=message) for where, message in error.faults]
        return answer(request, 422, "The batch is refused whole; nothing of it is stored", errors)

    @app.exception_handler(StoreError)
    async def _(request: Request, error: StoreError) -> Response:
        known = {NotFound: 404, Conflict: 409, QueryRefused: 422}
        status = known.get(type(error))
        if status is not None:
            return answer(request, status, str(error))
        log.error("store failed", path=request.url.path, error=str(error))
        if isinstance(error, StoreFull):
            return answer(request, 507, "The console's disk is full", None, {"retry-after": "60"})
        return answer(request, 503, "The store cannot answer now", None, {"retry-after": "5"})

    @app.exception_handler(ConfigurationRefused)
    async def _(request: Request, error: ConfigurationRefused) -> Response:
        errors = [
            FieldProblem(where=str(fault).partition(": ")[0], message=fault.text) for fault in error.faults
        ]
        return answer(request, 422, "No sensor could run this; nothing is changed", errors)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        errors = [
            FieldProblem(where=".".join(str(part) for part in item["loc"]), message=item["msg"])
            for item in error.errors()[:20]
        ]
        return answer(request, 422, "The request does not fit its description", errors)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        return answer(request, error.status_code, str(error.detail), None, headers)
