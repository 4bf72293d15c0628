"""How kernels are compiled: Numba with bounds checks, cached under a digest of all their sources.

A kernel is a Python function over NumPy arrays. It is pure but for the arrays it is handed: no
clock, no logging, no raising, and no allocation: without Numba's reference counting, which costs
ten times the work itself, nothing could be freed. `boundscheck=True` turns a read outside an array
into IndexError, which the pipeline counts and survives; it does not catch negative indices, so
decoders compare lengths before they read.

The same source runs as plain Python under NUMBA_DISABLE_JIT=1, which shapes how kernels are
written: index records by name (`row["unit"]`, never `row.unit`), widen bytes before arithmetic
(`sensor.octets`), and keep integers in int64.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit

F = TypeVar("F", bound=Callable[..., Any])

SOURCES = Path(__file__).parent


@cache
def _imports(module: str) -> tuple[Path, tuple[str, ...]]:
    """The file of a module of the sensor, and the modules of the sensor that it imports."""
    path = SOURCES.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found: list[str] = []
    # A regular expression, not a parser: this runs at every start. Relative imports are banned.
    for package, names in re.findall(
        r"^from (sensor[\w.]*) import (\([^)]*\)|.*)", path.read_text("utf-8"), re.M
    ):
        inside = SOURCES.parent.joinpath(*package.split("."))
        if not inside.is_dir():
            found.append(package)
            continue
        found.append(package)
        for name in re.findall(r"\w+", names):
            if (inside / f"{name}.py").exists() or (inside / name).is_dir():
                found.append(f"{package}.{name}")
    return path, tuple(found)


@cache
def source_digest(module: str) -> str:
    """Digest of a module's source and of all that it imports from the sensor, directly or not.

    Numba's own cache looks only at the file a function stands in and misses a changed callee in
    another file; a cache directory named after this digest cannot go stale, and a change makes only
    those kernels compile again that it can reach.
    """
    reached, waiting = {module}, [module]
    while waiting:
        for imported in _imports(waiting.pop())[1]:
            if imported not in reached:
                reached.add(imported)
                waiting.append(imported)
    digest = hashlib.sha256()
    for name in sorted(reached):
        digest.update(name.encode())
        digest.update(_imports(name)[0].read_bytes())
    return digest.hexdigest()[:16]


def cache_home() -> Path:
    """Where compiled kernels live: `$FIELDWATCH_CACHE`, else the user's cache directory."""
    explicit = os.environ.get("FIELDWATCH_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fieldwatch"


_KEEPS_CACHE_DIR = "NUMBA_CACHE_DIR" in os.environ

# Options that Numba reads but its type annotations leave out stand here too, hence Any.
# Without `_nrt`, Numba counts references to every array at every call, though nothing is ever freed.
_OPTIONS: dict[str, Any] = {"boundscheck": True, "nogil": True, "_nrt": False}
_UNWRAPPED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _compiled(function: F, **options: Any) -> F:
    if not _KEEPS_CACHE_DIR:
        # Read by Numba when a function that is to be cached is decorated.
        config.CACHE_DIR = str(cache_home() / f"kernels-{source_digest(function.__module__)}")
    compiled: Any = njit(**_OPTIONS, **options)(function)
    return compiled


def kernel(function: F) -> F:
    """Compile `function` at its first call; see the module's text for what it may do."""
    return _compiled(function, cache=True)


def inner(function: F) -> F:
    """Compile a kernel that only kernels call: without the wrapper for Python, which costs compile time.

    It can be cached, and called from Python under NUMBA_DISABLE_JIT=1 only.
    """
    return _compiled(function, cache=True, **_UNWRAPPED)


def inlined(function: F) -> F:
    """Copy a kernel into its callers, as one that returns an array must be."""
    return _compiled(function, inline="always")
