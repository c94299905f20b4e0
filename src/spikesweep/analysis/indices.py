"""Sensitivity of results to the axes of a sweep: indices of Sobol, elementary effects of Morris."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.analysis.samples import numbers_of, sample_of
from spikesweep.errors import InputError
from spikesweep.grid import salib
from spikesweep.grid.designs import DESIGNS, unit_points
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import same_labels
from spikesweep.grid.priors import sampled
from spikesweep.grid.schema import DONE, Axis

Array = NDArray[np.float64]
_TEXTS = {
    "S1": "first-order index",
    "ST": "total index",
    "S2": "second-order index",
    "mu": "mean elementary effect",
    "mu_star": "mean absolute elementary effect",
    "sigma": "SD of elementary effects",
}
#: A spread below this part of the largest value is that of rounding: nothing depends on anything.
_NOTHING = 1e-12


def sensitivity(
    ds: xr.Dataset,
    variables: Sequence[str] | None = None,
    *,
    mean: Sequence[str] = ("seed",),
    level: float = 0.95,
) -> xr.Dataset:
    """Return how much each axis of a sweep with sample.method=saltelli or morris decides each result.

    For each numeric variable NAME, along (its other dims, parameter): of Saltelli's design `NAME_S1`,
    `NAME_ST` and, along (parameter, parameter_2), `NAME_S2`, parts of the variance; of Morris' `NAME_mu`,
    `NAME_mu_star` and `NAME_sigma`, in the unit of the variable, over the whole axis. `NAME_S1_conf` and so
    on are half-widths of intervals of `level`, by bootstrap (of mu by Student's t; sigma has none).

    `variables` chooses some. Results are averaged over the dims in `mean` first, as far as there are such;
    what of their noise is left counts as an interaction of all axes. A block of the design (a trajectory)
    counts where all its points have results, at all of what is averaged: `NAME_blocks`, along the other dims,
    says how many, of `attrs["num"]`. What is left out may bias indices. Where a result has no variance its
    indices are NaN, and where fewer than two blocks are whole.

    Raises InputError for other samples, for a dataset whose points are not those of its design, where SALib
    is missing, and where no variable has two whole blocks.
    """
    record = sample_of(ds)
    method = record["method"]
    if not DESIGNS[method].blocks:
        raise InputError(f"sample.method = {method!r} has no sensitivity; allowed: saltelli, morris")
    if not 0.0 < level < 1.0:
        raise InputError(f"level = {level!r} is refused; allowed: between 0 and 1")
    names = list(record["priors"])
    unit = unit_points(method, record["num"], len(names), record["seed"])
    place = _places(ds, record, unit)
    per = DESIGNS[method].rows(len(names))
    found = xr.Dataset(
        coords={"parameter": names, "parameter_units": ("parameter", [_units(ds, name) for name in names])},
        attrs={"sample": ds.attrs["sample"], "num": record["num"], "method": method, "level": level},
    )
    for name in numbers_of(ds, variables):
        y = _of_points(ds, name, mean)
        for key, dims, values, attrs in _indices(y, place, unit, per, method, level):
            text = f"{attrs.pop('text')} of {ds[name].attrs.get('long_name', name)}"
            found[f"{name}_{key}"] = (dims, values, {**attrs, "long_name": text})
        others = {dim: y[dim] for dim in y.dims[:-1] if dim in y.coords}
        found = found.assign_coords(
            {str(dim): labels.drop_vars(set(labels.coords) - {dim}) for dim, labels in others.items()}
        )
    if not any((found[name] >= 2).any() for name in found if str(name).endswith("_blocks")):
        raise InputError(f"no {DESIGNS[method].blocks} of the design have results at all of their points")
    return found.assign_coords(parameter_2=names) if method == "saltelli" else found


def _units(ds: xr.Dataset, name: str) -> str:
    return str(ds[name].attrs.get("units", "1"))


def _places(ds: xr.Dataset, record: Mapping[str, Any], unit: Array) -> NDArray[np.int64]:
    """Return where each point of the design stands in the dataset, -1 where it does not."""
    columns = [str(c) for c in ds.coords if c != POINT.name and ds[c].dims == (POINT.name,)]
    if more := set(columns) - set(record["priors"]):
        raise InputError(
            f"points have the further columns {sorted(more)}; allowed: a dataset with one value of each, "
            "without its coordinate"
        )
    pairs = []
    for (name, prior), u in zip(record["priors"].items(), unit.T, strict=True):
        here = np.atleast_1d(ds[name].values)
        values = sampled(Axis(name, "1", name, -np.inf), prior, u)[0]
        pairs.append((same_labels(here), same_labels(values.astype(here.dtype))))
    at = {row: i for i, row in enumerate(zip(*(here.tolist() for here, _ in pairs), strict=True))}
    rows = zip(*(values.tolist() for _, values in pairs), strict=True)
    place = np.array([at.get(row, -1) for row in rows], np.int64)
    if len(set(place[place >= 0])) < len(at):
        raise InputError(
            f"points of this dataset are not those of its design, which {record.get('drawn_by')} drew; here "
            f"is {salib.drawn_by()}; allowed: the dataset as the sweep has it, and that version"
        )
    return place


def _of_points(ds: xr.Dataset, name: str, mean: Sequence[str]) -> xr.DataArray:
    """Return a variable along (its other dims, point), averaged, NaN where not all of it has results."""
    values = ds[name].astype(np.float64).where(ds["status"].isin(DONE))
    values = values.mean([dim for dim in mean if dim in values.dims], skipna=False)
    return values.transpose(..., POINT.name).load().assign_attrs(ds[name].attrs)


def _indices(
    y: xr.DataArray, place: NDArray[np.int64], unit: Array, per: int, method: str, level: float
) -> Iterator[tuple[str, tuple[Any, ...], Any, dict[str, str]]]:
    """Yield the name, dims, values and attributes of each index of a result."""
    others, d = y.dims[:-1], unit.shape[1]
    shape = y.shape[:-1]
    rows = np.where(place >= 0, y.values[..., place], np.nan).reshape(-1, len(place) // per, per)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=-1))
    blocks = unit.reshape(-1, per, d)
    cells = [
        _of_cell(row[use].ravel(), blocks[use].reshape(-1, d), method, level)
        for row, use in zip(rows, whole, strict=True)
    ]
    units = y.attrs.get("units", "1") if method == "morris" else "1"
    for key in next(iter(cells), {}):
        values = np.stack([cell[key] for cell in cells])
        dims = (*others, "parameter", "parameter_2")[: len(others) + values.ndim - 1]
        index = key.removesuffix("_conf")
        text = _TEXTS[index] if index == key else f"half-width of the interval of the {_TEXTS[index]}"
        yield key, dims, values.reshape(*shape, *values.shape[1:]), {"units": units, "text": text}
    counts = whole.sum(axis=-1).reshape(shape)
    yield "blocks", others, counts, {"units": "1", "text": f"whole {DESIGNS[method].blocks}"}


def _of_cell(y: Array, x: Array, method: str, level: float) -> dict[str, Array]:
    """Return the indices of the results of whole blocks, NaN where they have none."""
    d = x.shape[1]
    found: Callable[[], dict[str, Array]]
    if method == "saltelli":
        shapes = {"S1": (d,), "S1_conf": (d,), "ST": (d,), "ST_conf": (d,), "S2": (d, d), "S2_conf": (d, d)}
        none = bool(len(y) == 0 or np.ptp(y) <= _NOTHING * np.abs(y).max())
        per, found = 2 * d + 2, lambda: salib.sobol_indices(y, d, level, 0)
    else:
        shapes = dict.fromkeys(("mu", "mu_conf", "mu_star", "mu_star_conf", "sigma"), (d,))
        none, per, found = False, d + 1, lambda: salib.morris_effects(x, y, level, 0)
    if none or len(y) < 2 * per:
        return {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    return {name: values for name, values in found().items() if name in shapes}
