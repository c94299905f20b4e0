"""The mean field of fitted transfer functions, as labelled datasets."""

from types import SimpleNamespace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from spikesweep.analysis import mean_field as equations
from spikesweep.analysis.fitted import transfer_function
from spikesweep.analysis.mean_field import Adaptation, Drive, MeanField
from spikesweep.errors import InputError
from spikesweep.grid.attributes import configuration_of
from spikesweep.units import Hz, ms

_POPULATIONS = ("exc", "inh")
#: Longest step of integration, in units of T: at a fifth of T the second order already diverges.
_STEP = 0.1


def mean_field(
    fitted: xr.Dataset,
    exc: str = "RS",
    inh: str = "FS",
    *,
    T: ms,
    second_order: bool = False,
    adaptation: bool = False,
    spontaneous: Hz = 0.0,
) -> MeanField:
    """Return the equations of two fitted populations; `adaptation` takes a, b and tau_w of their cells.

    Raises InputError where a population was not fitted or has no adaptation.
    """
    configuration = configuration_of(fitted.attrs)
    pair = []
    for name in (exc, inh):
        if name not in fitted["population"].values:
            raise InputError(f"{name!r} was not fitted; allowed: {', '.join(fitted['population'].values)}")
        cell = SimpleNamespace(**configuration["neuron"][name])
        if adaptation and not all(hasattr(cell, key) for key in ("a", "b", "tau_w")):
            raise InputError(f"adaptation = True is refused: {name!r} has no a, b and tau_w")
        if adaptation:
            pair.append(Adaptation(cell.a, cell.b, cell.tau_w))
    network = configuration["network"]
    N = tuple(network["N"] * f for f in (1 - network["inhibitory_fraction"], network["inhibitory_fraction"]))
    functions = [transfer_function(fitted, name) for name in (exc, inh)]
    both = (pair[0], pair[1]) if adaptation else None
    return MeanField(functions[0], functions[1], T, (N[0], N[1]), second_order, both, spontaneous)


def fixed_points(model: MeanField, ext_drive: ArrayLike, max_rate: Hz = 200.0) -> xr.Dataset:
    """Return all fixed points at each `ext_drive` (Hz), with `growth` (per ms, negative where stable)."""
    drives = np.atleast_1d(np.asarray(ext_drive, np.float64))
    found = [equations.fixed_points(model, Drive.of(drive, 0.0, 0.0), max_rate) for drive in drives]
    n = max(len(growth) for _, growth in found)
    rate, growth = np.full((len(drives), n, 2), np.nan), np.full((len(drives), n), np.nan)
    for i, (points, speeds) in enumerate(found):
        rate[i, : len(points)], growth[i, : len(points)] = points, speeds
    ds = xr.Dataset(coords={"ext_drive": drives, "population": list(_POPULATIONS)})
    ds["ext_drive"].attrs = {"units": "Hz", "long_name": "external excitatory rate"}
    attrs = {"units": "Hz", "long_name": "rates at a fixed point"}
    ds["rate"] = (("ext_drive", "fixed_point_index", "population"), rate, attrs)
    attrs = {"units": "1/ms", "long_name": "largest growth rate"}
    ds["growth"] = (("ext_drive", "fixed_point_index"), growth, attrs)
    ds["stable"] = ds["growth"] < 0.0
    ds.attrs["max_rate"] = max_rate
    return ds


def time_course(
    model: MeanField,
    time: ArrayLike,
    stimulus: ArrayLike,
    *,
    ext_drive: Hz,
    initial: tuple[Hz, Hz],
    exc_fraction: float = 1.0,
    initial_covariance: float = 0.5,
) -> xr.Dataset:
    """Return `rate` (Hz), `covariance` (Hz^2) and `w` (pA) over evenly spaced `time` (ms).

    `stimulus` (Hz) has one value a time, linear in between. The equations are integrated in steps of at
    most a tenth of T. Raises InputError for times that are uneven or do not rise.
    """
    t, values = np.asarray(time, np.float64), np.asarray(stimulus, np.float64)
    spacing = np.diff(t)
    if len(t) < 2 or t.shape != values.shape or not np.allclose(spacing, spacing[0], rtol=1e-6):
        raise InputError("time must be evenly spaced, and stimulus have one value a time")
    if spacing[0] <= 0.0:
        raise InputError(f"time begins with {t[0]:g} and {t[1]:g} ms; allowed: times that rise")

    def drives(elapsed: ms) -> Drive:
        return Drive.of(ext_drive, np.interp(t[0] + elapsed, t, values), exc_fraction)

    n_within = max(1, int(np.ceil(spacing[0] / (_STEP * model.T) - 1e-9)))
    keep = np.arange(len(t)) * n_within
    start = model.initial(initial, initial_covariance, ())
    y = equations.integrate(model, start, drives, float(spacing[0]) / n_within, keep[-1], keep).T
    ds = xr.Dataset(coords={"time": t, "population": list(_POPULATIONS)})
    ds["time"].attrs = {"units": "ms", "long_name": "time"}
    attrs = {"units": "Hz", "long_name": "population rate"}
    ds["rate"] = (("population", "time"), y[:2], attrs)
    ds["w"] = (("population", "time"), y[2:4], {"units": "pA", "long_name": "adaptation current"})
    if model.second_order:
        attrs = {"units": "Hz2", "long_name": "covariance of the population rates"}
        ds["covariance"] = (("pair", "time"), y[4:], attrs)
        ds = ds.assign_coords(pair=["exc-exc", "exc-inh", "inh-inh"])
    ds["stimulus"] = ("time", values, {"units": "Hz", "long_name": "stimulus"})
    return ds
