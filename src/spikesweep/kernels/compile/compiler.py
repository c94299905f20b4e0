"""numba itself: the one file that imports it, when the first kernel is called (`jit`)."""

import hashlib
import pickle
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numba
from numba.core import compiler, serialize
from numba.core.caching import NullCache
from numba.core.compiler import Compiler

from spikesweep.kernels.compile.cache import code_of, folder

_DIGEST = 32


def dispatcher(
    function: Callable[..., Any],
    *,
    disjoint: bool,
    inlined: bool,
    kept: tuple[str, frozenset[str]] | None,
) -> Any:
    """Return numba's dispatcher of a function, or the function itself where numba is told to compile nothing.

    `kept` is the name under which compiled versions are kept, and the modules that the function is made of.
    """
    own: dict[str, Any] = {"pipeline_class": _Disjoint} if disjoint else {}
    if disjoint or inlined:  # they hold what is called most, and allocate nothing
        own["_nrt"] = False
    made: Any = _options(forceinline=inlined, **own)(function)
    if kept is not None and not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        made._cache = KernelCache(*kept)
    return made


class _Disjoint(Compiler):
    def __init__(self, typing: Any, target: Any, library: Any, args: Any, result: Any, flags: Any, own: Any):
        flags.noalias = True
        super().__init__(typing, target, library, args, result, flags, own)


_options = partial(numba.njit, error_model="numpy", nogil=True)


class KernelCache(NullCache):
    """What numba asks for one function's compiled versions; `modules` are what it is made of."""

    def __init__(self, name: str, modules: frozenset[str]) -> None:
        self._name, self._modules = name, modules

    @property
    def cache_path(self) -> str | None:
        """Return the folder, as numba reports it."""
        place = folder()
        return None if place is None else str(place)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the function compiled for a signature, None where it has to be compiled."""
        path = self._path(sig, target_context.codegen())
        if path is None:
            return None
        try:
            data = path.read_bytes()
            digest, body = data[:_DIGEST], data[_DIGEST:]
            if digest != hashlib.sha256(body).digest():
                return None
            target_context.refresh()
            return compiler.CompileResult._rebuild(target_context, *pickle.loads(body))
        except Exception:  # absent, or whatever a damaged pickle raises: compiled again, then replaced
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled; a disk that refuses costs only the next start."""
        path = self._path(sig, data.codegen)
        if path is None or data.library.has_dynamic_globals or data.lifted:
            return
        body = serialize.dumps(data._reduce())
        partial = path.with_suffix(f".{uuid.uuid4().hex}")
        with suppress(OSError):
            partial.write_bytes(hashlib.sha256(body).digest() + body)
            partial.replace(path)

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        place, code = folder(), code_of(self._modules)
        key = repr((self._name, code, str(sig), codegen.magic_tuple())).encode()
        name = f"{hashlib.sha256(key).hexdigest()[:32]}.kernel"
        return None if place is None or code is None else place / name
