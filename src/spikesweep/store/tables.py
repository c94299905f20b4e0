"""A sweep as tidy tables: a row a value, a column an axis, a variable or the status, in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.grid.labels import is_label
from spikesweep.grid.schema import NOT_ASKED, STATUS_MEANINGS

if TYPE_CHECKING:
    import pandas as pd

#: Rows that are made at a time, about.
_ROWS = 500_000
_STATUS = "status"


def tables(ds: xr.Dataset) -> dict[str, list[str]]:
    """Return the variables of each table, which have the same dimensions; the first has the first result.

    A table is named by what its rows have beyond those of the first: "" and "time", for example.
    """
    results = [v for v in str(ds.attrs.get("results", "")).split() if v in ds.data_vars]
    names = [*results, *(str(v) for v in ds.data_vars if v not in results and v != _STATUS)]
    names = names or [str(v) for v in ds.data_vars]
    if not names:
        raise InputError("this dataset has no variables; allowed: one of a sweep")
    by_dims: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        by_dims.setdefault(tuple(sorted(map(str, ds[name].dims))), []).append(name)
    first = set(next(iter(by_dims)))
    found: dict[str, list[str]] = {}
    for dims, members in by_dims.items():
        more, fewer = sorted(set(dims) - first), sorted(first - set(dims))
        name = "_".join([*more, *(["per", *sorted(set(dims))] if fewer and not more else [])])
        found[name] = members
    return found


def rows(ds: xr.Dataset, names: list[str]) -> "Iterator[pd.DataFrame]":
    """Yield the rows of a table, part after part; points that nobody asked for have none."""
    part = ds[names]
    dims = max((part[name].dims for name in names), key=len)
    status = ds.get(_STATUS)
    if status is not None and status.dtype.kind in "iu" and set(status.dims) <= set(dims):
        part = part.assign({_STATUS: status})
    words = np.array([*STATUS_MEANINGS.split()])
    n_rows = int(np.prod([part.sizes[dim] for dim in dims]))
    along = max(dims, key=lambda dim: part.sizes[dim]) if dims else None
    step = max(1, int(_ROWS // max(n_rows // (part.sizes[along] if along else 1), 1)))
    pieces = range(0, part.sizes[along], step) if along else range(1)
    for start in pieces:
        piece = (part.isel({along: slice(start, start + step)}) if along else part).load()
        if not dims:
            frame = piece.expand_dims("row").to_dataframe()
        else:
            frame = piece.to_dataframe(dim_order=list(dims))
        frame = frame.reset_index()
        if _STATUS in frame and _STATUS in piece and piece[_STATUS].dtype.kind in "iu" and len(dims):
            frame = frame[frame[_STATUS] != NOT_ASKED].reset_index(drop=True)
            frame[_STATUS] = words[frame[_STATUS].to_numpy().astype(int)]
        axes = [c for c in frame if c not in (*names, _STATUS, "row", "point")]
        yield frame[[*axes, *names, *([_STATUS] if _STATUS in frame and _STATUS not in names else [])]]


def table(ds: xr.Dataset, name: str = "") -> "pd.DataFrame":
    """Return a table of a dataset by its name, the first where none is given; raise InputError."""
    import pandas as pd  # late: what has no table needs none

    known = tables(ds)
    if name not in known:
        raise InputError(f"there is no table {name!r}; allowed: {', '.join(map(repr, known))}")
    return pd.concat([*rows(ds, known[name])], ignore_index=True)


def selected(ds: xr.Dataset, labels: Mapping[str, Any]) -> xr.Dataset:
    """Return the part of a dataset at some labels, each a value or a list of some; raise InputError."""
    for name, label in labels.items():
        if name not in ds.coords:
            raise InputError(f"{name} is no label of this sweep; {nearest(name, map(str, ds.coords))}")
        kept = np.flatnonzero(wanted(name, np.atleast_1d(ds[name].values), label))
        if ds[name].dims:
            ds = ds.isel({ds[name].dims[0]: kept})
    return ds


def wanted(key: str, values: NDArray[Any], labels: Any) -> NDArray[np.bool_]:
    """Return which values are wanted; raise InputError where some wanted ones are none."""
    for value in np.atleast_1d(labels).tolist():
        if not is_label(values, value).any():
            shown = ", ".join(map(str, values[:8].tolist())) + (", ..." if len(values) > 8 else "")
            raise InputError(f"{key} = {value}; allowed: one of {shown}")
    found = [is_label(values, value) for value in np.atleast_1d(labels).tolist()]
    return np.asarray(np.any(found, axis=0))
