"""Makes the pictures of the README anew: the console on the bundled plant, in both languages.

`python docs/pictures.py` needs Debian's Chromium (or another one in the path) and writes docs/images.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright

from console.app import create_app
from console.auth.access import INSECURE_COOKIE
from console.auth.passwords import hash_password, random_password
from console.commands.demo import demo
from console.store.sqlite.store import SqliteStore
from console.store.times import HOUR, now
from console.store.tokens import digest

IMAGES = Path(__file__).parent / "images"
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
USER = "anna"


@contextlib.contextmanager
def console() -> Iterator[tuple[str, str]]:
    """A console on the analysed plant: its address, and the token of an open session."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.db"
        demo(store=path, once=True)
        store = SqliteStore(path)
        store.add_user(USER, "analyst", hash_password(random_password(), 12), "pictures")
        token = secrets.token_urlsafe(16)
        store.open_session(USER, digest(token), "csrf", now() + HOUR, "127.0.0.1")
        server = uvicorn.Server(uvicorn.Config(create_app(store), port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}", token
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    """The first page as it meets the eye, 1440 pixels wide."""
    with console() as (address, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language, locale in LOCALES.items():
            context = browser.new_context(
                locale=locale, viewport={"width": 1440, "height": 900}, color_scheme="light"
            )
            context.add_cookies([{"name": INSECURE_COOKIE, "value": token, "url": address}])
            page = context.new_page()
            page.goto(address)
            page.locator("#trend svg").wait_for()
            page.screenshot(path=IMAGES / f"posture-{language}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
