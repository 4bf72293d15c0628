"""A console of its own for each test, over HTTPS."""

from __future__ import annotations

import shutil

import pytest
from live_console import LiveConsole


@pytest.fixture
def live_console(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the console's certificate")
    console = LiveConsole(tmp_path / "console")
    yield console
    console.kill()
