"""At which order of the time step results converge, and how far from its limit each is.

    change(dt) = x(dt) - x(dt / q)        error(dt) = change(dt) / (1 - q^-order)

`order` is the slope of log |change| over log dt: 1 for forward Euler, 2 for Heun and the splitting of Hodgkin
and Huxley's equations. A spike counts at the end of its step, so that times of spikes converge at order 1 at
best, whatever the method. Where a pattern of spikes hangs by a thread (bursts, chaos) nothing converges.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from spikesweep.errors import InputError

#: By what the ratios of steps may differ from each other.
_RATIO = 1e-6


def convergence(values: xr.DataArray, over: Sequence[str] = (), dim: str = "dt") -> xr.Dataset:
    """Return `change`, `error` (along `dim`, without the smallest step) and `order` of results.

    `values` have three steps at least along `dim`, each q times the next smaller one. Changes are relative to
    the result at the smallest step; of several results, `over` their dimensions, the root mean square is
    taken, without those that are NaN or 0. An order is NaN where nothing changes. Raises InputError for other
    steps.

    >>> import xarray as xr
    >>> found = convergence(xr.DataArray([11.0, 10.5, 10.25], {"dt": [0.4, 0.2, 0.1]}))
    >>> round(float(found.order), 6), found.change.values.round(4).tolist()
    (1.0, [0.0488, 0.0244])
    """
    ordered = values.sortby(dim, ascending=False)
    dt = ordered[dim].values.astype(np.float64)
    ratio = dt[:-1] / dt[1:]
    if len(dt) < 3 or np.ptp(ratio) > _RATIO * ratio[0]:
        raise InputError(f"{dim} = {dt.tolist()} is refused; allowed: three or more, each q times the next")
    finest = ordered.isel({dim: -1})
    relative = (ordered / finest.where(finest != 0.0)).transpose(..., dim)
    difference = relative.isel({dim: slice(None, -1)}) - relative.isel({dim: slice(1, None)}).values
    change = (difference**2).mean(list(over)) ** 0.5
    known = change.where(change > 0.0)
    logarithm = known.copy(data=np.log(known.values))
    x = xr.DataArray(np.log(dt[:-1]), {dim: dt[:-1]}, dim)
    x = x - x.mean()
    order = (x * (logarithm - logarithm.mean(dim, skipna=False))).sum(dim, skipna=False) / (x**2).sum()
    error = change / (1.0 - ratio[0] ** -order)
    found = xr.Dataset({"change": change, "error": error, "order": order})
    for name, text in (
        ("change", "relative change to the next smaller step"),
        ("error", "relative error"),
        ("order", "order of convergence"),
    ):
        found[name].attrs = {"units": "1", "long_name": text}
    return found.drop_vars([str(name) for name in found.coords if name not in found.dims])
