"""One cell, recorded: under inputs given sample by sample, or under the events of a point of a sweep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import Coordinate, Variable, labelled
from spikesweep.kernels.cells.driver import Clock, Component
from spikesweep.kernels.cells.lanes import Drive, kick_all_alike
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.models.inputs.given import GivenConductance, GivenCurrent
from spikesweep.models.simulation.core import Signal, Traced, run_traced, signals
from spikesweep.units import ms, mV

if TYPE_CHECKING:
    import xarray as xr


def simulate_cell(
    cell: Component,
    inputs: Mapping[str, ArrayLike],
    reversal: Mapping[str, mV | None],
    dt: float,
    duration: float | None,
    refractory: str,
    named: Named | None = None,
) -> "xr.Dataset":
    """Return the state variables over `time` and the `spike_times` (ms) of one cell.

    `inputs` may hold `current` (pA), `g_exc` and `g_inh` (nS): arrays of one length or scalars, where
    sample i acts on step i; `reversal` the reversal potentials of the conductances, where they have one.
    The state at `time` i is the one before step i, and a spike bears the time of the end of its step.
    `named` is for a cell that draws numbers of its own.
    """
    n = _length(inputs, dt, duration)
    samples = np.stack([_samples(name, inputs.get(name, 0.0), n) for name in ("current", "g_exc", "g_inh")])
    parts = {name: GivenConductance(reversal[name] or 0.0) for name in ("g_exc", "g_inh")}
    known = signals(cell, {})
    drive, clock = Drive(kick_all_alike, [samples]), Clock.of(dt, refractory)
    (run,) = run_traced(cell, {"current": GivenCurrent(), **parts}, drive, clock, 1, n, known, named)
    within = run.spiked[run.spiked < n - 1]  # a spike of the last step lies beyond the last time
    return _labelled(cell, run._replace(spiked=within), known, dt)


def trace_cell(
    cell: Component,
    synapses: Mapping[str, Component],
    drive: Drive,
    clock: Clock,
    n_steps: int,
    *,
    others: Mapping[str, Component] | None = None,
    named: Named | None = None,
) -> "xr.Dataset":
    """Return the signals of a cell and its synapses under a drive, and its `spike_times`.

    `others` are further inputs, behind the synapses, that are not recorded; `named` is for a cell that draws.
    """
    known = signals(cell, synapses)
    (run,) = run_traced(cell, {**synapses, **(others or {})}, drive, clock, 1, n_steps, known, named)
    return _labelled(cell, run, known, clock.dt)


def _labelled(cell: Component, run: Traced, known: Mapping[str, Signal], dt: ms) -> "xr.Dataset":
    """Return signals over time, and the ends of the steps with spikes."""
    n_steps = len(next(iter(run.signals.values())))
    variables = [Variable(name, ("time",), known[name].units, known[name].long_name) for name in run.signals]
    variables.append(Variable("spike_times", (), "ms", "spike times, ends of steps", ragged="spike"))
    time = Coordinate(np.arange(n_steps) * dt, "ms", "time")
    ds = labelled({**run.signals, "spike_times": (run.spiked + 1) * dt}, variables, {"time": time})
    return ds.assign_attrs(dt=dt, model=type(cell).__name__)


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
