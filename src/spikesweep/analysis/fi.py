"""Measures of a curve of firing rate against current: threshold, gain, rheobase.

    threshold            the first current with a spike
    gain_chord           (rate[last] - rate[k-1]) / (I[last] - I[k-1]), k the place of the threshold
    gain_regression      the slope of a straight line through the points from the threshold on

The chord is the gain of Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119: from the last silent
current, so it needs one, and up to the last current, so it depends on the range.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.units import pA

_MEASURES = {
    "threshold": ("pA", "first current with a spike"),
    "rate_at_threshold": ("Hz", "rate at the threshold"),
    "gain_chord": ("Hz/pA", "slope from the last silent current to the last current"),
    "gain_regression": ("Hz/pA", "slope of the regression from the threshold on"),
}


def measures(ds: xr.Dataset, span: tuple[pA, pA] | None = None) -> xr.Dataset:
    """Return threshold, gains and rheobase of a sweep of protocol=fi_curve, without the axis `i_ext`.

    Only currents within `span` count, where it is given. A measure that does not exist is NaN: without
    a spike all of them, without a silent current the chord, with one firing current the regression.

    >>> import numpy as np, xarray as xr
    >>> rate = xr.DataArray([0.0, 0.0, 10.0, 20.0], {"i_ext": [0.0, 10.0, 20.0, 30.0]}, "i_ext")
    >>> found = measures(xr.Dataset({"rate": rate}))
    >>> float(found.threshold), float(found.gain_chord), round(float(found.gain_regression), 9)
    (20.0, 1.0, 1.0)
    """
    rate = ds["rate"]
    if "i_ext" not in rate.dims:
        raise InputError(f"rate is over {', '.join(map(str, rate.dims))}; allowed: a grid over i_ext")
    if "status" in ds:
        rate = rate.where(ds["status"] == 1)
    if span is not None:
        rate = rate.sel(i_ext=slice(*span))
        if rate.sizes["i_ext"] < 2:
            raise InputError(f"span = {span} pA holds {rate.sizes['i_ext']} currents; allowed: at least two")
    values = xr.apply_ufunc(
        _of_one_curve,
        rate["i_ext"].astype(np.float64),
        rate.load(),
        input_core_dims=[["i_ext"], ["i_ext"]],
        output_core_dims=[["measure"]],
        vectorize=True,
    )
    found = xr.Dataset(
        {
            name: values.isel(measure=k).assign_attrs(units=units, long_name=long_name)
            for k, (name, (units, long_name)) in enumerate(_MEASURES.items())
        }
    )
    if "rheobase" in ds:
        found["rheobase"] = ds["rheobase"].max("i_ext", keep_attrs=True).load()
    return found


def _of_one_curve(current: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the measures of one curve, in the order of their table."""
    known = np.isfinite(rate)
    current, rate = current[known], rate[known]
    if not (rate > 0.0).any():
        return np.full(len(_MEASURES), np.nan)
    k = int(np.argmax(rate > 0.0))
    chord = (rate[-1] - rate[k - 1]) / (current[-1] - current[k - 1]) if k > 0 else np.nan
    slope = np.polyfit(current[k:] - current[k], rate[k:], 1)[0] if len(rate) - k > 1 else np.nan
    return np.array([current[k], rate[k], chord, slope])


def instantaneous_rates(ds: xr.Dataset) -> xr.Dataset:
    """Return the rates of the first and of the last interval: before and after adaptation."""
    both = {"first": "rate of the first interval", "last": "rate of the last interval"}
    return xr.Dataset(
        {
            f"{end}_rate": (1e3 / ds[f"{end}_isi"]).assign_attrs(units="Hz", long_name=text)
            for end, text in both.items()
        }
    )
