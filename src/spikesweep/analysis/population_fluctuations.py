"""Fluctuations of population rates: those of a whole network, measured as a mean field means them.

The rate of a mean field with time constant T (analysis/mean_field.py) follows its population's spikes s_m,
those of a cell a second, through an exponential:

    T d nu_m / dt = s_m - nu_m

Without recurrence, N independent Poisson cells of rate F then have the variance F / (2 N T), where the
covariance equation of El Boustani and Destexhe 2009 (doi:10.1162/neco.2009.02-08-710) has
F (1 - F T) / (2 N T): the same while cells fire seldom within T. Counts in bins of T have twice that
variance, in other bins another one, so SDs of a network's rates in bins are not those of a mean field. Bins
of width h that are filtered here keep tanh(x) / x of it, x = h / (2 T): 2 % less at the widest that are
allowed, 0.3 % less at T / 5.
"""

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.units import ms

Array = NDArray[np.float64]

#: Widest time bin, in units of T: wider ones lose more than 1 % of the SD.
_WIDEST = 0.5


def filtered_rates(ds: xr.Dataset, T: ms) -> xr.DataArray:
    """Return `population_rate` (Hz) of a sweep of protocol=spiking_network through an exponential of T.

    It has the dims of the variable, `time_bin` last, and starts from the first bin's rate: its first 5 T or
    so are settling. All of it is NaN where a network was not simulated to its end. Raises InputError where T
    is not positive, or bins are wider than T / 2.
    """
    rates = ds["population_rate"].load()
    begin = rates["time_bin"].values
    if len(begin) < 2:
        raise InputError(f"{len(begin)} time bins are refused; allowed: two at least")
    width = float(begin[1] - begin[0])
    if not T > 0.0 or width > _WIDEST * T * (1.0 + 1e-9):
        raise InputError(
            f"T = {T} ms is refused with time bins of {width:g} ms; allowed: from {width / _WIDEST:g} ms on, "
            f"or a shorter protocol.bin"
        )
    if "status" in ds:
        rates = rates.where(ds["status"].load() == OK)
    rates = rates.transpose(..., "time_bin")
    kept = np.exp(-width / T)
    x = rates.values
    y, _ = scipy.signal.lfilter([1.0 - kept], [1.0, -kept], x, zi=kept * x[..., :1])
    return rates.copy(data=y).assign_attrs(units="Hz", long_name=f"population rate, exponential of {T:g} ms")


def network_fluctuations(ds: xr.Dataset, T: ms, discard: ms) -> xr.Dataset:
    """Return means, SDs and covariances of the population rates of a sweep of protocol=spiking_network.

    `rate` (Hz) and `sd` (Hz) of each `population`, `covariance` (Hz2) and `correlation` of each pair
    (`population`, `other`), of the rates through an exponential of T, after `discard`. NaN where a network
    was not simulated to its end. Raises InputError as `filtered_rates` does, and where less than 10 T are
    left.
    """
    rates = filtered_rates(ds, T).sel(time_bin=slice(discard - 1e-9, None))
    begin = rates["time_bin"].values
    if len(begin) < 2 or float(begin[-1] - begin[0]) < 10.0 * T:
        raise InputError(
            f"discard = {discard} ms leaves less than 10 T of {T} ms; allowed: less of it, or longer networks"
        )
    x = rates.transpose(..., "population", "time_bin")
    names = x["population"].values
    away = x - x.mean("time_bin")
    other = away.rename(population="other")
    covariance = xr.dot(away, other, dim="time_bin") / x.sizes["time_bin"]
    whole = ~x.isnull().any("time_bin")
    return _measures(x.mean("time_bin"), covariance.where(whole).assign_coords(other=names))


def mean_field_fluctuations(ds: xr.Dataset) -> xr.Dataset:
    """Return the same of a sweep of protocol=mean_field of the second order, at its last time.

    `ext_drive` is named `drive`, as it is in networks. Raises InputError for a sweep of the first order.
    """
    last = ds.isel(time=-1, drop=True).load()
    if not bool((last["covariance"] != 0.0).any()):
        raise InputError("protocol.order = 1 has no covariances; allowed: a sweep with protocol.order=2")
    names = last["population"].values
    ee, ei, ii = (last["covariance"].isel(pair=k, drop=True) for k in range(3))
    rows = [xr.concat(row, "other") for row in ((ee, ei), (ei, ii))]
    covariance = xr.concat(rows, "population").assign_coords(population=names, other=names)
    found = _measures(last["rate"], covariance)
    return found.rename(ext_drive="drive") if "ext_drive" in found.dims else found


def _measures(rate: xr.DataArray, covariance: xr.DataArray) -> xr.Dataset:
    """Return the variables of both, of means and covariances (Hz, Hz2)."""
    names = rate["population"].values.tolist()
    own = [covariance.sel(population=name, other=name, drop=True) for name in names]
    variance = xr.concat(own, xr.IndexVariable("population", names))
    sd = variance**0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = covariance / (sd * sd.rename(population="other"))
    found = {"rate": rate, "sd": sd, "covariance": covariance, "correlation": correlation}
    units = {"rate": "Hz", "sd": "Hz", "covariance": "Hz2", "correlation": "1"}
    long = {
        "rate": "mean population rate",
        "sd": "SD of the population rate",
        "covariance": "covariance of the population rates",
        "correlation": "correlation of the population rates",
    }
    return xr.Dataset({k: v.assign_attrs(units=units[k], long_name=long[k]) for k, v in found.items()})
