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
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

SOURCES = Path(__file__).parent


def source_digest() -> str:
    """Digest of every source file of the sensor.

    Numba's own cache looks only at the file a function stands in and misses a changed callee in
    another file; a cache directory named after this digest cannot go stale.
    """
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.py")):
        digest.update(path.relative_to(SOURCES).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_home() -> Path:
    """Where compiled kernels live: `$FIELDWATCH_CACHE`, else the user's cache directory."""
    explicit = os.environ.get("FIELDWATCH_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fieldwatch"


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_home() / f"kernels-{source_digest()}")

from numba import njit  # noqa: E402  Numba reads its cache directory when it is imported

# Options that Numba reads but its type annotations leave out stand here too, hence Any.
# Without `_nrt`, Numba counts references to every array at every call, though nothing is ever freed.
_OPTIONS: dict[str, Any] = {"boundscheck": True, "nogil": True, "_nrt": False}
_UNWRAPPED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: F) -> F:
    """Compile `function` at its first call; see the module's text for what it may do."""
    compiled: Any = njit(cache=True, **_OPTIONS)(function)
    return compiled


def inner(function: F) -> F:
    """Compile a kernel that only kernels call: without the wrapper for Python, which costs compile time.

    It can be cached, and called from Python under NUMBA_DISABLE_JIT=1 only.
    """
    compiled: Any = njit(cache=True, **_OPTIONS, **_UNWRAPPED)(function)
    return compiled


def inlined(function: F) -> F:
    """Copy a kernel into its callers, as one that returns an array must be."""
    compiled: Any = njit(inline="always", **_OPTIONS)(function)
    return compiled
