"""Which simple relation gives the inhibition that a cell needs for its excitation.

    additive         inh = exc + b
    multiplicative   inh = k exc
    linear           inh = m exc + c
    threshold-gain   inh = exc - threshold - rate / gain

Currents are means in pA, positive both; the last is the steady state of rate = gain (exc - inh -
threshold), which has no free parameter. Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119
(notebooks/actual-balance-clean.ipynb of their code) solve each from one set point, where all agree by
construction; here they are fitted over set points, where they can fail.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.attributes import parameter
from spikesweep.errors import InputError
from spikesweep.units import PER_MS

_NA_PER_PA = 1e-3


def relations(exc: xr.DataArray, inh: xr.DataArray, dim: str, slope: float | None = None) -> xr.Dataset:
    """Fit the relations along `dim` by least squares; the residuals are root mean squares.

    Points where either current is NaN do not count. With `slope` (m) given, as the ratio of set points
    in the original, one point is enough; else the linear relation of fewer than two points is NaN.
    """
    if dim not in exc.dims or dim not in inh.dims:
        raise InputError(f"dim = {dim!r} is no dimension of both currents; allowed: one of {exc.dims}")
    exc, inh = xr.align(exc, inh, join="exact")
    both = exc.notnull() & inh.notnull()
    x, y = exc.where(both), inh.where(both)
    b = (y - x).mean(dim)
    k = (x * y).sum(dim) / (x**2).sum(dim)
    if slope is None:
        dx, dy = x - x.mean(dim), y - y.mean(dim)
        m = ((dx * dy).sum(dim) / (dx**2).sum(dim)).where(both.sum(dim) > 1)
    else:
        m = xr.full_like(b, slope)
    c = y.mean(dim) - m * x.mean(dim)

    def residual(model: xr.DataArray) -> xr.DataArray:
        return ((y - model) ** 2).mean(dim) ** 0.5

    texts = {
        "additive_b": (b, "pA", "inh - exc"),
        "multiplicative_k": (k, "1", "inh / exc"),
        "linear_m": (m, "1", "slope of inh over exc"),
        "linear_c": (c, "pA", "inh at no exc"),
        "additive_residual": (residual(x + b), "pA", "residual of the additive relation"),
        "multiplicative_residual": (residual(k * x), "pA", "residual of the multiplicative relation"),
        "linear_residual": (residual(m * x + c), "pA", "residual of the linear relation"),
    }
    return xr.Dataset({n: v.assign_attrs(units=u, long_name=t) for n, (v, u, t) in texts.items()})


def threshold_gain(exc: Any, rate: Any, threshold: Any, gain: Any) -> Any:
    """Return the inhibitory current (pA) at which a threshold-linear cell fires at `rate` (Hz).

    `exc` and `threshold` in pA, `gain` in Hz/pA; numbers or arrays.
    """
    return exc - threshold - rate / gain


def threshold_gain_original(exc: Any, rate: Any, threshold: Any, gain: Any, fe: Any, fi: Any) -> Any:
    """Return the original's "total inhibitory weight", m exc - rate / (fi gain) - threshold / fi.

    The arguments are those of `threshold_gain`, and m = fe / fi. Two slips are kept for comparison:
    `exc` contains its rate already and is multiplied by m again, and its pA are taken for nA, beside
    which threshold and gain, in true nA, nearly vanish. Divide by sources x fi for the original's weight.
    """
    in_na = threshold * _NA_PER_PA + rate / gain * _NA_PER_PA
    return fe / fi * exc - in_na / fi


def weight(current: Any, sources: Any, rate: Any) -> Any:
    """Return the charge of one event (fC) that gives a mean current (pA) from `sources` at `rate` (Hz)."""
    return current / (sources * rate * PER_MS)


def set_points(ds: xr.Dataset) -> xr.Dataset:
    """Return where a cell fires as its own kind of source does, without the axes `fi` and `seed`.

    For each `fe` of a sweep of protocol=ei_balance the rate of the inhibitory sources is interpolated at
    which the first population fires at fe, and that at which the second fires at fi itself: `fi` (Hz),
    with the mean currents (`exc`, `inh`, pA) and the `rate` (Hz) there. NaN where no fi of the sweep
    does, and where the rate is zero: a silent network needs no inhibition. Further populations, which
    are no sources, are left out; raises InputError where there are no two.
    """
    if ds.sizes.get("population", 1) < 2:
        raise InputError("set points need an excitatory and an inhibitory population; allowed: two at least")
    ds = ds.isel(population=slice(2))
    ok = ds.where(ds["status"] == 1) if "status" in ds else ds
    seconds = parameter(ds, "protocol.duration") * PER_MS
    mean = ok[["spike_count", "current_exc", "current_inh"]].mean("seed").load()
    rate = mean["spike_count"] / seconds
    own = xr.concat([mean["fe"] + 0.0 * mean["fi"], mean["fi"] + 0.0 * mean["fe"]], "population")
    own = own.assign_coords(population=rate["population"])
    found = xr.apply_ufunc(
        _at_crossing,
        rate - own,
        mean["fi"].astype(np.float64),
        mean["current_exc"],
        mean["current_inh"],
        rate,
        input_core_dims=[["fi"]] * 5,
        output_core_dims=[["what"]],
        vectorize=True,
    )
    texts = {
        "fi": ("Hz", "rate of the inhibitory sources"),
        "exc": ("pA", "mean excitatory current"),
        "inh": ("pA", "mean inhibitory current"),
        "rate": ("Hz", "firing rate, that of the set point"),
    }
    return xr.Dataset(
        {
            name: found.isel(what=k).assign_attrs(units=units, long_name=text)
            for k, (name, (units, text)) in enumerate(texts.items())
        }
    )


def _at_crossing(excess: NDArray[np.float64], *curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the curves where `excess` first falls through zero, linear in between; NaN where nowhere."""
    falls = np.flatnonzero((excess[:-1] > 0.0) & (excess[1:] <= 0.0))
    if not len(falls):
        return np.full(len(curves), np.nan)
    i = falls[0]
    part = excess[i] / (excess[i] - excess[i + 1])
    values = np.array([curve[i] + part * (curve[i + 1] - curve[i]) for curve in curves])
    return values if values[-1] > 0.0 else np.full(len(curves), np.nan)
