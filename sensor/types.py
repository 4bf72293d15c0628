"""Names for the array types that kernels pass around; NumPy's own spelling of them is long."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Int: TypeAlias = Any
"""What a kernel takes and gives as an integer: int64 when compiled, int or numpy.int64 in plain
Python. Numba does the type checking inside kernels."""
Rows: TypeAlias = NDArray[np.void]
"""An array of records; the dtype stands beside the table it belongs to."""
Record: TypeAlias = Any
"""One record of such an array: inside a kernel a reference, in plain Python a numpy.void."""
