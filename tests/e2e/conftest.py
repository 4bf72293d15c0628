"""A console with the water works in it, served on a free port, and a real Chromium without its sandbox."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from e2e import plant
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.app import create_app
from console.auth.access import INSECURE_COOKIE
from console.auth.passwords import hash_password
from console.posture.service import PostureService
from console.store.records import Role
from console.store.sqlite.store import SqliteStore
from console.store.times import HOUR, now
from console.store.tokens import digest
from console.web.assets import VENDOR

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "correct horse battery"
ACCOUNTS: dict[str, Role] = {"admin": "admin", "anna": "analyst", "vera": "viewer"}


@dataclass
class Site:
    """A running console."""

    address: str
    store: SqliteStore
    posture: PostureService


@dataclass
class Visit:
    """A browser window with what its console said; `enter` is how most tests begin."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def log_in(self, name: str = "anna", password: str = PASSWORD, path: str = "/") -> None:
        self.page.goto(f"{self.site.address}/login?next={path}")
        self.page.locator("input[name=name]").fill(name)
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("main button.primary").click()

    def enter(self, name: str = "anna", path: str = "/") -> None:
        """Begin with a session that is open already: the login form has tests of its own."""
        token = secrets.token_urlsafe(16)
        self.site.store.open_session(name, digest(token), "csrf", now() + HOUR, "127.0.0.1")
        cookie = {"name": INSECURE_COOKIE, "value": token, "url": self.site.address}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]
        self.go(path)

    def go(self, path: str) -> None:
        self.page.goto(self.site.address + path)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; playwright's own download is not needed."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    if not (VENDOR / "htmx.js").exists():
        pytest.skip("browser libraries are not built: run `python -m console.web.assets`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def waterworks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file with the water works in it, to be copied."""
    path = tmp_path_factory.mktemp("waterworks") / "plant.db"
    store = new_store(path)
    plant.fill(store, now())
    store.close()
    return path


@pytest.fixture
def site(tmp_path: Path, waterworks: Path) -> Iterator[Site]:
    """A console of its own for each test: tests change alerts."""
    path = tmp_path / "plant.db"
    shutil.copyfile(waterworks, path)
    yield from serve(SqliteStore(path))


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Site]:
    """A console that has seen nothing."""
    yield from serve(new_store(tmp_path / "empty.db"))


def new_store(path: Path, accounts: Iterable[str] = tuple(ACCOUNTS)) -> SqliteStore:
    store = SqliteStore(path)
    hashed = hash_password(PASSWORD, 12)
    for name in accounts:
        store.add_user(name, ACCOUNTS[name], hashed, "test")
    return store


def serve(store: SqliteStore) -> Iterator[Site]:
    app = create_app(store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://127.0.0.1:{port}", store, app.state.posture)
    server.should_exit = True
    thread.join(10)


def open_window(browser: Browser, site: Site, **options: Any) -> tuple[BrowserContext, Visit]:
    context = browser.new_context(
        **{"locale": "en-GB", "viewport": {"width": 1440, "height": 900}, **options}
    )
    context.set_default_timeout(5000)
    visit = Visit(context.new_page(), site)
    visit.page.on("console", lambda said: _note(visit, said.type, said.text))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    return context, visit


def _note(visit: Visit, kind: str, text: str) -> None:
    # A refused login or action is an answer with an error status, which Chromium logs; that is no defect.
    if kind == "error" and not re.search(r"status of 4\d\d", text):
        visit.complaints.append(text)


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """A window on the water works. Any error on the browser's console, a CSP violation above all, fails."""
    context, window = open_window(chromium, site)
    yield window
    context.close()
    assert window.complaints == []
