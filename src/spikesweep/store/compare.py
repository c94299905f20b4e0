"""Where the results of two stores differ: at the same labels, and beyond what other seeds would change."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import DamagedError
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import same_labels
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import DONE, MISSING, NOT_ASKED
from spikesweep.store import Reader

#: How many of the means that are said to differ may be false alarms.
LEVEL = 0.01
#: Relative difference that means of the same values may have.
_ROUNDING = 1e-12
#: Rows and columns of a map.
_MOST = 20


def compare(a: Reader, b: Reader) -> list[str]:
    """Return how the results of two stores differ, a line each and a map where means over seeds do.

    Values are compared where both stores have done a point. Means over `seed` differ where Welch's test says
    so, at a false discovery rate of LEVEL over all means of a variable (Benjamini and Hochberg 1995).
    Raises DamagedError where a chunk cannot be read.
    """
    try:
        return _compared(a, b)
    except RuntimeError as error:  # what the codec says of a damaged chunk
        remedy = "python -m spikesweep check PATH --repair"
        raise DamagedError(f"{a.path} or {b.path}", str(error), remedy) from error


def _compared(a: Reader, b: Reader) -> list[str]:
    axes = [{*store.axes, *store.columns()} for store in (a, b)]
    if axes[0] != axes[1] or set(a.axes) != set(b.axes):
        there, here = (" x ".join((*store.axes, *store.columns())) for store in (a, b))
        return [f"results are not compared: over {there} there, over {here} here"]
    x, y = _labelled(a), _labelled(b)
    lines = list(_labels(x, y))
    names = [v for v in x.data_vars if v in y.data_vars and set(x[v].dims) == set(y[v].dims)]
    unlike = sorted({*x.data_vars, *y.data_vars} - {*names}, key=str)
    lines += [f"{v}: not compared, in one of them only or over other dimensions" for v in unlike]
    x, y = x[names].load(), y[names].load()
    same_x, same_y = xr.align(x, y, join="inner")
    done = _done(same_x) & _done(same_y)
    if not done.any():
        return [*lines, "results are not compared: no point is done in both"]
    lines += [f"{v}: no values at the same labels" for v in names if not same_x[v].size]
    n_apart = int((same_x["status"] != same_y["status"]).sum())
    lines += [f"{n_apart} points have another status"] if n_apart else []
    for name in (v for v in names if v != "status"):
        lines += _unequal(str(name), same_x[name], same_y[name], _cut(done, same_x[name]))
        if "seed" in x[name].dims and x[name].dtype.kind in "biuf":
            lines += _beyond_noise(str(name), x, y)
    for counts in (v for v in names if "sample_dimension" in x[v].attrs):
        lines += _unequal_cells(a, b, x, y, same_x[counts], done)
    return lines


def _done(ds: xr.Dataset) -> xr.DataArray:
    """Return which points have results; saturated ones do."""
    return ds["status"].isin(DONE)


def _cut(done: xr.DataArray, values: xr.DataArray) -> xr.DataArray:
    """Return which points are done without the axes that a variable does not have."""
    return done.any([dim for dim in done.dims if dim not in values.dims])


def _labelled(store: Reader) -> xr.Dataset:
    """Return all results of a store, points that are no full grid by their values and not their numbers."""
    ds = store.open()
    ds = ds.reset_coords([name for name in store.variables if name in ds.coords])
    ds["status"] = ds["status"].where(ds["status"] != NOT_ASKED, MISSING)
    own = (ds[name] for name in (*store.axes, *store.columns()))
    ds = ds.assign_coords({c.name: (c.dims, same_labels(c.values), c.attrs) for c in own})
    if POINT.name not in ds.dims:
        return ds
    return ds.drop_vars(POINT.name).set_index(point=sorted(store.columns()))


def _labels(x: xr.Dataset, y: xr.Dataset) -> Iterator[str]:
    for name in (str(dim) for dim in x.dims if dim in x.indexes and dim in y.indexes):
        there, here = x.indexes[name], y.indexes[name]
        only = len(there.difference(here)), len(here.difference(there))
        if any(only):
            yield f"{name}: {only[0]} values there only, {only[1]} here only"


def _unequal(name: str, x: xr.DataArray, y: xr.DataArray, done: xr.DataArray) -> Iterator[str]:
    unequal = (x != y) & ~(x.isnull() & y.isnull()) & done
    if unequal.any():
        of = int((done & x.notnull() | done & y.notnull()).sum())
        yield f"{name}: {int(unequal.sum())} of {of} values are not equal at the same labels"


def _beyond_noise(name: str, a: xr.Dataset, b: xr.Dataset) -> Iterator[str]:
    from scipy.stats import false_discovery_control  # late: slow to import

    values = (ds[name].where(_cut(_done(ds), ds[name])) for ds in (a, b))
    x, y = xr.align(*values, join="inner", exclude={"seed"})
    p = welch(x, y)
    if not p.size:
        return
    beyond = p.copy(data=false_discovery_control(p.values.ravel()).reshape(p.shape) <= LEVEL)
    n = int(beyond.sum())
    if not n:
        return
    worst = p.isel(p.argmin(...))
    place = {dim: worst[dim].item() for dim in p.dims}
    there, here = (values.sel(place).mean("seed").item() for values in (x, y))
    at = " ".join(["", "at", *(f"{dim}={value}" for dim, value in place.items())] if place else [""])
    yield f"{name}: {n} of {p.size} means over seeds differ, most{at}: {there:.6g} there, {here:.6g} here"
    yield from _map(beyond)


def welch(x: xr.DataArray, y: xr.DataArray) -> xr.DataArray:
    """Return Welch's p value for each mean over `seed`; 1 where there are no two values to tell the noise."""
    import scipy

    n, m = x.count("seed"), y.count("seed")
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = x.sum("seed") / n, y.sum("seed") / m
        variance_x = ((x - mean_x) ** 2).sum("seed") / ((n - 1) * n)
        variance_y = ((y - mean_y) ** 2).sum("seed") / ((m - 1) * m)
        variance, difference = variance_x + variance_y, abs(mean_x - mean_y)
        rounding = _ROUNDING * np.maximum(abs(mean_x), abs(mean_y))  # of equal values, in another number
        difference = difference.where(difference > rounding, 0.0)
        freedom = variance**2 / (variance_x**2 / (n - 1) + variance_y**2 / (m - 1))
        p = 2.0 * xr.apply_ufunc(scipy.special.stdtr, freedom, -difference / np.sqrt(variance))
    certain = (variance == 0.0) & (difference > 0.0) & (n > 1) & (m > 1)
    found: xr.DataArray = p.fillna(1.0).where(~certain, 0.0)
    return found


def _map(beyond: xr.DataArray) -> Iterator[str]:
    """Return how many means differ along the two longest dimensions, where any does."""
    long = sorted((dim for dim in beyond.dims if beyond.sizes[dim] > 1), key=lambda dim: -beyond.sizes[dim])
    dims = [dim for dim in beyond.dims if dim in long[:2]]
    if not dims:
        return
    counts = beyond.astype(int).sum([dim for dim in beyond.dims if dim not in dims])
    for dim in dims:
        counts = counts.isel({dim: counts.any([other for other in dims if other != dim]).values})
    yield f"  how many, by {' (down) and '.join(map(str, dims))}{' (across)' if len(dims) > 1 else ''}:"
    shown = counts.to_pandas().to_string(max_rows=_MOST, **({"max_cols": _MOST} if len(dims) > 1 else {}))
    yield from (f"  {line}" for line in shown.splitlines())


def _unequal_cells(
    a: Reader, b: Reader, x: xr.Dataset, y: xr.Dataset, counts: xr.DataArray, done: xr.DataArray
) -> Iterator[str]:
    """Compare the values of the cells of a ragged dimension, a label of its first axis at a time."""
    dimension = counts.attrs["sample_dimension"]
    done = _cut(done, counts).broadcast_like(counts).transpose(*counts.dims)
    n_unequal, first = 0, counts.dims[0]
    for i in range(counts.sizes[first]):
        here = counts.isel({first: [i]})
        found = [_cells(store, ds, here) for store, ds in ((a, x), (b, y))]
        shared = found[0].keys() & found[1].keys()
        equal = np.logical_and.reduce([_cells_equal(found[0][v], found[1][v]) for v in shared])
        n_unequal += int((~equal & done.isel({first: [i]}).values).sum())
    if n_unequal:
        yield f"{dimension}: the values of {n_unequal} of {int(done.sum())} cells are not equal"


def _cells(store: Reader, ds: xr.Dataset, counts: xr.DataArray) -> dict[str, Ragged]:
    """Return the ragged cells of a store at the labels of `counts`, in the order of its dimensions."""
    places = {str(dim): ds.indexes[dim].get_indexer(counts.indexes[dim]) for dim in counts.dims}
    cells, _ = store.read_cells(counts.attrs["sample_dimension"], places)
    own = ds[counts.name].dims
    order = [own.index(dim) for dim in counts.dims]
    return {name: ragged.rearranged(lambda c: c.transpose(order)) for name, ragged in cells.items()}


def _cells_equal(x: Ragged, y: Ragged) -> NDArray[np.bool_]:
    """Return for each cell whether two have the same values."""
    equal = x.sizes == y.sizes
    flat = np.where(equal.ravel(), np.arange(equal.size), -1).reshape(equal.shape)
    x, y = x.take(flat), y.take(flat)
    return np.asarray(equal & x.cell_is(x.values == y.values))
