"""One cell, recorded: under inputs given sample by sample, or under the events of a point of a sweep."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock, Component, Trace
from spikesweep.kernels.cells.kept_rows import keep_rows, make_rows
from spikesweep.kernels.cells.lanes import kick_all_alike, run_lanes
from spikesweep.models.inputs.given import GivenConductance, GivenCurrent
from spikesweep.units import ms, mV, units_of

#: State variables that repeat others, or mean nothing to a reader.
_INTERNAL = ("t_spike", "volts", "amperes")
_LONG_NAMES = {
    "v": "membrane potential",
    "w": "adaptation current",
    "u": "recovery current",
    "g": "conductance",
}


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
    trace = _trace(cell)
    (kept,) = room = make_rows(1, len(trace), n)
    run_lanes(cell, parts, clock, 1, n, (kick_all_alike, [samples]), (keep_rows, room), trace)
    return _labelled(cell, {}, kept[0], dt)


def trace_cell(
    cell: Component,
    synapses: Mapping[str, Component],
    kicked: tuple[Callable[..., None], Iterable[Any]],
    clock: Clock,
    n_steps: int,
) -> xr.Dataset:
    """Return the state variables of a cell and its synapses, and its `spike_times`.

    `kicked` is what kicks the synapses (`kernels.lanes.run_lanes`).
    """
    parts = tuple(synapses.values())
    trace = _trace(cell, *parts)
    (kept,) = room = make_rows(1, len(trace), n_steps)
    run_lanes(cell, parts, clock, 1, n_steps, kicked, (keep_rows, room), trace)
    return _labelled(cell, synapses, kept[0], clock.dt, last_step=True)


def _trace(*parts: Component) -> Trace:
    """Return all state variables of a neuron and its inputs, and its spikes, as rows of a trace."""
    states = [(k, part.initial()) for k, part in enumerate(parts)]
    return (*((k, name) for k, x in states for name in x._fields), (0, "spiked"))  # type: ignore[attr-defined]


def _labelled(
    cell: Component,
    synapses: Mapping[str, Component],
    traces: NDArray[Any],
    dt: ms,
    *,
    last_step: bool = False,
) -> xr.Dataset:
    """Return traces with names and units; a spike of the last step lies beyond the last time."""
    time = {"units": "ms", "long_name": "time"}
    ds = xr.Dataset(
        coords={"time": ("time", np.arange(traces.shape[1]) * dt, time)},
        attrs={"dt": dt, "model": type(cell).__name__},
    )
    rows = iter(traces)
    for suffix, part in {"": cell, **{f"_{kind}": s for kind, s in synapses.items()}}.items():
        state = part.initial()
        units = units_of(type(state))
        for name in state._fields:  # type: ignore[attr-defined]
            values = next(rows)
            if name not in _INTERNAL:
                attrs = {"units": units[name], "long_name": _LONG_NAMES.get(name, name)}
                ds[f"{name}{suffix}"] = ("time", values, attrs)
    spiked = traces[-1] if last_step else traces[-1, :-1]
    times = (np.flatnonzero(spiked) + 1) * dt
    ds["spike_times"] = ("spike", times, {"units": "ms", "long_name": "spike times, ends of steps"})
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
