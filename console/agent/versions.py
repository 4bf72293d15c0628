"""What runs here."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def versions() -> dict[str, str]:
    """The versions of Fieldwatch, of what it stands on, and of the kernel."""
    found = {"python": platform.python_version(), "kernel": f"{platform.system()} {platform.release()}"}
    for name in ("fieldwatch", "numba", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
