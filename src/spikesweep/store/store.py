"""The store of one sweep: what its blocks hold, written so that nothing is ever half there."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.grid import Block
from spikesweep.grid.ragged import Ragged
from spikesweep.store import durable, ragged, turns
from spikesweep.store.arrays import assert_aligned, dims, fresh_arrays, results
from spikesweep.store.block_record import BlockRecord, Hashes
from spikesweep.store.description import Description
from spikesweep.store.records import HIDDEN, guarded, unguarded

if TYPE_CHECKING:
    import xarray as xr

FORMAT = "spikesweep 2"


@dataclass(frozen=True)
class Store(Description):
    """A store on the disk, made by `create` or found by `Store.at`."""

    path: Path
    manifest: bytes = b""  #: of the store that may be written to, see `held`

    @classmethod
    def at(cls, path: Path) -> "Store | None":
        """Return the store at a path, None where nothing is; raise InputError where something else is."""
        if durable.is_beside(path):
            with suppress(InputError), durable.locked(path):
                durable.recover(path)
        if not path.exists():
            return None
        try:
            attrs = cls(path).attrs
            format_, complete = str(attrs.get("format")), {"axes", "columns", "configuration"} <= {*attrs}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, zarr.errors.BaseZarrError):
            format_, complete = "", False
        if format_ == FORMAT and complete:
            return cls(path)
        if format_.startswith("spikesweep ") and format_ != FORMAT:
            raise InputError(
                f"{path} is a store of format {format_!r}; allowed: {FORMAT!r}, another name=..."
            )
        if cls(path)._manifest_path.exists():
            raise DamagedError(str(path), "its zarr.json is damaged", "a copy of that file, another name=...")
        raise InputError(f"{path} exists and is not a store of spikesweep; allowed: another name=...")

    def held(self) -> "Store":
        """Return the store as its driver writes to it: this one, and none that replaces it."""
        return replace(self, manifest=self._manifest_path.read_bytes())

    def read_block(self, block: Block) -> tuple[dict[str, NDArray[Any] | Ragged], NDArray[np.uint8]]:
        """Return the variables and the status of a rectangle of points, whether chunk or not.

        Raises DamagedError where a chunk cannot be read.
        """
        try:
            return self._read(block)
        except Exception as error:  # whatever a codec says of a damaged chunk
            what = f"a chunk cannot be read ({type(error).__name__}: {error})"
            raise self._damaged(block, what) from error

    def _read(self, block: Block) -> tuple[dict[str, NDArray[Any] | Ragged], NDArray[np.uint8]]:
        arrays = self._arrays
        read: dict[str, NDArray[Any] | Ragged] = {
            name: np.array(arrays[name][self._index(name, block)], order="C") for name in results(self.path)
        }
        for dimension, counts in ragged.dimensions(arrays).items():
            sizes = zip(dims(arrays[counts]), arrays[counts].shape, strict=True)
            positions = {name: np.arange(n) for name, n in sizes}
            positions |= {
                n: np.arange(a, b) for n, a, b in zip(self.axes, block.start, block.stop, strict=True)
            }
            empty = ragged.template(self.path, dimension)
            read |= ragged.read(self.path, arrays, dimension, self.axes, positions, empty)
        return read, np.array(arrays["status"][block.slices], order="C")

    def read_whole(self, block: Block) -> tuple[dict[str, NDArray[Any] | Ragged], NDArray[np.uint8]]:
        """Return what a block holds; raise DamagedError where that is not what was written.

        A block whose status is gone holds nothing.
        """
        try:
            record = self._record(block)
        except ValueError:
            raise self._damaged(block, "its record is damaged") from None
        results, status = self.read_block(block)
        if record is None:
            what = "it has results and no record" if status.any() else ""
        else:
            gone = [name for name in (*results, "status") if not self.has_chunk(name, block)]
            what = record.problem(self._hashes(block, results, status), gone)
        if what:
            raise self._damaged(block, what)
        return results, status

    def block_status(self, block: Block) -> NDArray[np.uint8]:
        """Return the status of a block's points; raise DamagedError where it cannot be read."""
        try:
            return np.array(self._arrays["status"][block.slices], order="C")
        except (RuntimeError, ValueError) as error:  # whatever a codec says of a damaged chunk
            what = f"a chunk cannot be read ({type(error).__name__}: {error})"
            raise self._damaged(block, what) from error

    def status_is_gone(self, block: Block) -> bool:
        """Return whether a written block has lost its status; raise ValueError for a damaged record."""
        record = self._record(block)
        return record is not None and record.now is not None and not self.has_chunk("status", block)

    def _damaged(self, block: Block, what: str) -> DamagedError:
        return DamagedError(f"{self.path}, block {self._name(block)}", what, self._repair)

    def read_cells(
        self, dimension: str, positions: Mapping[str, NDArray[np.int64]]
    ) -> tuple[dict[str, Ragged], dict[str, dict[str, Any]]]:
        """Return the ragged values of cells at all combinations of positions, and the variables' attributes.

        The store is read as it is on the disk now. Raises FileNotFoundError where another process writes
        the block at this moment.
        """
        arrays = fresh_arrays(self.path)
        empty = ragged.template(self.path, dimension, fresh=True)
        cells = ragged.read(self.path, arrays, dimension, dims(arrays["status"]), positions, empty)
        return cells, {name: dict(array.attrs) for name, array in empty.items()}

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
        if self.manifest and self._manifest_path.read_bytes() != self.manifest:
            raise OSError(errno.ESTALE, "another process has replaced the store", str(self.path))

    def _hashes(
        self, block: Block, results: Mapping[str, NDArray[Any] | Ragged], status: NDArray[np.uint8]
    ) -> dict[str, str]:
        """Return a hash of each variable of a block and of its status, and of where in which store it is."""
        # the manifest has the hashes of the configuration and of all labels
        where = [self.manifest or self._manifest_path.read_bytes(), repr((block.start, block.stop)).encode()]
        found = {}
        for name, values in {**results, "status": status}.items():
            parts = [*where, name.encode()]
            pieces = (values.sizes, values.values) if isinstance(values, Ragged) else (values,)
            for array in map(np.ascontiguousarray, pieces):
                parts += [f"{array.dtype.str} {array.shape}".encode(), array.tobytes()]
            if isinstance(values, Ragged):
                parts += ragged.metadata(self.path, self.ragged[name], self._name(block), values.sizes)
            found[name] = durable.content_hash(b"\0".join(parts))
        return found

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

    def _record(self, block: Block) -> BlockRecord | None:
        """Return a block's record, None where it has none; raise ValueError where it is damaged."""
        path = self._record_path(block)
        return BlockRecord.of(unguarded(path.read_bytes())) if path.exists() else None

    def _write_record(self, block: Block, record: BlockRecord) -> None:
        durable.write(self._record_path(block), guarded(record.plain()))

    def forget_block(self, block: Block) -> None:
        """Mark a block's points missing, so that the next run computes them."""
        self._chunk_path("status", block).unlink(missing_ok=True)
        for name in self.variables:
            self._chunk_path(name, block).unlink(missing_ok=True)
        for dimension in ragged.dimensions(self._arrays):
            ragged.remove_other(self.path, dimension, self._name(block), None)
        self._record_path(block).unlink(missing_ok=True)

    def has_chunk(self, name: str, block: Block) -> bool:
        """Return whether a variable's chunk of a block is on the disk, that of its counts if it is ragged."""
        return self._chunk_path(name, block).exists()

    @contextmanager
    def writing(self, block: Block) -> Iterator[None]:
        """Keep others from writing a block.

        A block may run twice: where its worker was thought lost, or its driver was killed and the next one
        has started. What is read and written in this context is whole.
        """
        chunk = tuple(a // n for a, n in zip(block.start, self.chunks, strict=True))
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

    def open(self) -> "xr.Dataset":
        """Return the whole sweep, read lazily."""
        import xarray as xr  # late: it costs more than all that is done without it

        from spikesweep.store import accessor as accessor  # registers ds.sweep

        ds: xr.Dataset = xr.open_zarr(self.path)
        return ds

    def _chunk_path(self, name: str, block: Block) -> Path:
        array = self._cells(name)
        return self.path / array.basename / "c" / self._place(block, dims(array))

    def _record_path(self, block: Block) -> Path:
        return self.path / HIDDEN / "blocks" / self._place(block, self.axes)

    def _name(self, block: Block) -> str:
        return ragged.place_of([a // n for a, n in zip(block.start, self.chunks, strict=True)])

    def _place(self, block: Block, dims: Sequence[str]) -> Path:
        """Return the path of a block's chunk below a variable of these dims."""
        chunk = {d: a // n for d, a, n in zip(self.axes, block.start, self.chunks, strict=True)}
        return Path(*(str(chunk.get(dim, 0)) for dim in dims))

    def _index(self, name: str, block: Block) -> Any:
        """Return a block as an index of a variable."""
        parts = dict(zip(self.axes, block.slices, strict=True))
        return tuple(parts.get(dim, slice(None)) for dim in dims(self._arrays[name]))
