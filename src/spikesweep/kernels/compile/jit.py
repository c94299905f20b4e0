"""The one place that sets numba's options.

`error_model="numpy"`: Python's check of every division alone prevents vector code. `nogil`: threads
scale. No `fastmath`, which would let the bits depend on the processor. No `cache=True`: see `cache`.
"""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar, cast

import numba
from numba.core.compiler import Compiler

from spikesweep.kernels.compile.cache import KernelCache
from spikesweep.trust import root_of

F = TypeVar("F", bound=Callable[..., Any])


def kept(function: F, *parts: Any, compile_it: Callable[[F], F] | None = None) -> F:
    """Compile `function` at its first call, unless an earlier process did and kept it (`cache`).

    `parts` are what the function was made of: texts, classes, other compiled functions. Where one of
    them is of no trusted package nothing is kept, since its source could change unseen. `compile_it` is
    `compiled` unless told.
    """
    name = " ".join((function.__module__, function.__qualname__, *map(_name, parts)))
    # numba names the machine code by qualname, a number that counts up in each process, and signature:
    # two functions that differ only in what they were made of could bear one name, and the linker
    # would take either for the other when both come from the disk
    function.__qualname__ += f"_{sha256(name.encode()).hexdigest()[:16]}"
    dispatcher = (compile_it or compiled)(function)
    modules = [_modules(part) for part in (function, *parts)]
    known = frozenset().union(*(m for m in modules if m)) if None not in modules else None
    if known is not None and not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        dispatcher._cache = KernelCache(name, known)  # type: ignore[attr-defined]
        dispatcher.kept_name = name  # type: ignore[attr-defined]
    dispatcher.made_of = known  # type: ignore[attr-defined]
    return dispatcher


def _name(part: Any) -> str:
    if isinstance(part, str):
        return part
    return getattr(part, "kept_name", None) or f"{part.__module__}.{part.__qualname__}"


def _modules(part: Any) -> frozenset[str] | None:
    """Return the modules that a part is made of, None where one of them is of no trusted package."""
    if isinstance(part, str):
        return frozenset()
    if hasattr(part, "made_of"):
        return part.made_of  # type: ignore[no-any-return]
    return frozenset({part.__module__}) if root_of(part.__module__) else None


def compiled(function: F) -> F:
    """Compile `function` at its first call."""
    return cast(F, _options(function))


def disjoint(function: F) -> F:
    """Compile `function` at its first call; no two arrays of a call may overlap.

    LLVM then holds in registers, from step to step, what it must otherwise write and read again: what C
    calls restrict, for which numba has a flag but no option.
    """
    return cast(F, _options(pipeline_class=_Disjoint)(function))


class _Disjoint(Compiler):
    def __init__(self, typing: Any, target: Any, library: Any, args: Any, result: Any, flags: Any, own: Any):
        flags.noalias = True
        super().__init__(typing, target, library, args, result, flags, own)


_options = partial(numba.njit, error_model="numpy", nogil=True)
