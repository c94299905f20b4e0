"""Means over repetitions with their errors, and how many repetitions an error takes."""

import math

import numpy as np
import xarray as xr

from spikesweep.errors import InputError


def interval(values: xr.DataArray, dim: str = "seed", level: float = 0.95) -> xr.Dataset:
    """Return `mean`, `sem`, `low`, `high` and `n` of values over repetitions; what is not finite is left out.

    The interval is Student's: of about normal values, or many of them. Of some 20 values of a skewed
    distribution, as of exponential ones, a nominal 95 % covers 88 to 91 %. Fewer than two values have no SEM.
    Raises InputError for another dimension or level.
    """
    from scipy import stats  # late: it costs a second

    if dim not in values.dims:
        raise InputError(f"{dim} is no dimension; allowed: one of {', '.join(map(str, values.dims))}")
    if not 0.0 < level < 1.0:
        raise InputError(f"level = {level!r} is refused; allowed: between 0 and 1")
    units = values.attrs.get("units", "1")
    values = values.where(np.isfinite(values)).compute()  # a sweep's are read lazily
    n = values.count(dim)
    more = n.where(n > 1)
    mean = values.mean(dim)
    spread = (((values - mean) ** 2).sum(dim) / (more - 1)) ** 0.5
    sem = spread / more**0.5
    wide = sem * xr.apply_ufunc(lambda k: stats.t.ppf(0.5 + level / 2, np.maximum(k, 1)), n - 1)
    found = xr.Dataset({"mean": mean, "sem": sem, "low": mean - wide, "high": mean + wide, "n": n})
    for name in found:
        found[name].attrs["units"] = "1" if name == "n" else units
    return found


def repetitions(measured: xr.Dataset, sem: float) -> int:
    """Return how many repetitions bring the largest SEM of `interval` down to `sem`, as it looks now."""
    wanted = measured["n"] * (measured["sem"] / sem) ** 2
    return math.ceil(float(wanted.max())) if bool(wanted.notnull().any()) else 0
