"""An empty store: its metadata and its coordinates, prepared beside its place."""

import os
import shutil
import socket
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from spikesweep.grid.attributes import encoded
from spikesweep.grid.grid import POINT, Grid
from spikesweep.grid.schema import MISSING, STATUS_MEANINGS, Axis, Coordinate, Variable
from spikesweep.store import durable, ragged
from spikesweep.store.arrays import CHECKED, FLAT, DurableStore
from spikesweep.store.reading import FORMAT
from spikesweep.store.records import write_manifest
from spikesweep.store.store import Store

#: Age (s) from which what another host prepared is given up.
_OLD = 86400.0
#: Attributes that every store has, whatever the sweep says of itself.
FIXED_ATTRS = ("format", "Conventions", "axes", "columns", "results", "coordinates")


def create(
    path: Path,
    grid: Grid,
    variables: Sequence[Variable],
    coordinates: Mapping[str, Sequence[str] | Coordinate],
    chunks: tuple[int, ...],
    attrs: Mapping[str, Any],
    *,
    replace: bool = False,
) -> Store:
    """Make an empty store at a path where nothing is, or with `replace` a store, whole or not at all.

    Call it under the lock. Raises InputError where something is that is not to be replaced.
    """
    temporary = temporary_path(path)
    try:
        new = lay_out(temporary, grid, variables, coordinates, chunks, attrs)
        durable.put_in_place(new.path, path, replace=replace)
        return Store(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_path(path: Path) -> Path:
    """Return where the next store of a path is prepared. Call it under the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left beside a store. Call it under the lock.

    Of other hosts, whose processes are not known here, only what is a day old goes.
    """
    host = socket.gethostname()
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        where, _, process = left.name.removesuffix(".tmp").removeprefix(f".{path.name}.").rpartition(".")
        alive = process != str(os.getpid()) and Path(f"/proc/{process}").exists()
        if not alive if where == host else time.time() - left.stat().st_mtime > _OLD:
            shutil.rmtree(left, ignore_errors=True)
            if left.is_symlink():  # nobody's that we know: what is made next must not lie behind it
                left.unlink()


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
        "format": FORMAT,
        "Conventions": "CF-1.11",
        "axes": list(grid.names),
        "columns": [axis.name for axis, _ in grid.columns],
        "results": [variable.name for variable in variables if not variable.ragged],
    }
    beside = [name for name, c in coordinates.items() if isinstance(c, Coordinate) and c.dims]
    if beside or grid.columns:  # CF's word for coordinates that are no dimension
        fixed["coordinates"] = " ".join((*fixed["columns"], *beside))
    group = zarr.create_group(DurableStore(path), attributes=encoded({**fixed, **attrs}))
    for axis, values in zip(grid.axes, grid.values, strict=True):
        _axis(group, axis, (), values)
    for axis, values in grid.columns:
        _axis(group, axis, (POINT.name,), values)
    for name, labels in coordinates.items():
        if isinstance(labels, Coordinate):
            _coordinate(group, name, labels)
            continue
        array = group.create_array(
            name, shape=(len(labels),), dtype=str, dimension_names=(name,), chunk_key_encoding=FLAT
        )
        array[:] = np.array(labels, object)
    auxiliary = " ".join(variable.name for variable in variables if variable.coordinate)
    lengths = {name: len(labels) for name, labels in coordinates.items()}
    for variable in (*(v for v in variables if not v.ragged), *ragged.sizes_of(variables)):
        _variable(group, grid, variable, lengths, chunks, auxiliary)
    ragged.write_templates(path, variables)
    _status(group, grid, chunks)
    with warnings.catch_warnings():  # zarr warns that others may not read it; they may ignore it too
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(DurableStore(path))
    write_manifest(path)
    return Store(path)


def files_of_block(variables: Sequence[Variable]) -> int:
    """Return how many files a block has: chunks, status, record; of ragged variables groups and arrays."""
    plain = [variable for variable in variables if not variable.ragged]
    along = {variable.ragged for variable in variables if variable.ragged}
    n_ragged = len(variables) - len(plain)
    return len(plain) + 2 + 2 * len(along) + 2 * n_ragged


def files_of_empty(variables: Sequence[Variable], n_coordinates: int) -> int:
    """Return how many files a store has before there are blocks: metadata, coordinates, the manifest."""
    along = {variable.ragged for variable in variables if variable.ragged}
    templates = len(along) + sum(bool(variable.ragged) for variable in variables)
    arrays = sum(not variable.ragged for variable in variables) + len(ragged.sizes_of(variables)) + 1
    return 2 + 2 * n_coordinates + arrays + templates


def _variable(
    group: zarr.Group,
    grid: Grid,
    variable: Variable,
    lengths: Mapping[str, int],
    chunks: tuple[int, ...],
    auxiliary: str,
) -> None:
    leading = tuple(lengths[dim] for dim in variable.dims)
    kept = [i for i, name in enumerate(grid.names) if name not in variable.without]
    attributes: dict[str, Any] = {"units": variable.units, "long_name": variable.long_name}
    if auxiliary and not variable.coordinate:  # CF: xarray makes them coordinates when it opens
        attributes["coordinates"] = auxiliary
    if variable.ragged:  # CF's word for the counts of contiguous ragged values
        attributes["sample_dimension"] = variable.ragged
    group.create_array(
        variable.name,
        shape=(*leading, *(grid.shape[i] for i in kept)),
        chunks=(*leading, *(chunks[i] for i in kept)),
        dtype=variable.dtype,
        fill_value=np.nan if np.dtype(variable.dtype).kind == "f" else 0,
        compressors=CHECKED,
        chunk_key_encoding=FLAT,
        dimension_names=(*variable.dims, *(grid.names[i] for i in kept)),
        attributes=attributes,
    )


def _status(group: zarr.Group, grid: Grid, chunks: tuple[int, ...]) -> None:
    group.create_array(
        "status",
        shape=grid.shape,
        chunks=chunks,
        dtype="uint8",
        fill_value=MISSING,
        compressors=CHECKED,
        chunk_key_encoding=FLAT,
        dimension_names=grid.names,
        attributes={
            "long_name": "status of the point",
            "flag_values": list(range(len(STATUS_MEANINGS.split()))),
            "flag_meanings": STATUS_MEANINGS,
        },
    )


def _axis(group: zarr.Group, axis: Axis, dims: tuple[str, ...], values: NDArray[Any]) -> None:
    swept = encoded({"key": axis.key, "configured": axis.base}) if axis.key else {}
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
        compressors=CHECKED,
        chunk_key_encoding=FLAT,
        dimension_names=coordinate.dims or (name,),
        attributes={"units": coordinate.units, "long_name": coordinate.long_name, **(more or {})},
        config={"write_empty_chunks": True},
    )
    array[:] = values.astype(object) if words else values
