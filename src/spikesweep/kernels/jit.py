"""The one place that sets numba's options.

`error_model="numpy"`: Python's check of every division alone prevents vector code. `nogil`: threads
scale. No `fastmath`, which would let the bits depend on the processor. No `cache=True`: numba's cache
looks only at a kernel's own file and would serve an old model after an edit of a function it calls.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile `function` at its first call."""
    return cast(F, numba.njit(error_model="numpy", nogil=True)(function))
