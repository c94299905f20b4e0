"""Compiled kernels kept on the disk, so that a process starts in a second.

numba's own cache looks only at the file of the kernel itself: it serves an old model after an edit of a
function that the kernel calls, and never finds a loop that was made around a model. Here the key covers
every source file of this package, Python, numba, llvmlite, the processor, the signature and the models;
each file bears the hash of its content, so that a truncated or foreign one is compiled again. The files
are pickles: only a folder that belongs to the user, and that no one else can write to, is used.
"""

import hashlib
import os
import pickle
import sys
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import compiler, serialize
from numba.core.caching import NullCache
from platformdirs import user_cache_path

import spikesweep

PACKAGE = Path(spikesweep.__file__).parent
_DIGEST = 32


@cache
def _version() -> str:
    """Return a hash of everything but the function that decides what is compiled."""
    digest = hashlib.sha256(repr((sys.version, numba.__version__, llvmlite.__version__)).encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]


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
    """What numba asks for one function's compiled versions."""

    def __init__(self, name: str) -> None:
        self._name = name

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
        place = folder()
        key = repr((self._name, str(sig), codegen.magic_tuple())).encode()
        return None if place is None else place / f"{hashlib.sha256(key).hexdigest()[:32]}.kernel"
