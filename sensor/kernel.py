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
from functools import cache, cached_property, update_wrapper
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit

from sensor.linking import EntryCompiler, InnerCompiler

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
        digest.update(_digest_alone(name))
    return digest.hexdigest()[:16]


@cache
def _digest_alone(module: str) -> bytes:
    return hashlib.sha256(module.encode() + b"\0" + _imports(module)[0].read_bytes()).digest()


def cache_home() -> Path:
    """Where compiled kernels live: `$FIELDWATCH_CACHE`, else the user's cache directory."""
    explicit = os.environ.get("FIELDWATCH_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fieldwatch"


def cache_folder(module: str) -> Path:
    """Where the compiled kernels of a module live."""
    return cache_home() / f"kernels-{source_digest(module)}"


_SETTINGS = vars(config)
_PLAIN = bool(_SETTINGS["DISABLE_JIT"])
_KEEPS_CACHE_DIR = "NUMBA_CACHE_DIR" in os.environ

# Options that Numba reads but its type annotations leave out stand here too, hence Any.
# Without `_nrt`, Numba counts references to every array at every call, though nothing is ever freed.
_OPTIONS: dict[str, Any] = {"boundscheck": True, "nogil": True, "_nrt": False, "no_cfunc_wrapper": True}
_ENTRY: dict[str, Any] = {"pipeline_class": EntryCompiler, "cache": True, **_OPTIONS}
_INNER: dict[str, Any] = {"pipeline_class": InnerCompiler, "no_cpython_wrapper": True, **_OPTIONS}


def can_compile_ahead() -> bool:
    """Whether what another process compiles is found again: not in plain Python, nor in a foreign cache."""
    return not (_PLAIN or _KEEPS_CACHE_DIR)


class Kernel:
    """A function that is compiled in two ways when it is needed: for kernels that call it, and for Python."""

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        """Run it; the first call compiles it or loads it from the cache."""
        return self._entry(*arguments)

    @cached_property
    def _entry(self) -> Any:
        if not _KEEPS_CACHE_DIR:
            # Read by Numba when a function that is to be cached is decorated.
            _SETTINGS["CACHE_DIR"] = str(cache_folder(self._function.__module__))
        return njit(**_ENTRY)(self._function)

    @cached_property
    def _inner(self) -> Any:
        return njit(**_INNER)(self._function)

    @property
    def _numba_type_(self) -> Any:
        """What Numba takes it for where a kernel calls it."""
        return self._inner._numba_type_


def kernel(function: F) -> F:
    """Compile `function` when it is first called; see the module's text for what it may do."""
    compiled: Any = function if _PLAIN else Kernel(function)
    return compiled


inner = kernel


def inlined(function: F) -> F:
    """Copy a kernel into its callers, as one that returns an array must be."""
    compiled: Any = njit(inline="always", **_OPTIONS)(function)
    return compiled
