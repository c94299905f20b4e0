"""The one place that sets numba's options.

`error_model="numpy"`: Python's check of every division alone prevents vector code. `nogil`: threads
scale. No `fastmath`, which would let the bits depend on the processor. No `cache=True`: see `cache`.

numba is imported when the first kernel is called: it takes half of the time that a refused command has.
"""

from collections.abc import Callable
from functools import update_wrapper
from hashlib import sha256
from importlib import import_module
from threading import RLock
from typing import Any, TypeVar, cast

from spikesweep.trust import root_of

F = TypeVar("F", bound=Callable[..., Any])

_making = RLock()


class Kernel:
    """A function that numba compiles at its first call, from Python or from another kernel."""

    def __init__(
        self, function: Callable[..., Any], *, disjoint: bool = False, inlined: bool = False
    ) -> None:
        self.py_func = function
        self.place = function.__qualname__  #: its name in its module
        self._disjoint, self._inlined = disjoint, inlined
        self._made: Any = None
        #: The name under which compiled versions are kept, and what the kernel is made of.
        self._kept: tuple[str, frozenset[str]] | None = None
        update_wrapper(self, function)

    @property
    def made(self) -> Any:
        """Return numba's dispatcher."""
        if self._made is None:
            with _making:
                if self._made is None:
                    from spikesweep.kernels.compile.compiler import dispatcher  # late: it imports numba

                    self._made = dispatcher(
                        self.py_func, disjoint=self._disjoint, inlined=self._inlined, kept=self._kept
                    )
        return self._made

    @property
    def _numba_type_(self) -> Any:
        """Return the type by which numba calls this kernel from another."""
        return self.made._numba_type_

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the compiled function."""
        return self.made(*arguments, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return where another process finds this kernel: under its name in its module."""
        return _at, (self.__module__, self.place)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("kept_name", "made_of"):
            raise AttributeError(name)
        return getattr(self.made, name)


def _at(module: str, place: str) -> Any:
    found: Any = import_module(module)
    for name in place.split("."):
        found = getattr(found, name)
    return found


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
    place = function.__qualname__
    function.__qualname__ += f"_{sha256(name.encode()).hexdigest()[:16]}"
    kernel: Any = (compile_it or compiled)(function)
    kernel.place = place
    modules = [_modules(part) for part in (function, *parts)]
    known = frozenset().union(*(m for m in modules if m)) if None not in modules else None
    if known is not None:
        kernel._kept, kernel.kept_name = (name, known), name
    kernel.made_of = known
    return cast(F, kernel)


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
    return cast(F, Kernel(function))


def disjoint(function: F) -> F:
    """Compile `function` at its first call; no two arrays of a call may overlap.

    LLVM then holds in registers, from step to step, what it must otherwise write and read again: what C
    calls restrict, for which numba has a flag but no option. It may allocate nothing, so that its arrays are
    not counted: two atomic additions for each, at each call.
    """
    return cast(F, Kernel(function, disjoint=True))


def inlined(function: F) -> F:
    """Compile `function` at its first call, always into what calls it.

    Tuples of many arrays are passed by value, array by array: that takes longer than what a short function
    does. It may allocate nothing, as with `disjoint`.
    """
    return cast(F, Kernel(function, inlined=True))
