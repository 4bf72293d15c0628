"""`fieldwatch demo`: the bundled plant, analysed, with the console open on it."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

CAPTURE = "plant.pcapng.zst"
LEARN = "90s"
"""So long nothing but the plant's own work happens in the bundled capture (its truth file's `quiet_s`)."""


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the console; 0 for any free one")] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser on the console")] = True,
    store: Annotated[Path | None, typer.Option(help="Keep the store here, not in a temporary folder")] = None,
    once: Annotated[bool, typer.Option("--once", help="Analyse, print and end; serve nothing")] = False,
    lang: Annotated[str, typer.Option(help="Language of the alerts on the terminal: en or zh")] = "en",
) -> None:
    """Analyse the bundled plant, an intruder in it, and open the console on what was found."""
    from console.commands.analyze import analyze

    with contextlib.ExitStack() as stack:
        if store is None:
            store = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fieldwatch-"))) / "demo.db"
        analyze([str(bundled_capture())], learn=LEARN, store=store, observer="demo", lang=lang)
        if once:
            return
        from console.commands.console import serve

        port = port or _free_port()
        if browser:
            threading.Thread(target=_open_browser, args=(port,), daemon=True).start()
        typer.echo("Ctrl-C ends the demo.")
        serve(store=store, port=port)


def bundled_capture() -> Path:
    """Where the bundled capture lies: in the installed package, or in a source tree beside it."""
    package = Path(__file__).parents[1]
    for folder in (package / "demo", package.parent / "pcaps" / "demo"):
        if (folder / CAPTURE).is_file():
            return folder / CAPTURE
    from console.commands.output import fail

    fail(f"the bundled capture {CAPTURE} is missing from this installation", 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _open_browser(port: int) -> None:
    """Open the console as soon as it listens; a machine without a browser is left alone."""
    import webbrowser

    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            break
        time.sleep(0.1)
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(f"http://127.0.0.1:{port}/")
