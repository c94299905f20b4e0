"""How populations of rate units represent input patterns.

For each population, with an active unit being one whose `activity` is not zero:
    sparsity          number of active units, of each pattern
    selectivity       number of active patterns, of each unit
    similarity        cosine of the responses to two patterns; NaN where either is silent
    discriminability  1 - similarity

Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code: Milstein-Lab/dentate_circuit_model, analyze_slice).
Departure: the fraction of silent units is that of the units; the code divides by the number of patterns.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError

_Function = Callable[[xr.DataArray], xr.DataArray]


def measures(ds: xr.Dataset) -> xr.Dataset:
    """Return the measures of every cell and pattern, and summaries of each population.

    `ds` has `activity` over (cell, pattern, ...) and the coordinate `population` of the cells. The
    similarity matrix has dims (population, pattern, other_pattern, ...). Patterns without an answer are
    left out of all that is counted over patterns, NaN where none is left but for a unit's selectivity,
    which is NaN where one is missing. Raises InputError for another dataset.
    """
    for name in ("activity", "pattern", "population"):
        if name not in ds:
            raise InputError(f"the dataset has no {name}; allowed: one of protocol=rate_dynamics")
    activity = ds["activity"].transpose("cell", "pattern", ...).load()
    active = (activity > 0.0).where(activity.notnull())
    selectivity = active.sum("pattern", skipna=False)
    of_cells = ds["population"].values
    found = xr.Dataset(
        {
            "sparsity": _described(
                _each(active, of_cells, lambda x: x.sum("cell", skipna=False)), "active units"
            ),
            "selectivity": _described(selectivity.rename(population="cell_population"), "active patterns"),
            "similarity": _described(_each(activity, of_cells, similarity), "cosine of responses"),
        }
    )
    found["discriminability"] = _described(1.0 - found["similarity"], "1 - cosine of responses")
    sparsity, silent = found["sparsity"], (selectivity == 0.0).where(selectivity.notnull())
    answered = sparsity.notnull() & sparsity.notnull().rename(pattern="other_pattern")
    found["active_patterns"] = _described(
        (sparsity > 0.0).where(sparsity.notnull()).mean("pattern"), "fraction of patterns with a response"
    )
    found["silent_units"] = _described(
        _each(silent, of_cells, lambda x: x.mean("cell")), "fraction of units without a response"
    )
    found["mean_similarity"] = _described(
        pair_mean(found["similarity"]), "mean cosine of responses to two patterns"
    )
    found["mean_similarity_silent_as_1"] = _described(
        pair_mean(found["similarity"].fillna(1.0).where(answered)),
        "the same, a silent response being like all others",
    )
    found["mean_activity"] = _described(
        _each(activity, of_cells, lambda x: x.mean(("cell", "pattern"))), "mean rate"
    )
    found["mean_activity"].attrs["units"] = "Hz"
    return found


def similarity(activity: xr.DataArray) -> xr.DataArray:
    """Return the cosine between the responses to all pairs of patterns, NaN where one is silent."""
    other = activity.rename(pattern="other_pattern")
    product = xr.dot(activity, other, dim="cell")
    size = (activity**2).sum("cell", skipna=False) ** 0.5
    norm = size * size.rename(pattern="other_pattern")
    cosine: xr.DataArray = product / norm.where(norm > 0.0)
    return cosine.transpose("pattern", "other_pattern", ...)


def pair_mean(matrix: xr.DataArray) -> xr.DataArray:
    """Return the mean over the pairs of different patterns, without NaN."""
    different = matrix["pattern"] != matrix["other_pattern"]
    return matrix.where(different).mean(("pattern", "other_pattern"))


def distribution(values: xr.DataArray, dim: str, n: int = 100) -> xr.DataArray:
    """Return the `n` quantiles along `dim` that a cumulative distribution is drawn from, without NaN."""
    with warnings.catch_warnings():  # where all is NaN, so are the quantiles
        warnings.filterwarnings("ignore", "All-NaN slice")
        quantiles: xr.DataArray = values.quantile(np.linspace(0.0, 1.0, n), dim=dim)
    return quantiles


def dynamics(ds: xr.Dataset) -> xr.DataArray:
    """Return the mean rate (Hz) of each population over time, of all else that the dataset has."""
    if "rate" not in ds:
        raise InputError("the dataset has no rate over time; allowed: protocol.record=[rate]")
    means = _each(ds["rate"].load(), ds["population"].values, lambda x: x.mean("cell"))
    return _described(means, "mean rate", "Hz")


def _each(values: xr.DataArray, of_cells: NDArray[Any], function: _Function) -> xr.DataArray:
    """Return a function of each population's cells, along a new dimension `population`."""
    names = sorted(set(of_cells.tolist()))
    bare = values.drop_vars("population")
    parts = [function(bare.isel(cell=np.flatnonzero(of_cells == name))) for name in names]
    return xr.concat(parts, xr.Variable("population", names, {"long_name": "population"}))


def _described(values: xr.DataArray, long_name: str, units: str = "1") -> xr.DataArray:
    return values.assign_attrs(long_name=long_name, units=units)
