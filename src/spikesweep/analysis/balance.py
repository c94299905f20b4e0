"""Which simple relation gives the inhibition that a cell needs for its excitation.

    additive         inh = exc + b
    multiplicative   inh = k exc
    linear           inh = m exc + c
    threshold-gain   inh = exc - threshold - rate / gain

Currents are means in pA, positive both; the last is the steady state of rate = gain (exc - inh -
threshold). Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119
(notebooks/actual-balance-clean.ipynb of their code) solve each from one set point, where all agree by
construction; here they are fitted over set points, where they can fail.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.attributes import parameter
from spikesweep.units import PER_MS

_NA_PER_PA = 1e-3


def relations(
    exc: xr.DataArray,
    inh: xr.DataArray,
    dim: str,
    *,
    slope: float | None = None,
    rate: xr.DataArray | None = None,
    threshold_and_gain: tuple[Any, Any] | None = None,
) -> xr.Dataset:
    """Fit the relations along `dim` by least squares; the residuals are root mean squares.

    Points where a current is NaN do not count; `n_points` says how many do. With `slope` (m) given, as the
    ratio of set points in the original, one point is enough for the linear relation, else two. The last
    relation needs the `rate` (Hz) at each point; `threshold_and_gain` (pA, Hz/pA), as a curve of rate
    against current gives them, leave it no free parameter. A fit is NaN where there are fewer points than
    parameters, and a residual where there are not more: such a fit cannot fail.
    """
    if dim not in exc.dims or dim not in inh.dims:
        raise InputError(f"dim = {dim!r} is no dimension of both currents; allowed: one of {exc.dims}")
    exc, inh = xr.align(exc, inh, join="exact")
    both = exc.notnull() & inh.notnull()
    x, y, n = exc.where(both), inh.where(both), both.sum(dim)

    def residual(model: xr.DataArray, n_parameters: int) -> xr.DataArray:
        return (((y - model) ** 2).mean(dim) ** 0.5).where(n > n_parameters)

    b = (y - x).mean(dim)
    k = (x * y).sum(dim) / (x**2).sum(dim)
    m, c = _line(x, y, dim) if slope is None else (xr.full_like(b, slope), (y - slope * x).mean(dim))
    texts = {
        "n_points": (n, "1", "points that count"),
        "additive_b": (b, "pA", "inh - exc"),
        "multiplicative_k": (k, "1", "inh / exc"),
        "linear_m": (m, "1", "slope of inh over exc"),
        "linear_c": (c, "pA", "inh at no exc"),
        "additive_residual": (residual(x + b, 1), "pA", "residual of the additive relation"),
        "multiplicative_residual": (residual(k * x, 1), "pA", "residual of the multiplicative relation"),
        "linear_residual": (
            residual(m * x + c, 2 if slope is None else 1),
            "pA",
            "residual of the linear relation",
        ),
    }
    if rate is not None:
        if threshold_and_gain is None:
            per_rate, threshold = _line(rate.where(both), x - y, dim)
        else:
            threshold, per_rate = threshold_and_gain[0] + 0.0 * b, 1.0 / threshold_and_gain[1] + 0.0 * b
        off = residual(x - threshold - rate * per_rate, 2 if threshold_and_gain is None else 0)
        texts |= {
            "threshold_gain_threshold": (threshold, "pA", "net current at no rate"),
            "threshold_gain_slope": (per_rate, "pA/Hz", "net current a rate, 1 / gain"),
            "threshold_gain_residual": (off, "pA", "residual of the threshold-gain relation"),
        }
    return xr.Dataset({name: v.assign_attrs(units=u, long_name=t) for name, (v, u, t) in texts.items()})


def _line(x: xr.DataArray, y: xr.DataArray, dim: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Return slope and offset of the regression of y on x, NaN below two points."""
    dx, dy = x - x.mean(dim), y - y.mean(dim)
    slope = ((dx * dy).sum(dim) / (dx**2).sum(dim)).where(dx.notnull().sum(dim) > 1)
    return slope, y.mean(dim) - slope * x.mean(dim)


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
