"""One cell under inputs that are given sample by sample."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.inputs.given import GivenConductance, GivenCurrent
from spikesweep.kernels.driver import LANES, Clock, Component, driver_for, initial_state
from spikesweep.units import ms, mV, units_of

#: Samples recorded in one call of the kernel.
CHUNK = 512

_LONG_NAMES = {"v": "membrane potential", "w": "adaptation current"}


def simulate_cell(
    cell: Component,
    inputs: Mapping[str, ArrayLike],
    reversal: Mapping[str, mV | None],
    dt: float,
    duration: float | None,
    refractory: str,
) -> xr.Dataset:
    """Return the state variables over `time` and the `spike_times` (ms) of one cell.

    `inputs` may hold `current` (pA), `g_exc` and `g_inh` (nS): arrays of one length or scalars, where
    sample i acts on step i; `reversal` the reversal potentials of the conductances, where they have one.
    The state at `time` i is the one before step i, and a spike bears the time of the end of its step.
    """
    n = _length(inputs, dt, duration)
    samples = np.stack([_samples(name, inputs.get(name, 0.0), n) for name in ("current", "g_exc", "g_inh")])
    exc, inh = (GivenConductance(reversal[name] or 0.0) for name in ("g_exc", "g_inh"))
    parts = (GivenCurrent(), exc, inh)
    clock = Clock.of(dt, refractory)
    rows = (*cell.initial()._fields, "spiked")  # type: ignore[attr-defined]
    driver = driver_for(cell, parts, trace=tuple((0, name) for name in rows))
    state = initial_state(driver, cell, parts, clock, 1).reshape(-1)
    traces = np.empty((len(rows), n))
    buffer = np.empty((CHUNK, len(rows), LANES))
    for first in range(0, n, CHUNK):
        chunk = samples[:, first : first + CHUNK].T
        given = np.repeat(chunk[:, :, np.newaxis], LANES, axis=2)
        driver.advance(state, given.reshape(-1), buffer.reshape(-1), len(chunk), first, clock.tick)
        traces[:, first : first + CHUNK] = buffer[: len(chunk), :, 0].T
    spikes = np.flatnonzero(traces[-1, :-1]) + 1  # the last sample's step ends beyond the last time
    return _labelled(cell, traces[:-1], spikes, dt)


def _labelled(cell: Component, traces: NDArray[Any], spikes: NDArray[Any], dt: ms) -> xr.Dataset:
    state = cell.initial()
    units = units_of(type(state))
    time = {"units": "ms", "long_name": "time"}
    ds = xr.Dataset(
        coords={"time": ("time", np.arange(traces.shape[1]) * dt, time)},
        attrs={"dt": dt, "model": type(cell).__name__},
    )
    for name, values in zip(state._fields, traces, strict=True):  # type: ignore[attr-defined]
        if name != "t_spike":
            attrs = {"units": units[name], "long_name": _LONG_NAMES.get(name, name)}
            ds[name] = ("time", values, attrs)
    ds["spike_times"] = ("spike", spikes * dt, {"units": "ms", "long_name": "spike times"})
    return ds


def _length(inputs: Mapping[str, ArrayLike], dt: float, duration: float | None) -> int:
    if not (np.isfinite(dt) and dt > 0.0):
        raise InputError(f"dt = {dt} is refused: allowed is a positive number of ms")
    lengths = {name: np.size(values) for name, values in inputs.items() if np.ndim(values)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"the inputs have different lengths: {lengths}; allowed: one length for all")
    if duration is None and not lengths:
        raise InputError("duration is missing: give it (ms), or an input as an array of samples")
    if duration is not None and not (np.isfinite(duration) and duration > 0.0):
        raise InputError(f"duration = {duration} is refused: allowed is a positive number of ms")
    n = next(iter(lengths.values())) if lengths else round(float(duration or 0.0) / dt)
    if duration is not None and n != round(duration / dt):
        raise InputError(
            f"duration = {duration} ms is {round(duration / dt)} samples of {dt} ms, the inputs have {n}"
        )
    if n < 1:
        raise InputError("the inputs are empty; allowed: at least one sample")
    return int(n)


def _samples(name: str, values: ArrayLike, n: int) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.ndim > 1:
        raise InputError(f"{name} has {array.ndim} dimensions; allowed: a scalar or one value a sample")
    if not np.isfinite(array).all():
        raise InputError(f"{name} has values that are not finite")
    return np.broadcast_to(array, (n,)).astype(np.float64)
