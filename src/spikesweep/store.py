"""The store of a sweep: one Zarr hierarchy, plain xarray to its readers. The one module that knows Zarr.

What a kill, a crash or a second program may do at any moment decides the order of things:
- a store is made under a temporary name and put in place in one step, so it is whole or absent;
- every file is written under a temporary name, synchronised and renamed (`durable`);
- a block is one chunk of every variable; then its record (`.spikesweep/blocks`), with a hash of what the
  chunks hold; its chunk of `status` is written last, so a point counts as done only when all is there;
- chunks carry a checksum: a flipped bit raises instead of giving another number. The files that never
  change (metadata, coordinates) are listed with their hashes in `.spikesweep/manifest.json`.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from spikesweep import durable
from spikesweep.errors import InputError
from spikesweep.grid import POINT, Block, Grid
from spikesweep.protocols.base import MISSING, STATUS_MEANINGS, Axis, Coordinate, Variable

_FORMAT = "spikesweep 1"
_HIDDEN = ".spikesweep"  # records beside the arrays
#: Attributes that every store has, whatever the sweep says of itself.
FIXED_ATTRS = ("format", "Conventions", "axes", "columns", "variables", "coordinates")
_CHECKED = ZstdCodec(level=1, checksum=True)


class _DurableStore(LocalStore):
    """A local store whose writes survive the loss of power: zarr's own never synchronises."""

    async def set(self, key: str, value: Any) -> None:
        self._check_writable()
        await asyncio.to_thread(durable.write, self.root / key, value.to_bytes())

    def set_sync(self, key: str, value: Any) -> None:
        self._check_writable()
        durable.write(self.root / key, value.to_bytes())


@dataclass(frozen=True)
class Store:
    """A store on the disk, made by `create` or found by `Store.at`."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "Store | None":
        """Return the store at a path, None where nothing is; raise InputError where something else is."""
        durable.recover(path)
        if not path.exists():
            return None
        try:
            known = cls(path).attrs.get("format") == _FORMAT
        except (OSError, ValueError, KeyError, zarr.errors.BaseZarrError):
            known = False
        if not known:
            raise InputError(f"{path} exists and is not a store of spikesweep; allowed: another name=...")
        return cls(path)

    @property
    def attrs(self) -> dict[str, Any]:
        """Return the attributes of the sweep."""
        return dict(zarr.open_group(LocalStore(self.path, read_only=True), mode="r").attrs)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Return the shape of a block."""
        return tuple(int(n) for n in _arrays(self.path)["status"].chunks)

    @property
    def axes(self) -> tuple[str, ...]:
        """Return the names of the axes, in the order of the dims of `status`."""
        return _dims(_arrays(self.path)["status"])

    def axes_of(self, name: str) -> tuple[str, ...]:
        """Return the axes that a variable has, which are its last dims."""
        return tuple(dim for dim in _dims(_arrays(self.path)[name]) if dim in self.axes)

    @property
    def variables(self) -> list[str]:
        """Return the names of the variables that blocks hold, without `status`."""
        return list(self.attrs["variables"])

    def axis_values(self) -> dict[str, NDArray[Any]]:
        """Return the values of each axis that is a dimension."""
        return {name: self._values(name) for name in self.attrs["axes"]}

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the values of each axis along `point`, where the points are no full grid."""
        return {name: self._values(name) for name in self.attrs["columns"]}

    @property
    def swept(self) -> list[str]:
        """Return the axes that sweep a value of the configuration."""
        arrays = _arrays(self.path)
        return [name for name in (*self.axis_values(), *self.columns()) if "key" in arrays[name].attrs]

    def _values(self, name: str) -> NDArray[Any]:
        values = np.asarray(_arrays(self.path)[name][:])
        return values if values.dtype.kind in "biuf" else np.array(values.tolist())

    def status(self) -> NDArray[np.uint8]:
        """Return the status of every point."""
        return np.asarray(_arrays(self.path)["status"][:])

    def read_block(self, block: Block) -> tuple[dict[str, NDArray[Any]], NDArray[np.uint8]]:
        """Return the variables and the status of a rectangle of points, whether chunk or not."""
        arrays = _arrays(self.path)
        read = {name: np.array(arrays[name][self._index(name, block)], order="C") for name in self.variables}
        return read, np.array(arrays["status"][block.slices], order="C")

    def write_block(
        self, block: Block, results: Mapping[str, NDArray[Any]], status: NDArray[np.uint8]
    ) -> None:
        """Write a block: all variables, its record, then its status. Raise OSError where the disk refuses."""
        arrays = _arrays(self.path)
        _assert_aligned(block, arrays["status"])
        for name, values in results.items():
            arrays[name][self._index(name, block)] = values
        durable.write(self._record_path(block), _guarded(block_digest(block, results, status)))
        arrays["status"][block.slices] = status

    def block_record(self, block: Block) -> str | None:
        """Return a block's digest, None where it has none; raise ValueError where the record is damaged."""
        path = self._record_path(block)
        return str(_unguarded(path.read_bytes())) if path.exists() else None

    def forget_block(self, block: Block) -> None:
        """Mark a block's points missing, so that the next run computes them."""
        self._chunk_path("status", block).unlink(missing_ok=True)
        for name in self.variables:
            self._chunk_path(name, block).unlink(missing_ok=True)
        self._record_path(block).unlink(missing_ok=True)

    def has_chunk(self, name: str, block: Block) -> bool:
        """Return whether a variable's chunk of a block is on the disk."""
        return self._chunk_path(name, block).exists()

    def record_failure(self, point: Mapping[str, Any], reason: str, detail: str) -> None:
        """Record why a point failed: one file an attempt, so that writers never meet."""
        record = {
            "point": dict(point),
            "reason": reason,
            "detail": detail,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "python": sys.version.split()[0],
        }
        data = json.dumps(record, indent=1).encode()
        name = f"{durable.content_hash(data)}.json"
        durable.write(self.path / _HIDDEN / "failures" / name, data)

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of failed attempts, those that are damaged left out."""
        paths = sorted((self.path / _HIDDEN / "failures").glob("*.json"))
        return [json.loads(p.read_bytes()) for p in paths if not _is_damaged(p)]

    def damaged_failures(self) -> list[str]:
        """Return the files of failed attempts that have changed."""
        paths = (self.path / _HIDDEN / "failures").glob("*.json")
        return sorted(str(p.relative_to(self.path)) for p in paths if _is_damaged(p))

    def remove_damaged_failures(self) -> None:
        """Remove the records of failed attempts that have changed."""
        for name in self.damaged_failures():
            (self.path / name).unlink(missing_ok=True)

    def record_verification(self, outcome: Mapping[str, Any]) -> None:
        """Record the outcome of computing points again."""
        record = {**outcome, "host": socket.gethostname(), "time": datetime.now(UTC).isoformat()}
        data = json.dumps(record, indent=1).encode()
        durable.write(self.path / _HIDDEN / "verifications" / f"{durable.content_hash(data)}.json", data)

    def damaged_metadata(self) -> list[str]:
        """Return the files that never change and have changed or gone."""
        try:
            manifest = _unguarded((self.path / _HIDDEN / "manifest.json").read_bytes())
        except (OSError, ValueError):
            return [f"{_HIDDEN}/manifest.json"]
        return [
            name
            for name, digest in manifest.items()
            if not (self.path / name).is_file()
            or durable.content_hash((self.path / name).read_bytes()) != digest
        ]

    def remove_partial_files(self) -> None:
        """Remove what killed writers left behind; call it under the lock only."""
        for path in self.path.rglob(f"*{durable.PARTIAL}"):
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the one driver; raise InputError naming who holds it."""
        with durable.locked(self.path, self.path / _HIDDEN / "driver"):
            yield

    def open(self) -> xr.Dataset:
        """Return the whole sweep, read lazily."""
        ds: xr.Dataset = xr.open_zarr(self.path)
        return ds

    def _chunk_path(self, name: str, block: Block) -> Path:
        return self.path / name / "c" / self._place(block, _dims(_arrays(self.path)[name]))

    def _record_path(self, block: Block) -> Path:
        return self.path / _HIDDEN / "blocks" / self._place(block, self.axes)

    def _place(self, block: Block, dims: Sequence[str]) -> Path:
        """Return the path of a block's chunk below a variable of these dims."""
        chunk = {d: a // n for d, a, n in zip(self.axes, block.start, self.chunks, strict=True)}
        return Path(*(str(chunk.get(dim, 0)) for dim in dims))

    def _index(self, name: str, block: Block) -> Any:
        """Return a block as an index of a variable."""
        parts = dict(zip(self.axes, block.slices, strict=True))
        return tuple(parts.get(dim, slice(None)) for dim in _dims(_arrays(self.path)[name]))


def block_digest(block: Block, results: Mapping[str, NDArray[Any]], status: NDArray[np.uint8]) -> str:
    """Return a hash of what a block holds and where it stands."""
    parts = [repr((block.start, block.stop)).encode()]
    for name, values in sorted({**results, "status": status}.items()):
        array = np.ascontiguousarray(values)
        parts += [f"{name} {array.dtype.str} {array.shape}".encode(), array.tobytes()]
    return durable.content_hash(b"\0".join(parts))


def create(
    path: Path,
    grid: Grid,
    variables: Sequence[Variable],
    coordinates: Mapping[str, Sequence[str] | Coordinate],
    chunks: tuple[int, ...],
    attrs: Mapping[str, Any],
) -> Store:
    """Make an empty store at a path where nothing is, whole or not at all."""
    temporary = temporary_path(path)
    try:
        return put_in_place(lay_out(temporary, grid, variables, coordinates, chunks, attrs), path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def copy_failures(source: Store, target: Store) -> None:
    """Copy the records of failed attempts."""
    for path in (source.path / _HIDDEN / "failures").glob("*.json"):
        durable.write(target.path / _HIDDEN / "failures" / path.name, path.read_bytes())


def temporary_path(path: Path) -> Path:
    """Return where the next store of a path is prepared, after removing what killed processes left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        process = left.name.removesuffix(".tmp").rpartition(".")[2]
        if process == str(os.getpid()) or not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def put_in_place(store: Store, path: Path) -> Store:
    """Put a finished store in the place of whatever store was there, in one step."""
    durable.put_in_place(store.path, path)
    forget_opened()
    return Store(path)


def lay_out(
    path: Path,
    grid: Grid,
    variables: Sequence[Variable],
    coordinates: Mapping[str, Sequence[str] | Coordinate],
    chunks: tuple[int, ...],
    attrs: Mapping[str, Any],
) -> Store:
    """Write the metadata and the coordinates of an empty store, step by step, and return it."""
    fixed = {
        "format": _FORMAT,
        "Conventions": "CF-1.11",
        "axes": list(grid.names),
        "columns": [axis.name for axis, _ in grid.columns],
        "variables": [variable.name for variable in variables],
    }
    beside = [name for name, c in coordinates.items() if isinstance(c, Coordinate) and c.dims]
    if beside or grid.columns:  # CF's word for coordinates that are no dimension
        fixed["coordinates"] = " ".join((*fixed["columns"], *beside))
    group = zarr.create_group(_DurableStore(path), attributes={**fixed, **attrs})
    for axis, values in zip(grid.axes, grid.values, strict=True):
        _axis(group, axis, (), values)
    for axis, values in grid.columns:
        _axis(group, axis, (POINT.name,), values)
    for name, labels in coordinates.items():
        if isinstance(labels, Coordinate):
            _coordinate(group, name, labels)
            continue
        array = group.create_array(name, shape=(len(labels),), dtype=str, dimension_names=(name,))
        array[:] = np.array(labels, object)
    auxiliary = " ".join(variable.name for variable in variables if variable.coordinate)
    for variable in variables:
        leading = tuple(len(coordinates[dim]) for dim in variable.dims)
        kept = [i for i, name in enumerate(grid.names) if name not in variable.without]
        attributes: dict[str, Any] = {"units": variable.units, "long_name": variable.long_name}
        if auxiliary and not variable.coordinate:  # CF: xarray makes them coordinates when it opens
            attributes["coordinates"] = auxiliary
        group.create_array(
            variable.name,
            shape=(*leading, *(grid.shape[i] for i in kept)),
            chunks=(*leading, *(chunks[i] for i in kept)),
            dtype=variable.dtype,
            fill_value=np.nan if np.dtype(variable.dtype).kind == "f" else 0,
            compressors=_CHECKED,
            dimension_names=(*variable.dims, *(grid.names[i] for i in kept)),
            attributes=attributes,
        )
    group.create_array(
        "status",
        shape=grid.shape,
        chunks=chunks,
        dtype="uint8",
        fill_value=MISSING,
        compressors=_CHECKED,
        dimension_names=grid.names,
        attributes={
            "long_name": "status of the point",
            "flag_values": list(range(len(STATUS_MEANINGS.split()))),
            "flag_meanings": STATUS_MEANINGS,
        },
    )
    with warnings.catch_warnings():  # zarr warns that others may not read it; they may ignore it too
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(_DurableStore(path))
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    manifest = {str(f.relative_to(path)): durable.content_hash(f.read_bytes()) for f in files}
    durable.write(path / _HIDDEN / "manifest.json", _guarded(manifest))
    return Store(path)


def _axis(group: zarr.Group, axis: Axis, dims: tuple[str, ...], values: NDArray[Any]) -> None:
    swept = {"key": axis.key, "configured": axis.base} if axis.key else {}
    _coordinate(group, axis.name, Coordinate(values, axis.units, axis.long_name, dims), swept)


def _coordinate(
    group: zarr.Group, name: str, coordinate: Coordinate, more: Mapping[str, Any] | None = None
) -> None:
    values = coordinate.values
    words = values.dtype.kind in "UO"
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype=str if words else values.dtype,
        compressors=_CHECKED,
        dimension_names=coordinate.dims or (name,),
        attributes={"units": coordinate.units, "long_name": coordinate.long_name, **(more or {})},
        config={"write_empty_chunks": True},
    )
    array[:] = values.astype(object) if words else values


def _is_damaged(path: Path) -> bool:
    return path.stem != durable.content_hash(path.read_bytes())


def _guarded(record: Any) -> bytes:
    """Return JSON behind a line with its hash."""
    body = json.dumps(record, indent=1).encode()
    return durable.content_hash(body).encode() + b"\n" + body


def _unguarded(data: bytes) -> Any:
    digest, _, body = data.partition(b"\n")
    if digest != durable.content_hash(body).encode():
        raise ValueError("a record does not have the hash that it bears")
    return json.loads(body)


def _dims(array: zarr.Array[Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in array.metadata.dimension_names)  # type: ignore[union-attr]


def forget_opened() -> None:
    """Forget the arrays that this process opened: the files at their paths have been replaced."""
    _arrays.cache_clear()


@lru_cache(maxsize=8)
def _arrays(path: Path) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of a store, opened once a process."""
    group = zarr.open_group(_DurableStore(path), mode="r+", use_consolidated=True)
    # by default a chunk of fill values is not stored, and could not be told from a lost one
    return {name: array.with_config({"write_empty_chunks": True}) for name, array in group.arrays()}


def _assert_aligned(block: Block, status: zarr.Array[Any]) -> None:
    # two writers in one chunk would lose each other's values, and zarr does not notice
    for a, b, step, n in zip(block.start, block.stop, status.chunks, status.shape, strict=True):
        if a % step or b != min(a + step, n):
            raise AssertionError(f"{block} is not a chunk of {status.chunks}")
