"""Growth: a store gets more values on its axes, or a new axis; what is finished is kept by label.

A grown store is a new one, prepared beside the old and put in its place in one step: appending in place
would leave axes out of order. Old points are copied, not computed. Points that are no full grid grow where
one list of them begins with the other: their numbers along `point` stay what they are.
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.errors import OtherSweepError, shown
from spikesweep.grid.grid import POINT, Block, Grid
from spikesweep.grid.labels import same_labels
from spikesweep.grid.ragged import Ragged, fillable, filled
from spikesweep.grid.schema import Coordinate, Variable, longest
from spikesweep.store import asked_for, durable


def stored_grid(store: stores.Reader, asked: Grid, defaults: Mapping[str, Any]) -> Grid:
    """Return the grid of a store in terms of the axes that are asked for; those it lacks have their default.

    Raises OtherSweepError for an axis that the store lacks and that has no default, or that it has and the
    request lacks, and for other points where they are no full grid: neither begins with the other.
    """
    values = store.axis_values()
    columns = store.columns()
    for axis in asked.axes:
        if axis.name not in values:
            if axis.name not in defaults:
                raise OtherSweepError(f"{store.path} has no axis {axis.name!r}")
            values[axis.name] = np.array([defaults[axis.name]])
    unknown = sorted(set(values) - set(asked.names))
    if unknown:
        raise OtherSweepError(f"{store.path} has the axes {unknown}, which the request lacks: add them")
    wanted = {axis.name: column for axis, column in asked.columns}
    for name in sorted({*wanted, *columns}):
        if not (name in wanted and name in columns and _begins_alike(columns[name], wanted[name])):
            there, here = (shown(v[name].tolist()) if name in v else "no" for v in (columns, wanted))
            raise OtherSweepError(
                f"{store.path} holds other points, grid.{name}: {there} there, {here} here; "
                "one dataset of both: points that begin with those there"
            )
    stored = tuple((axis, columns[axis.name]) for axis, _ in asked.columns)
    return Grid(asked.axes, tuple(values[name] for name in asked.names), stored)


def _begins_alike(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether the longer one of two columns begins with the other."""
    n = min(len(a), len(b))
    return np.array_equal(same_labels(a[:n]), same_labels(b[:n]))


def union(a: Grid, b: Grid) -> Grid:
    """Return the grid with the values of both."""
    longer = b if len(_points(b)) > len(_points(a)) else a
    return Grid(a.axes, tuple(map(_merged, a.values, b.values)), longer.columns)


def _points(grid: Grid) -> NDArray[Any]:
    return grid.coordinates.get(POINT.name, np.empty(0))


def _merged(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return the values of both: numbers in order, words as they came."""
    return (
        np.array(list(dict.fromkeys([*a.tolist(), *b.tolist()])))
        if a.dtype.kind == "U"
        else np.union1d(a, b[positions(b, a) < 0])
    )


def positions(values: NDArray[Any], among: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each of `values` stands in `among`, -1 where it does not."""
    place = {value: i for i, value in enumerate(same_labels(among).tolist())}
    return np.array([place.get(value, -1) for value in same_labels(values).tolist()], np.int64)


def grown(
    store: stores.Store,
    old: Grid,
    new: Grid,
    variables: tuple[Variable, ...],
    coordinates: Mapping[str, Any],
    chunks: tuple[int, ...],
    more: Mapping[str, Any],
    request: Grid,
) -> stores.Store:
    """Return the store with the larger grid `new`, finished points copied. Call it under the lock.

    `more` are attributes that the sweep has now, `request` is what is asked for.

    Raises DamagedError where the store does not hold what was written.
    """
    temporary = stores.temporary_path(store.path)
    attrs = {k: v for k, v in store.attrs.items() if k not in stores.FIXED_ATTRS} | dict(more)
    try:
        labels = all_labels(store, coordinates)
        for block in store.blocks():
            store.read_whole(block)  # what is damaged must not get a new record
        larger = stores.lay_out(temporary, new, variables, labels, chunks, attrs)
        for block in new.blocks(chunks):
            _copy_block(store, old, larger, new, block)
        pairs = zip(old.names, old.values, strict=True)
        new_axes = {name: values[0].item() for name, values in pairs if name not in store.axes}
        stores.copy_records(store, larger, new_axes)
        missing_axes = {name: [value] for name, value in new_axes.items()}
        before = asked_for.requests(store.path) or [asked_for.request(old)]
        before = [{**missing_axes, **one} for one in before]
        asked_for.note(larger.path, before, request, dict(zip(new.names, new.values, strict=True)))
        durable.put_in_place(larger.path, store.path, replace=True)
        return stores.Store(store.path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def all_labels(store: stores.Store, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the labels of a store and of a request, of which one are the first ones of the other.

    Raises OtherSweepError where they are not.
    """
    try:
        return longest(stored_labels(store, asked), asked)
    except ValueError as error:
        raise OtherSweepError(f"{store.path} has other labels of results, {error}") from error


def stored_labels(store: stores.Store, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return labels with the values that a store has for them."""
    return {name: _with_values(labels, store.label_values(name)) for name, labels in asked.items()}


def _with_values(labels: Any, values: NDArray[Any]) -> Any:
    return replace(labels, values=values) if isinstance(labels, Coordinate) else values.tolist()


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
    ranges = {name: (k.min(), k.max() + 1) for name, k in zip(new.names, kept, strict=True)}
    rectangle = Block(*zip(*(ranges[name] for name in stored), strict=True))
    results, status = store.read_block(rectangle)
    pick = {name: k - k.min() for name, k in zip(new.names, kept, strict=True)}
    place = {name: np.flatnonzero(p >= 0) for name, p in zip(new.names, found, strict=True)}
    if not status.any():
        return
    new_results, new_status = larger.read_block(block)
    for name, target in (*new_results.items(), ("status", new_status)):
        source, there = (status, stored) if name == "status" else (results[name], store.axes_of(name))
        here = larger.axes if name == "status" else larger.axes_of(name)
        to: Any = np.ix_(*(place[axis] for axis in here))
        of: Any = np.ix_(*(pick[axis] for axis in here))

        def picked(cells: NDArray[Any], there: Any = there, here: Any = here, of: Any = of) -> NDArray[Any]:
            return _in_order(cells, there, here)[(..., *of)]

        into = fillable(target)
        cells = source.sizes if isinstance(source, Ragged) else source
        start = tuple(slice(n) for n in cells.shape[: cells.ndim - len(there)])  # it may have fewer labels
        into[(*start, *to)] = source.rearranged(picked) if isinstance(source, Ragged) else picked(source)
        if name != "status":
            new_results[name] = filled(into)
    larger.write_block(block, new_results, new_status)


def _in_order(values: NDArray[Any], stored: tuple[str, ...], names: tuple[str, ...]) -> NDArray[Any]:
    """Return `values`, whose last dimensions are `stored`, with `names` instead; new ones have length 1."""
    leading = values.ndim - len(stored)
    present = [name for name in names if name in stored]
    order = (*range(leading), *(leading + stored.index(name) for name in present))
    new = tuple(leading + i for i, name in enumerate(names) if name not in stored)
    return np.expand_dims(values.transpose(order), new)
