"""A look at what has changed in a store, and readings of just that: for whoever watches a sweep fill.

The status of a block is written last, in one step, to a file of its own. So a file that is new, or newer, is
all there is to know: one question to the file system where nothing has changed, else one a file.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.grid import Block
from spikesweep.store import asked_for
from spikesweep.store.arrays import dims, fresh_arrays, version
from spikesweep.store.missing import not_there
from spikesweep.store.reading import Reader
from spikesweep.store.records import HIDDEN
from spikesweep.store.remote import Place, Remote
from spikesweep.store.store import stored

#: Seconds in which a folder may change twice and bear one time.
_COARSE = 2.0
_CHUNK = re.compile(r"c((?:[./][0-9]{1,9})*)")


@dataclass(frozen=True)
class Changes:
    """What has changed since the last look."""

    blocks: tuple[Block, ...] = ()  #: whose status was written, or has gone
    replaced: bool = False  #: whether another store is at the place, as one that has grown


class Watch:
    """A store that is looked at again and again. Raises InputError where there is none."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._open()

    def _open(self) -> None:
        store = stored(self.place.resolve() if isinstance(self.place, Path) else self.place)
        if store is None:
            raise not_there(self.place)
        self.store: Reader = store
        self._version = version(store.path)
        self._arrays = fresh_arrays(store.path)
        for name, array in self._arrays.items():  # a name of no dimension could not be asked for
            if len({*dims(array)}) != array.ndim:
                raise DamagedError(f"{store.path}, {name}", "it has no dimensions", "an array of a store")
        status = self._arrays["status"]
        self.dims, self.shape = dims(status), tuple(status.shape)
        self._chunks = tuple(status.chunks)
        self.times: dict[tuple[int, ...], float] = {}  #: of the chunks of status, when they were written (s)
        self._seen: dict[tuple[int, ...], Any] = {}
        self._folder: tuple[int, float] | None = None

    def look(self) -> Changes:
        """Return what has changed; of a store that was replaced all is new, and nothing is told of blocks."""
        if isinstance(self.store.path, Path) and version(self.store.path) != self._version:
            self._open()
            return Changes(replaced=True)
        if self._is_as_it_was():
            return Changes()
        found = dict(self._chunk_files())
        changed = [key for key in {*found, *self._seen} if found.get(key) != self._seen.get(key)]
        self._seen = found
        return Changes(tuple(self.block(key) for key in sorted(changed)))

    def _is_as_it_was(self) -> bool:
        """Return whether no file can have come to the folder of the status since it was listed."""
        if isinstance(self.store.path, Remote) or not all("/" not in name for name in self._names()):
            return False
        before, now = self._folder, (self.store.path / "status").stat().st_mtime_ns
        self._folder = now, time.time()
        return before is not None and before[0] == now and before[1] - now / 1e9 > _COARSE

    def _names(self) -> Iterator[str]:
        yield self._arrays["status"].metadata.encode_chunk_key((0,) * len(self.shape))

    def _chunk_files(self) -> Iterator[tuple[tuple[int, ...], Any]]:
        """Yield the chunks of the status, each with what another content of it does not share."""
        folder = self.store.path / "status"
        self.times = {}
        if isinstance(folder, Remote):
            for name, info in folder.files().items():
                if (key := self._key(name)) is not None:
                    yield key, tuple(str(info.get(k)) for k in ("size", "ETag", "mtime", "LastModified"))
            return
        todo = [str(folder)]
        while todo:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif (key := self._key(os.path.relpath(entry.path, folder))) is not None:
                        found = entry.stat(follow_symlinks=False)
                        self.times[key] = found.st_mtime
                        yield key, (found.st_mtime_ns, found.st_size, found.st_ino)

    def _key(self, name: str) -> tuple[int, ...] | None:
        """Return which chunk a file is, None for others."""
        match = _CHUNK.fullmatch(name)
        key = tuple(map(int, re.findall("[0-9]+", match[1]))) if match else ()
        pairs = zip(key, self._chunks, self.shape, strict=False)
        inside = len(key) == len(self.shape) and all(i * step < n for i, step, n in pairs)
        return key if inside else None

    def block(self, key: tuple[int, ...]) -> Block:
        """Return the points of a chunk of the status."""
        start = tuple(i * step for i, step in zip(key, self._chunks, strict=True))
        pairs = zip(start, self._chunks, self.shape, strict=True)
        return Block(start, tuple(min(a + step, n) for a, step, n in pairs))

    def blocks(self) -> list[Block]:
        """Return the blocks that have been written."""
        return [self.block(key) for key in self._seen]

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the dimensions of every array, coordinates too."""
        return {name: dims(array) for name, array in self._arrays.items()}

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        return tuple(self._arrays[name].shape)

    def dtype_of(self, name: str) -> str:
        """Return the kind of values of an array, as numpy says it: f, i, u, b, or T for words."""
        return str(self._arrays[name].dtype.kind)

    def attrs_of(self, name: str) -> dict[str, Any]:
        """Return the attributes of an array."""
        return dict(self._arrays[name].attrs)

    def read(self, name: str, where: Mapping[str, Any] | None = None) -> NDArray[Any]:
        """Return a part of an array as it is now, `where` says a slice or a place of some of its dimensions.

        Raises DamagedError where it cannot be read.
        """
        array = self._arrays[name]
        index = tuple((where or {}).get(dim, slice(None)) for dim in dims(array))
        try:
            return np.asarray(array[index])
        except (InputError, MemoryError):
            raise
        except Exception as error:  # whatever a codec says of a damaged chunk
            what = f"it cannot be read ({type(error).__name__}: {error})"
            remedy = f"python -m spikesweep check {self.store.path}"
            raise DamagedError(f"{self.store.path}, {name}", what, remedy) from error

    def asked(self) -> NDArray[np.bool_] | None:
        """Return which points were ever asked for, None where all were."""
        found = asked_for.requests(self.store.path)
        return None if found is None else asked_for.mask(found, self.store.axis_values())

    def failures_change(self) -> Any:
        """Return what is another once a failure is recorded."""
        folder = self.store.path / HIDDEN / "failures"
        if isinstance(folder, Remote):
            return len(folder.files())
        try:
            return folder.stat().st_mtime_ns
        except OSError:
            return None
