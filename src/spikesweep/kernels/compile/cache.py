"""Compiled kernels kept on the disk, so that a process starts in a second.

numba's own cache looks only at the file of the kernel itself: it serves an old model after an edit of a
function that the kernel calls, and never finds a loop that was made around a model. Here the key covers the
source files of the modules that a kernel is made of and of all they import from trusted packages, Python,
numba, llvmlite, NumPy, the processor, the signature and the models. What a kernel is not made of, a plot or a
protocol, compiles nothing again. Each file bears the hash of its content, so that a truncated or foreign one
is compiled again. The files are pickles: only a folder that belongs to the user, and that no one else can
write to, is used.
"""

import hashlib
import os
import pickle
import sys
import time
import uuid
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import compiler, serialize
from numba.core.caching import NullCache
from platformdirs import user_cache_path

from spikesweep import sources
from spikesweep.folder_packages import imported_source
from spikesweep.trust import PACKAGE

_DIGEST = 32
#: A file with a later time was perhaps edited after this process imported it.
_STARTED = time.time()
#: Packages that models outside this one may import, beside the standard library: their versions are in the
#: key. What imports others is not kept, since these could change unseen.
_KNOWN = ("annotated_types", "llvmlite", "numba", "numpy", "scipy", "xarray")


@cache
def _version() -> str:
    """Return a hash of what compiles."""
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    return hashlib.sha256(repr(versions).encode()).hexdigest()[:24]


@cache
def code_of(modules: frozenset[str]) -> str | None:
    """Return a hash of the source of modules and of all they import, None where it may change unseen."""
    digest = hashlib.sha256()
    others: set[str] = set()
    found = {name: part for module in modules for name, part in _closure(module).items()}
    for module in sorted(found):
        text = _own_hash(module)
        if text is None:
            return None
        digest.update(f"{module} {text}\n".encode())
        others |= set() if module.startswith(f"{PACKAGE}.") else found[module]
    for package in sorted(others - sys.stdlib_module_names):
        if package not in _KNOWN:
            return None
        try:
            digest.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            return None
    return digest.hexdigest()


@cache
def _closure(module: str) -> dict[str, frozenset[str]]:
    return sources.closure({module}, sources.likely_imports)


@cache
def _own_hash(module: str) -> str | None:
    """Return a hash of a source, None where that on the disk may not be the one that was imported."""
    text = imported_source(module)
    if text is None:
        path = sources.file_of(module)
        if path is None or path.stat().st_mtime > _STARTED:
            return None
        text = path.read_bytes()
    return hashlib.sha256(text).hexdigest()


@cache
def folder() -> Path | None:
    """Return where kernels are kept, None where that is not safe or not possible."""
    home = os.environ.get("SPIKESWEEP_CACHE_DIR")
    path = (Path(home) if home else user_cache_path("spikesweep")) / _version()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError:
        return None
    return path if status.st_uid == os.getuid() and not status.st_mode & 0o022 else None


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
