"""How long a network goes on after a kick.

    survival = bin x number of bins from `reference` to `stop` with rate > rate(reference) / divisor

Sacha, Tesler, Cofre and Destexhe 2025 (code: mariasacha/paper_pipeline_hub, calculate_survival_time): bins of
5 ms, a kick that ends at 300 ms, reference 305 ms (bin 61), stop 1995 ms (the last bin of 2 s is left out), a
divisor of 10. The bins need not be in one piece; that of the reference counts too, so a network that is
silent from the next bin on has a survival of one bin, one that is silent in it none unless it wakes up.
"""

import numpy as np
import xarray as xr

from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.units import ms, number


def survival(
    ds: xr.Dataset, population: str, reference: ms = 305.0, stop: ms = 1995.0, divisor: number = 10.0
) -> xr.Dataset:
    """Return `survival` (ms) of a population in a sweep of protocol=spiking_network, without `time_bin`.

    NaN where a network was not simulated to its end. Raises InputError for an unknown population, and for
    times that are no bins of the sweep.

    >>> import xarray as xr
    >>> bins = {"population": ["E"], "time_bin": [0.0, 5.0, 10.0, 15.0, 20.0]}
    >>> rate = xr.DataArray([[9.0, 5.0, 2.0, 0.4, 0.6]], bins)
    >>> float(survival(xr.Dataset({"population_rate": rate}), "E", reference=5.0, stop=25.0).survival)
    15.0
    """
    rate = ds["population_rate"]
    if population not in rate["population"]:
        raise InputError(
            f"population = {population!r}; allowed: {', '.join(rate['population'].values.tolist())}"
        )
    begin = rate["time_bin"].values
    width = float(begin[1] - begin[0]) if len(begin) > 1 else np.nan
    if not (np.isclose(begin, reference).any() and reference < stop <= begin[-1] + width * (1.0 + 1e-9)):
        raise InputError(
            f"reference = {reference} ms with stop = {stop} ms; allowed: the begin of a time bin, and a "
            f"later time up to {begin[-1] + width:g} ms (bins of {width:g} ms from {begin[0]:g} ms on)"
        )
    chosen = (begin > reference - 0.5 * width) & (begin < stop - 0.5 * width)
    rate = rate.sel(population=population).isel(time_bin=chosen).load()
    alive = rate > rate.isel(time_bin=0) / divisor
    known = rate.notnull().all("time_bin")
    if "status" in ds:
        known = known & (ds["status"].load() == OK)
    found = (alive.sum("time_bin") * width).where(known)
    return xr.Dataset({"survival": found.assign_attrs(units="ms", long_name="survival after the kick")})
