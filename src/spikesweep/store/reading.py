"""What readers of a store have, wherever it is: its blocks, and what is damaged of them, and its dataset."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.grid import Block
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import MISSING, NOT_ASKED, STATUS_MEANINGS
from spikesweep.store import asked_for, durable, plain, ragged
from spikesweep.store.arrays import chunk_key, dims, fresh_arrays, no_singles, read_only, results
from spikesweep.store.block_record import BlockRecord
from spikesweep.store.description import Description
from spikesweep.store.paths import is_foreign
from spikesweep.store.records import HIDDEN, unguarded
from spikesweep.store.remote import Place, Remote, UnreachableError

if TYPE_CHECKING:
    import xarray as xr

#: Of new stores, and those that are read and continued as well: 2 has a folder for each dimension of a chunk.
FORMAT, FORMATS = "spikesweep 3", ("spikesweep 2", "spikesweep 3")
#: Stands in a store that is being pushed to where it is, until it is there and verified.
UNFINISHED = f"{HIDDEN}/push.json"
#: How arrays are packed here, which another format (`ds.to_zarr(..., zarr_format=2)`) could not carry out.
_CODECS = ("compressors", "serializer", "filters", "shards")


@dataclass(frozen=True)
class Reader(Description):
    """A store that is read, on the disk or below a URL."""

    path: Place
    manifest: bytes = b""  #: of the one store that is meant; where empty, of whatever is at the path

    @classmethod
    def at(cls, path: Place) -> Self | None:
        """Return the store at a path, None where nothing is; raise InputError where something else is."""
        store = cls(path)
        try:
            attrs = store.attrs
            format_, complete = str(attrs.get("format")), {"axes", "columns", "configuration"} <= {*attrs}
        except UnreachableError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, zarr.errors.BaseZarrError) as error:
            if isinstance(error, InputError):
                raise
            if not path.exists():
                return None
            format_, complete = "", False
        if (path / UNFINISHED).exists():
            raise DamagedError(str(path), "a push to it goes on, or was stopped", "the same push again")
        if format_ in FORMATS and complete:
            if is_foreign(path):
                raise InputError(
                    f"{path} was saved from a sweep, and is none; allowed: the sweep, or xarray.open_zarr"
                )
            return store
        if format_.startswith("spikesweep ") and format_ not in FORMATS:
            raise InputError(
                f"{path} is a store of format {format_!r}; allowed: {FORMAT!r}, another name=..."
            )
        if store._manifest_path.exists():
            raise DamagedError(str(path), "its zarr.json is damaged", "a copy of that file, another name=...")
        raise InputError(
            f"{path} exists and is not a store of spikesweep; allowed: another name=..., to read it "
            "xarray.open_zarr"
        )

    def held(self) -> Self:
        """Return this store, and none that replaces it."""
        return replace(self, manifest=plain.content(self._manifest_path))

    def read_block(self, block: Block) -> tuple[dict[str, NDArray[Any] | Ragged], NDArray[np.uint8]]:
        """Return the variables and the status of a rectangle of points, whether chunk or not.

        Raises DamagedError where a chunk cannot be read.
        """
        with self._readable(block):
            return self._read(block)

    def block_status(self, block: Block) -> NDArray[np.uint8]:
        """Return the status of a block's points; raise DamagedError where it cannot be read."""
        with self._readable(block):
            return np.array(self._arrays["status"][block.slices], order="C")

    @contextmanager
    def _readable(self, block: Block) -> Iterator[None]:
        """Raise DamagedError where a chunk of a block cannot be read."""
        try:
            yield
        except (UnreachableError, InputError):
            raise
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

    def open(self) -> "xr.Dataset":
        """Return the whole sweep, read lazily."""
        import xarray as xr  # late: it costs more than all that is done without it

        from spikesweep.store import accessor as accessor  # registers ds.sweep

        ds: xr.Dataset = xr.open_zarr(read_only(self.path), zarr_format=3)
        ds.encoding["source"] = self.path.url if isinstance(self.path, Remote) else str(self.path)
        variables = [*ds.variables.values()]
        for attrs in (ds.attrs, *(variable.attrs for variable in variables)):
            # truth values in stores of before; netCDF has none
            attrs.update({k: int(v) for k, v in attrs.items() if isinstance(v, bool)})
        for variable in variables:
            for key in _CODECS:
                variable.encoding.pop(key, None)
        for name, values in ds.data_vars.items():
            sizes = dict(zip(values.dims, values.chunks or (), strict=False))
            parts = {d: no_singles(sum(c), c[0]) for d, c in sizes.items() if len(c) > 1 and 1 in c}
            ds[name] = values.chunk(parts) if parts else values
        if (found := asked_for.requests(self.path)) is not None:
            meant = xr.DataArray(asked_for.mask(found, self.axis_values()), dims=self.axes)
            status = ds["status"]
            flags = {"flag_values": [*range(len(STATUS_MEANINGS.split()))], "flag_meanings": STATUS_MEANINGS}
            ds["status"] = status.where((status != MISSING) | meant, NOT_ASKED).assign_attrs(flags)
        return ds

    def told(self) -> NDArray[np.uint8]:
        """Return the status of every point as it is told: what was never asked for is not missing."""
        found = asked_for.requests(self.path)
        if found is None:
            return self.status()
        return asked_for.told(self.status(), asked_for.mask(found, self.axis_values()))

    def has_chunk(self, name: str, block: Block) -> bool:
        """Return whether a variable's chunk of a block is there, that of its counts if it is ragged."""
        return (self.path / self._chunk_key(name, block)).exists()

    def _hashes(
        self, block: Block, results: Mapping[str, NDArray[Any] | Ragged], status: NDArray[np.uint8]
    ) -> dict[str, str]:
        """Return a hash of each variable of a block and of its status, and of where in which store it is."""
        # the manifest has the hashes of the configuration and of all labels
        where = [
            self.manifest or plain.content(self._manifest_path),
            repr((block.start, block.stop)).encode(),
        ]
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

    def _record(self, block: Block) -> BlockRecord | None:
        """Return a block's record, None where it has none; raise ValueError where it is damaged."""
        try:
            data = plain.content(self.path / self._record_key(block))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return BlockRecord.of(unguarded(data))

    def _chunk_key(self, name: str, block: Block) -> str:
        """Return where below the store a variable's chunk of a block is."""
        array = self._cells(name)
        return f"{array.basename}/{chunk_key(array, self._chunk(block, dims(array)))}"

    def _record_key(self, block: Block) -> str:
        key = chunk_key(self._arrays["status"], self._chunk(block, self.axes))
        return f"{HIDDEN}/blocks/{key.removeprefix('c')[1:]}"

    def _name(self, block: Block) -> str:
        return ragged.place_of(self.chunk_of(block))

    def chunk_of(self, block: Block) -> tuple[int, ...]:
        """Return which chunk of the status a block is."""
        return tuple(a // n for a, n in zip(block.start, self.chunks, strict=True))

    def _chunk(self, block: Block, dims: Sequence[str]) -> list[int]:
        """Return which chunk of a variable of these dims is a block's."""
        chunk = {d: a // n for d, a, n in zip(self.axes, block.start, self.chunks, strict=True)}
        return [chunk.get(dim, 0) for dim in dims]

    def _index(self, name: str, block: Block) -> Any:
        """Return a block as an index of a variable."""
        parts = dict(zip(self.axes, block.slices, strict=True))
        return tuple(parts.get(dim, slice(None)) for dim in dims(self._arrays[name]))
