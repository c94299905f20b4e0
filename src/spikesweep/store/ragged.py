"""Ragged results on the disk: a block's values behind one another, as CF's contiguous ragged arrays.

The counts, `spike_size` for the dimension `spike`, are an ordinary variable. A block's values are Zarr arrays
of one dimension, in the group
    ragged/<dimension>/<chunk of the block, as 0.1.2>/<hash of the block's counts>
and none where there are no values. A block that is written again gets another group first; its chunk of
counts, replaced in one step, then says which one holds. So counts and values never disagree, whenever a
writer dies. `ragged/<dimension>/template` has the same arrays with no values: their units and types.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from spikesweep.grid.ragged import Cells, Ragged
from spikesweep.grid.schema import Variable
from spikesweep.store import durable
from spikesweep.store.arrays import (
    CHECKED,
    FLAT,
    DurableStore,
    chunk_key,
    dims,
    fresh_members,
    members,
    opened,
)
from spikesweep.store.remote import Place, below

#: Values in a chunk: what is read for a cell of a few.
_CHUNK = 2**17
_FOLDER, _TEMPLATE = "ragged", "template"
_DIMENSION = "sample_dimension"


def sizes_of(variables: Sequence[Variable]) -> list[Variable]:
    """Return the variables of counts that ragged variables need, one for each ragged dimension."""
    found: dict[str, Variable] = {}
    for variable in variables:
        if variable.ragged:
            text = f"number of values along {variable.ragged}"
            size = replace(variable, name=variable.counts, units="1", long_name=text, dtype="int64")
            if found.setdefault(size.name, size) != size:
                raise ValueError(f"variables along {variable.ragged} must have the same dims: {size}")
    return list(found.values())


def write_templates(path: Path, variables: Sequence[Variable]) -> None:
    """Write the arrays without values."""
    for dimension in {variable.ragged: None for variable in variables if variable.ragged}:
        group = _new_group(path / _FOLDER / dimension / _TEMPLATE)
        for v in variables:
            if v.ragged == dimension:
                _array(group, v.name, dimension, v.dtype, 0, {"units": v.units, "long_name": v.long_name})


def dimensions(arrays: Mapping[str, zarr.Array[Any]]) -> dict[str, str]:
    """Return the ragged dimensions of a store, each with the name of its counts."""
    found = {name: array.attrs.get(_DIMENSION) for name, array in arrays.items()}
    return {str(dimension): name for name, dimension in found.items() if dimension}


def template(path: Place, dimension: str, *, fresh: bool = False) -> dict[str, zarr.Array[Any]]:
    """Return the variables along a dimension, without values; `fresh` from the disk as it is now."""
    return (fresh_members if fresh else members)(path / _FOLDER / dimension / _TEMPLATE)


def write(path: Path, dimension: str, place: str, found: Mapping[str, Ragged]) -> None:
    """Write the values of a block, which count once the counts are written."""
    first, *others = found.values()
    for ragged in others:
        if not np.array_equal(ragged.sizes, first.sizes):
            raise ValueError(f"{', '.join(found)} have other numbers of values along {dimension}")
    folder = path / _group(dimension, place, first.sizes)
    if not len(first.values) or _holds(folder, found):
        return
    shutil.rmtree(folder, ignore_errors=True)
    group = _new_group(folder)
    for name, empty in template(path, dimension).items():
        values = found[name].values
        array = _array(group, name, dimension, empty.dtype, len(values), dict(empty.attrs))
        array[:] = values


def read(
    path: Place,
    arrays: Mapping[str, zarr.Array[Any]],
    dimension: str,
    axes: Sequence[str],
    positions: Mapping[str, NDArray[np.int64]],
    empty: Mapping[str, zarr.Array[Any]],
) -> dict[str, Ragged]:
    """Return the values of the cells at all combinations of positions along the dims of the counts.

    `empty` are the dimension's variables without values.
    """
    counts = arrays[dimensions(arrays)[dimension]]
    names = dims(counts)
    asked = [positions[name] for name in names]
    cells = {name: Cells.empty(tuple(map(len, asked)), array.dtype) for name, array in empty.items()}
    chunk_of = [p // n for p, n in zip(asked, counts.chunks, strict=True)]
    for chunk in product(*(np.unique(c).tolist() for c in chunk_of)):
        here = [np.flatnonzero(c == k) for c, k in zip(chunk_of, chunk, strict=True)]
        corner = [k * n for k, n in zip(chunk, counts.chunks, strict=True)]
        parts = tuple(slice(a, a + n) for a, n in zip(corner, counts.chunks, strict=True))
        sizes = np.asarray(counts[parts])
        within = np.ix_(*(p[i] - a for p, i, a in zip(asked, here, corner, strict=True)))
        by_name = dict(zip(names, chunk, strict=True))
        place = place_of([by_name.get(axis, 0) for axis in axes])
        for name, ragged in _read_cells(path / _group(dimension, place, sizes), empty, sizes, within).items():
            cells[name][np.ix_(*here)] = ragged
    return {name: found.ragged() for name, found in cells.items()}


def place_of(chunk: Sequence[int]) -> str:
    """Return the name of a block, given its chunk along every axis."""
    return ".".join(map(str, chunk))


def metadata(path: Place, dimension: str, place: str, sizes: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the bytes of a block's files that hold no values."""
    folder = path / _group(dimension, place, sizes)
    files: list[Place] = sorted(folder.rglob("zarr.json"))
    for file in files:
        yield below(file, folder).encode()
        yield file.read_bytes()


def remove_other(path: Path, dimension: str, place: str, sizes: NDArray[np.int64] | None) -> None:
    """Remove what a block held before it had these counts; everything where it has none."""
    kept = None if sizes is None else path / _group(dimension, place, sizes)
    for folder in (path / _FOLDER / dimension / place).glob("*"):
        if folder != kept:
            shutil.rmtree(folder, ignore_errors=True)


def remove_unused(path: Path, arrays: Mapping[str, zarr.Array[Any]], axes: Sequence[str]) -> None:
    """Remove what writers left that died between the values and the counts of a block."""
    for dimension, name in dimensions(arrays).items():
        counts = arrays[name]
        for folder in (path / _FOLDER / dimension).glob("[0-9]*"):
            chunk = dict(zip(axes, map(int, folder.name.split(".")), strict=True))
            corner = [chunk.get(dim, 0) for dim in dims(counts)]
            if not (path / name / chunk_key(counts, corner)).exists():
                remove_other(path, dimension, folder.name, None)
            elif len(list(folder.iterdir())) > 1:
                parts = tuple(slice(k * n, (k + 1) * n) for k, n in zip(corner, counts.chunks, strict=True))
                remove_other(path, dimension, folder.name, np.asarray(counts[parts]))


def _group(dimension: str, place: str, sizes: NDArray[np.int64]) -> str:
    """Return where below a store the values of a block with these counts are."""
    version = durable.content_hash(np.ascontiguousarray(sizes, "<i8").tobytes())
    return f"{_FOLDER}/{dimension}/{place}/{version}"


def _new_group(folder: Path) -> zarr.Group:
    durable.make_folder(folder)  # zarr would make it too, and synchronise nothing
    return zarr.create_group(DurableStore(folder))


def _array(
    group: zarr.Group, name: str, dimension: str, dtype: Any, n: int, attributes: dict[str, Any]
) -> zarr.Array[Any]:
    return group.create_array(
        name,
        shape=(n,),
        chunks=(max(1, min(n, _CHUNK)),),
        dtype=dtype,
        compressors=CHECKED,
        chunk_key_encoding=FLAT,
        dimension_names=(dimension,),
        attributes=attributes,
        config={"write_empty_chunks": True},
    )


def _holds(folder: Path, found: Mapping[str, Ragged]) -> bool:
    """Return whether a group holds these values and nothing else."""
    if not folder.exists():
        return False
    try:
        arrays = fresh_members(folder)
        return arrays.keys() == found.keys() and all(
            np.asarray(arrays[name][:]).tobytes() == ragged.values.tobytes() for name, ragged in found.items()
        )
    except Exception:  # whatever a codec says of a damaged chunk, or zarr of half a group
        return False


def _read_cells(
    folder: Place, empty: Mapping[str, zarr.Array[Any]], sizes: NDArray[np.int64], within: Any
) -> dict[str, Ragged]:
    """Return some cells of a block: of the values only those between the first of them and the last."""
    wanted = np.arange(sizes.size).reshape(sizes.shape)[within]
    ends = np.cumsum(sizes)
    first, last = int(wanted.min()), int(wanted.max())
    start, stop = int(ends[first] - sizes.ravel()[first]), int(ends[last])
    some = sizes.ravel()[first : last + 1]
    if start == stop:
        values = {name: np.empty(0, array.dtype) for name, array in empty.items()}
    else:
        group = opened(folder)
        values = {name: np.asarray(group[name][start:stop]) for name in empty}  # type: ignore[index]
    return {name: Ragged(v, some).take(wanted - first) for name, v in values.items()}
