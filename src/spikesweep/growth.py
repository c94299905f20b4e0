"""Growth: a store gets more values on its axes, or a new axis; what is finished is kept by label.

A grown store is a new one, prepared beside the old and put in its place in one step: appending in place
would leave axes out of order. Old points are copied, not computed.
"""

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.errors import InputError
from spikesweep.grid import Block, Grid
from spikesweep.protocols.base import Axis, Variable


def stored_grid(store: stores.Store, axes: tuple[Axis, ...], defaults: Mapping[str, float]) -> Grid:
    """Return the grid of a store in terms of `axes`: those it lacks have their default value.

    Raises InputError for an axis that the store lacks and that has no default, or that it has and
    `axes` lack.
    """
    values = store.axis_values()
    for axis in axes:
        if axis.name not in values:
            if axis.name not in defaults:
                raise InputError(f"{store.path} has no axis {axis.name!r}; allowed: another name=...")
            kind = np.int64 if axis.integer else np.float64
            values[axis.name] = np.array([defaults[axis.name]], kind)
    unknown = set(values) - {axis.name for axis in axes}
    if unknown:
        raise InputError(
            f"{store.path} has the axes {sorted(unknown)}, which the request lacks; allowed: add them"
        )
    return Grid(axes, tuple(values[axis.name] for axis in axes))


def union(a: Grid, b: Grid) -> Grid:
    """Return the grid with the values of both."""
    merged = (np.union1d(x, y) for x, y in zip(a.values, b.values, strict=True))
    return Grid(a.axes, tuple(merged))


def positions(values: NDArray[Any], among: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each of `values` stands in the sorted `among`, -1 where it does not."""
    place = np.searchsorted(among, values).clip(max=len(among) - 1)
    return np.where(among[place] == values, place, -1)


def grown(
    store: stores.Store,
    old: Grid,
    new: Grid,
    variables: tuple[Variable, ...],
    coordinates: Mapping[str, Any],
    chunks: tuple[int, ...],
) -> stores.Store:
    """Return the store with the larger grid `new`, finished points copied. Call it under the lock."""
    temporary = stores.temporary_path(store.path)
    attrs = {k: v for k, v in store.attrs.items() if k not in stores.FIXED_ATTRS}
    try:
        larger = stores.lay_out(temporary, new, variables, coordinates, chunks, attrs)
        for block in new.blocks(chunks):
            _copy_block(store, old, larger, new, block)
        stores.copy_failures(store, larger)
        return stores.put_in_place(larger, store.path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy_block(store: stores.Store, old: Grid, larger: stores.Store, new: Grid, block: Block) -> None:
    """Copy the finished points of one block of the larger grid, by label."""
    found = [
        positions(values[part], there)
        for values, part, there in zip(new.values, block.slices, old.values, strict=True)
    ]
    if any((place < 0).all() for place in found):
        return
    kept = [place[place >= 0] for place in found]
    stored = store.axes
    ranges = {name: (k[0], k[-1] + 1) for name, k in zip(new.names, kept, strict=True)}
    rectangle = Block(*zip(*(ranges[name] for name in stored), strict=True))
    results, status = store.read_block(rectangle)
    pick = {name: k - k[0] for name, k in zip(new.names, kept, strict=True)}
    place = {name: np.flatnonzero(p >= 0) for name, p in zip(new.names, found, strict=True)}
    if not status.any():
        return
    new_results, new_status = larger.read_block(block)
    for name, target in (*new_results.items(), ("status", new_status)):
        source, there = (status, stored) if name == "status" else (results[name], store.axes_of(name))
        here = larger.axes if name == "status" else larger.axes_of(name)
        to: Any = np.ix_(*(place[axis] for axis in here))
        of: Any = np.ix_(*(pick[axis] for axis in here))
        target[(..., *to)] = _in_order(source, there, here)[(..., *of)]
    larger.write_block(block, new_results, new_status)


def _in_order(values: NDArray[Any], stored: tuple[str, ...], names: tuple[str, ...]) -> NDArray[Any]:
    """Return `values`, whose last dimensions are `stored`, with `names` instead; new ones have length 1."""
    leading = values.ndim - len(stored)
    present = [name for name in names if name in stored]
    order = (*range(leading), *(leading + stored.index(name) for name in present))
    new = tuple(leading + i for i, name in enumerate(names) if name not in stored)
    return np.expand_dims(values.transpose(order), new)
