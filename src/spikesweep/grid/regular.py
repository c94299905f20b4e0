"""A regular view of points that are no grid: values between them, with the error of the interpolation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.densities import cumulative
from spikesweep.grid.grid import MOST_POINTS, POINT, refuse_many
from spikesweep.grid.mesh import MOST_AXES, Mesh
from spikesweep.grid.priors import values_of
from spikesweep.grid.schema import DONE

if TYPE_CHECKING:
    import xarray as xr


def on_grid(ds: "xr.Dataset", num: int | Mapping[str, int], record: Mapping[str, Any]) -> "xr.Dataset":
    """Return the numbers of a dataset of points on a regular grid; see `ds.sweep.on_grid`."""
    import xarray as xr  # late: most of what imports the grid has no dataset

    ranges = _ranges(ds, record)
    counts = _counts(ranges, num)
    lines = {name: np.linspace(0.0, 1.0, counts[name]) for name in ranges}
    places = np.stack([m.ravel() for m in np.meshgrid(*lines.values(), indexing="ij")], axis=1)
    done = ds["status"].isin(DONE)
    good = done.all([dim for dim in done.dims if dim != POINT.name]).values
    unit = np.stack([cumulative(prior, ds[name].values[good]) for name, prior in ranges.items()], axis=1)
    if len(unit) < len(ranges) + 2 or (np.ptp(unit, axis=0) == 0).any():
        raise InputError(f"{len(unit)} points with results span no grid of {', '.join(ranges)}")
    mesh = Mesh.of(unit)
    around, weights = mesh.weights(places)
    values = {
        name: values_of({name: prior}, lines[name][:, np.newaxis])[:, 0] for name, prior in ranges.items()
    }
    found = xr.Dataset(
        coords={name: (name, column, ds[name].attrs) for name, column in values.items()},
        attrs={**ds.attrs, "left_out": int((~good).sum())},
    )
    shape = tuple(counts[name] for name in ranges)
    for name, array in ds.data_vars.items():
        if POINT.name not in array.dims or array.dtype.kind not in "fiub" or name == "status":
            continue
        if "sample_dimension" in array.attrs:
            continue
        others = [dim for dim in array.dims if dim != POINT.name]
        y = array.astype(np.float64).transpose(POINT.name, *others).values[good]
        for key, each in ((str(name), y), (f"{name}_error", mesh.residuals(y.reshape(len(y), -1)))):
            flat = _between(each.reshape(len(y), -1), around, weights)
            text = array.attrs.get("long_name", str(name))
            attrs = {"units": array.attrs.get("units", "1"), "long_name": text}
            if key != name:
                attrs["long_name"] = f"error of the interpolation of {text}"
            found[key] = ((*ranges, *others), flat.reshape(*shape, *y.shape[1:]), attrs)
        found = found.assign_coords({str(d): array[d] for d in others if d in array.coords})
    return found


def _between(y: NDArray[Any], around: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[Any]:
    return np.asarray(np.einsum("pv,pvk->pk", weights, y[around]))


def _ranges(ds: "xr.Dataset", record: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the range of each axis along points: as recorded, else from its least to its largest value."""
    if POINT.name not in ds.dims:
        raise InputError("this dataset has no points to interpolate; allowed: that of points, or of refine")
    recorded: Mapping[str, Any] = record.get("axes") or record.get("priors") or {}
    found: dict[str, Mapping[str, Any]] = {}
    for name in map(str, ds.coords):
        if name == POINT.name or ds[name].dims != (POINT.name,) or ds[name].dtype.kind not in "iuf":
            continue
        prior = recorded.get(name, {})
        if prior.get("dist") in ("uniform", "loguniform") and not prior["integer"]:
            found[name] = prior
            continue
        low, high = float(ds[name].min()), float(ds[name].max())
        if low < high:
            found[name] = {"dist": "uniform", "low": low, "high": high, "integer": False}
    if not 1 <= len(found) <= MOST_AXES:
        raise InputError(f"points have {len(found)} axes of numbers, {[*found]}; allowed: 1 to {MOST_AXES}")
    return found


def _counts(ranges: Mapping[str, Any], num: int | Mapping[str, int]) -> dict[str, int]:
    """Return how many values each axis of the grid gets."""
    if isinstance(num, Mapping):
        for name in {*num} ^ {*ranges}:
            raise InputError(f"num: {name} is no axis of these points, or missing; {nearest(name, ranges)}")
    found = {name: num[name] if isinstance(num, Mapping) else num for name in ranges}
    for name, n in found.items():
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 2:
            raise InputError(f"num = {shown(n)} values of {name}; allowed: a whole number, 2 or more")
    refuse_many(found, MOST_POINTS)
    return found
