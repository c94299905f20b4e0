"""The store of one sweep on the disk: written so that nothing is ever half there."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.grid import Block
from spikesweep.grid.ragged import Ragged
from spikesweep.store import durable, plain, ragged, turns
from spikesweep.store.arrays import assert_aligned
from spikesweep.store.block_record import BlockRecord, Hashes
from spikesweep.store.reading import Reader
from spikesweep.store.records import WrittenRecords, guarded
from spikesweep.store.remote import Place, Remote


@dataclass(frozen=True)
class Store(Reader, WrittenRecords):
    """A store on the disk, made by `create` or found by `Store.at`; its driver writes to it as `held`."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> Self | None:  # type: ignore[override]
        """Return the store at a path, None where nothing is; raise InputError where something else is."""
        if durable.is_beside(path):
            with suppress(InputError), durable.locked(path):
                durable.recover(path)
        if not path.exists():
            return None
        plain.refuse_others(path)
        return super().at(path)

    def write_block(
        self, block: Block, results: Mapping[str, NDArray[Any] | Ragged], status: NDArray[np.uint8]
    ) -> None:
        """Write a block: record, variables, status, record again. Raise OSError where the disk refuses."""
        self._refuse_replaced()
        arrays = self._arrays
        assert_aligned(block, arrays["status"])
        counts = {}
        for dimension in ragged.dimensions(arrays):
            found = {
                n: v for n, v in results.items() if self.ragged.get(n) == dimension and isinstance(v, Ragged)
            }
            ragged.write(self.path, dimension, self._name(block), found)  # counts once its counts are there
            counts[dimension] = next(iter(found.values())).sizes
        hashes = self._hashes(block, results, status)
        self._write_record(block, BlockRecord(self._held_now(block), hashes))
        for name, values in results.items():
            if not isinstance(values, Ragged):
                arrays[name][self._index(name, block)] = values
        for dimension, name in ragged.dimensions(arrays).items():
            arrays[name][self._index(name, block)] = counts[dimension]
        self._refuse_replaced()
        arrays["status"][block.slices] = status
        self._write_record(block, BlockRecord(hashes))
        for dimension, sizes in counts.items():
            ragged.remove_other(self.path, dimension, self._name(block), sizes)

    def _refuse_replaced(self) -> None:
        """Raise OSError where this is no longer the store that its driver opened: it would be mixed."""
        if self.manifest and plain.content(self._manifest_path) != self.manifest:
            raise OSError(errno.ESTALE, "another process has replaced the store", str(self.path))

    def _held_now(self, block: Block) -> Hashes | None:
        """Return the hashes of what a block holds, None where it holds nothing."""
        record = self._record(block)
        if record is None:
            return None
        if record.next is None:
            return record.now
        if not self.has_chunk("status", block):
            return None
        return self._hashes(block, *self.read_block(block))  # a writer died here

    def _write_record(self, block: Block, record: BlockRecord) -> None:
        durable.write(self.path / self._record_key(block), guarded(record.plain()))

    def forget_block(self, block: Block) -> None:
        """Mark a block's points missing, so that the next run computes them."""
        (self.path / self._chunk_key("status", block)).unlink(missing_ok=True)
        for name in self.variables:
            (self.path / self._chunk_key(name, block)).unlink(missing_ok=True)
        for dimension in ragged.dimensions(self._arrays):
            ragged.remove_other(self.path, dimension, self._name(block), None)
        (self.path / self._record_key(block)).unlink(missing_ok=True)

    @contextmanager
    def writing(self, block: Block) -> Iterator[None]:
        """Keep others from writing a block.

        A block may run twice: where its worker was thought lost, or its driver was killed and the next one
        has started. What is read and written in this context is whole.
        """
        chunk = self._chunk(block, self.axes)
        n_chunks = [-(-size // n) for size, n in zip(self._arrays["status"].shape, self.chunks, strict=True)]
        with turns.alone(self.path, int(np.ravel_multi_index(chunk, n_chunks))):
            yield

    def remove_partial_files(self) -> None:
        """Remove what killed writers left behind; call it under the lock only."""
        for path in self.path.rglob(f"*{durable.PARTIAL}"):
            path.unlink(missing_ok=True)
        ragged.remove_unused(self.path, self._arrays, self.axes)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the one driver, no worker writing; raise InputError naming who holds it."""
        with durable.locked(self.path), turns.alone(self.path):
            yield

    @property
    def _repair(self) -> str:
        return f"python -m spikesweep check {self.path} --repair, then the same again"


def stored(place: Place) -> Reader | None:
    """Return the store at a place, None where nothing is; raise InputError where something else is."""
    if not isinstance(place, Remote):
        return Store.at(place)
    store = Reader.at(place)
    with suppress(FileNotFoundError):  # `check` says so
        return store and store.held()  # whatever is read later is of this one
    return store
