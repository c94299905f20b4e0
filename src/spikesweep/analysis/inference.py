"""What inference from a sampled sweep needs: the density of the prior that its points were drawn from."""

import json
from collections.abc import Mapping
from typing import Any

import xarray as xr

from spikesweep.errors import InputError, nearest
from spikesweep.grid.priors import log_density


def sample_of(ds: xr.Dataset) -> dict[str, Any]:
    """Return how the points of a sweep were sampled: method, num, seed, and priors by name of their axes.

    `exclude` stands there where combinations were left out. Raises InputError for a dataset that has no
    record of it: points of a list or a grid, stores of before there was one.
    """
    if "sample" not in ds.attrs:
        raise InputError(
            "this dataset does not say how its points were sampled; allowed: that of a sweep with "
            "sample.num=..., with its attributes"
        )
    found = ds.attrs["sample"]
    return dict(json.loads(found) if isinstance(found, str) else found)


def log_prior(ds: xr.Dataset, theta: Mapping[str, Any] | None = None) -> xr.DataArray:
    """Return the logarithm of the prior density at the points of a sampled sweep, dims (point,).

    Axes are independent. Densities are per unit of each axis, of whole numbers and choices they are
    probabilities. `theta` has other values by name of each sampled axis, arrays of one shape, which the
    result has, too; outside of the prior it is -inf. Where combinations were left out (`exclude`), it is that
    up to a constant, and says nothing of `theta`. Raises InputError where `theta` lacks an axis, or has
    another one, and for a dataset without a record of its sample.
    """
    record = sample_of(ds)
    priors: Mapping[str, Any] = record["priors"]
    if theta is not None and record.get("exclude"):
        raise InputError(
            f"theta cannot be judged by exclude = {record['exclude']}; allowed: the sweep's points"
        )
    given = {name: ds[name] for name in priors if name in ds} if theta is None else dict(theta)
    for name in {*priors} ^ {*given}:
        what = "is not given" if name in priors else "was not sampled"
        raise InputError(f"theta: {name} {what}; {nearest(name, priors)}")
    columns = {name: xr.DataArray(values) for name, values in given.items()}
    total = sum(
        xr.DataArray(log_density(priors[name], column.values), dims=column.dims)
        for name, column in columns.items()
    )
    found = xr.DataArray(total, name="log_prior", attrs={"units": "1", "long_name": "log prior density"})
    return found.assign_coords({name: c.drop_vars(c.coords) for name, c in columns.items()})
