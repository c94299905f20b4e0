"""Where compiled kernels are kept on the disk, and what decides whether one of them is the right one.

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
import sys
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from spikesweep import sources
from spikesweep.folder_packages import imported_source
from spikesweep.trust import PACKAGE

#: A file with a later time was perhaps edited after this process imported it.
_STARTED = time.time()
#: Packages that models outside this one may import, beside the standard library: their versions are in the
#: key. What imports others is not kept, since these could change unseen.
_KNOWN = ("annotated_types", "llvmlite", "numba", "numpy", "scipy", "xarray")


@cache
def _version() -> str:
    """Return a hash of what compiles."""
    versions = (sys.version, version("numba"), version("llvmlite"), np.__version__)
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
