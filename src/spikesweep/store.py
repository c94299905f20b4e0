"""The store of a sweep: one Zarr hierarchy, plain xarray to its readers. The one module that knows Zarr.

What a kill, a crash or a second program may do at any moment decides the order of things:
- a store is made under a temporary name and renamed, so it is whole or absent;
- a file is written under a temporary name, synchronised, renamed, and its folder synchronised;
- a block is one chunk of every variable, and its chunk of `status` is written last, so a point counts as
  done only when all its data are on the disk;
- chunks carry a checksum: a flipped bit raises instead of giving another number.
"""

import asyncio
import fcntl
import json
import os
import shutil
import socket
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from spikesweep.errors import InputError
from spikesweep.grid import Block, Grid
from spikesweep.protocols.base import Coordinate, Variable

#: What `status` says of a point.
MISSING, OK, NON_FINITE, FAILED = range(4)
STATUS_MEANINGS = "missing ok non_finite failed"

_FORMAT = "spikesweep 1"
_HIDDEN = ".spikesweep"  # the lock and the records of failures, beside the arrays


class _DurableStore(LocalStore):
    """A local store whose writes survive the loss of power: zarr's own never synchronises."""

    async def set(self, key: str, value: Any) -> None:
        self._check_writable()
        await asyncio.to_thread(_write_durably, self.root / key, value.to_bytes())

    def set_sync(self, key: str, value: Any) -> None:
        self._check_writable()
        _write_durably(self.root / key, value.to_bytes())


def _write_durably(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Store:
    """A store on the disk, made by `create` or found by `Store.at`."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "Store | None":
        """Return the store at a path, None where nothing is; raise InputError where something else is."""
        if not path.exists():
            return None
        store = cls(path)
        try:
            known = store.attrs.get("format") == _FORMAT
        except (OSError, ValueError, KeyError, zarr.errors.BaseZarrError):
            known = False
        if not known:
            raise InputError(f"{path} exists and is not a store of spikesweep; allowed: another name=...")
        return store

    @property
    def attrs(self) -> dict[str, Any]:
        """Return the attributes of the sweep."""
        return dict(zarr.open_group(LocalStore(self.path, read_only=True), mode="r").attrs)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Return the shape of a block."""
        return tuple(int(n) for n in _arrays(self.path)["status"].chunks)

    def axis_values(self) -> dict[str, NDArray[Any]]:
        """Return the values of each axis."""
        arrays = _arrays(self.path)
        return {name: np.asarray(arrays[name][:]) for name in self.attrs["axes"]}

    def status(self) -> NDArray[np.uint8]:
        """Return the status of every point."""
        return np.asarray(_arrays(self.path)["status"][:])

    def write_block(
        self, block: Block, results: Mapping[str, NDArray[Any]], status: NDArray[np.uint8]
    ) -> None:
        """Write a block: all variables, then its status. Raise OSError where the disk refuses."""
        arrays = _arrays(self.path)
        _assert_aligned(block, arrays["status"])
        for name, values in results.items():
            leading = (slice(None),) * (values.ndim - len(block.start))
            arrays[name][(*leading, *block.slices)] = values
        arrays["status"][block.slices] = status

    def record_failure(self, point: Mapping[str, Any], traceback: str) -> None:
        """Record why a point failed: one file an attempt, so that writers never meet."""
        record = {"point": dict(point), "host": socket.gethostname(), "traceback": traceback}
        path = self.path / _HIDDEN / "failures" / f"{uuid.uuid4().hex}.json"
        _write_durably(path, json.dumps(record, indent=1).encode())

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of failed attempts."""
        folder = self.path / _HIDDEN / "failures"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]

    def remove_partial_files(self) -> None:
        """Remove what killed writers left behind; call it under the lock only."""
        for path in self.path.rglob("*.partial"):
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the one driver; raise InputError naming who holds it. A kill frees it."""
        path = self.path / _HIDDEN / "lock"
        path.parent.mkdir(exist_ok=True)
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise InputError(f"{self.path} is in use by {file.read() or 'another process'}") from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            yield

    def open(self) -> xr.Dataset:
        """Return the whole sweep, read lazily."""
        ds: xr.Dataset = xr.open_zarr(self.path)
        return ds


def create(
    path: Path,
    grid: Grid,
    variables: Sequence[Variable],
    coordinates: Mapping[str, Sequence[str] | Coordinate],
    chunks: tuple[int, ...],
    attrs: Mapping[str, Any],
) -> Store:
    """Make an empty store, whole or not at all, in the place of whatever store was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _lay_out(temporary, grid, variables, coordinates, chunks, attrs)
        if path.exists():
            old = temporary.with_suffix(".old")
            path.rename(old)
            shutil.rmtree(old)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _sync_folder(path.parent)
    _arrays.cache_clear()
    return Store(path)


def _lay_out(
    path: Path,
    grid: Grid,
    variables: Sequence[Variable],
    coordinates: Mapping[str, Sequence[str] | Coordinate],
    chunks: tuple[int, ...],
    attrs: Mapping[str, Any],
) -> None:
    fixed = {"format": _FORMAT, "Conventions": "CF-1.11", "axes": list(grid.names)}
    beside = [name for name, c in coordinates.items() if isinstance(c, Coordinate) and c.dims]
    if beside:
        fixed["coordinates"] = " ".join(beside)  # how CF names coordinates that are no dimensions
    group = zarr.create_group(_DurableStore(path), attributes={**fixed, **attrs})
    for axis, values in zip(grid.axes, grid.values, strict=True):
        _coordinate(group, axis.name, Coordinate(values, axis.units, axis.long_name))
    for name, labels in coordinates.items():
        if isinstance(labels, Coordinate):
            _coordinate(group, name, labels)
            continue
        array = group.create_array(name, shape=(len(labels),), dtype=str, dimension_names=(name,))
        array[:] = np.array(labels, object)
    for variable in variables:
        leading = tuple(len(coordinates[dim]) for dim in variable.dims)
        group.create_array(
            variable.name,
            shape=(*leading, *grid.shape),
            chunks=(*leading, *chunks),
            dtype=variable.dtype,
            fill_value=np.nan if np.dtype(variable.dtype).kind == "f" else 0,
            compressors=ZstdCodec(level=1, checksum=True),
            dimension_names=(*variable.dims, *grid.names),
            attributes={"units": variable.units, "long_name": variable.long_name},
            config={"write_empty_chunks": True},
        )
    group.create_array(
        "status",
        shape=grid.shape,
        chunks=chunks,
        dtype="uint8",
        fill_value=MISSING,
        compressors=ZstdCodec(level=1, checksum=True),
        dimension_names=grid.names,
        attributes={
            "long_name": "status of the point",
            "flag_values": [MISSING, OK, NON_FINITE, FAILED],
            "flag_meanings": STATUS_MEANINGS,
        },
        config={"write_empty_chunks": True},
    )
    with warnings.catch_warnings():  # zarr warns that others may not read it; they may ignore it too
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(_DurableStore(path))


def _coordinate(group: zarr.Group, name: str, coordinate: Coordinate) -> None:
    values = coordinate.values
    text = values.dtype.kind in "UO"
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype=str if text else values.dtype,
        compressors=ZstdCodec(level=1, checksum=True),
        dimension_names=coordinate.dims or (name,),
        attributes={"units": coordinate.units, "long_name": coordinate.long_name},
        config={"write_empty_chunks": True},
    )
    array[:] = values.astype(object) if text else values


@lru_cache(maxsize=8)
def _arrays(path: Path) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of a store, opened once a process."""
    group = zarr.open_group(_DurableStore(path), mode="r+", use_consolidated=True)
    arrays = {name: array for name, array in group.arrays()}
    return {name: array.with_config({"write_empty_chunks": True}) for name, array in arrays.items()}


def _assert_aligned(block: Block, status: zarr.Array[Any]) -> None:
    # two writers in one chunk would lose each other's values, and zarr does not notice
    for a, b, step, n in zip(block.start, block.stop, status.chunks, status.shape, strict=True):
        if a % step or b != min(a + step, n):
            raise AssertionError(f"{block} is not a chunk of {status.chunks}")
