"""One cell under given inputs."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from spikesweep.config import compose as config
from spikesweep.config.build import build
from spikesweep.config.compose import Configuration
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.kernels.random.philox import derive, point_keys
from spikesweep.models.contracts import Neuron
from spikesweep.models.simulation.cell import simulate_cell
from spikesweep.models.simulation.core import KINDS
from spikesweep.protocols.checks import check_cells, steps
from spikesweep.sweep.experiment import cells_of
from spikesweep.units import ms, units_of

_DT = 0.05  # ms


def simulate(
    cfg: Configuration,
    cell: str = "RS",
    current: ArrayLike | None = None,
    g_exc: ArrayLike | None = None,
    g_inh: ArrayLike | None = None,
    dt: ms | None = None,
    duration: ms | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Simulate one cell of a configuration under given inputs.

    `current` (pA), `g_exc` and `g_inh` (nS) are arrays of one length or scalars, where sample i acts on
    step i; the reversal potentials are the network's. `duration` is needed where no input is an array. The
    clock is that of the configuration's protocol, its `refractory` rule and its `dt` where none is given
    (0.05 ms where it simulates no cells): the cell does what it does in a run of that configuration. `seed`
    is for a cell that draws numbers of its own, which are those of a run with common random numbers.
    Returns `v` (mV) and the model's other state variables over `time` (ms), and `spike_times` (ms).
    Raises InputError for an unknown cell, inputs of different lengths or a wrong time step.

    >>> import spikesweep as ss
    >>> ds = ss.simulate(ss.load("neuron=lif"), cell="LIF", current=200.0, duration=100.0)
    >>> dict(ds.sizes)
    {'time': 2000, 'spike': 6}
    """
    values = config.plain(cfg)
    clocked = "refractory" in values["protocol"]  # others integrate something else with their dt
    dt = float(values["protocol"]["dt"] if clocked else _DT) if dt is None else dt
    neuron = cells_of(values, [cell], "cell")[cell]
    if lacking(neuron, Neuron):
        raise InputError(f"{cell} is a {type(neuron).__name__}, which has no spikes; allowed: rate_network")
    if units_of(type(neuron.initial()))["v"] != "mV":
        raise InputError(f"{cell} is a {type(neuron).__name__}, which has no unit; allowed: responses")
    for kind in KINDS:
        if kind not in values["network"]:
            raise InputError(f"network.{kind} is missing: simulate needs the reversal potential of synapses")
    synapses = {kind: build(values["network"][kind], f"network.{kind}") for kind in KINDS}
    given = {"current": current, "g_exc": g_exc, "g_inh": g_inh}
    inputs = {name: x for name, x in given.items() if x is not None}
    reversal = {f"g_{kind}": getattr(synapse, "E_rev", None) for kind, synapse in synapses.items()}
    for name in inputs:
        if reversal.get(name, 0.0) is None:
            raise InputError(
                f"{name} is refused: the network's synapses are no conductances; allowed: current"
            )
    if np.isfinite(dt) and dt > 0.0:  # else simulate_cell says so
        check_cells({cell: neuron}, neuron.time_constants(), dt, "dt")
        if duration is not None and np.isfinite(duration):
            steps("duration", duration, dt, "dt")
    refractory = values["protocol"].get("refractory", "published")
    key = point_keys(values["protocol"].get("root_seed", 0), {"seed": seed})
    named = Named(derive(key, f"population {cell}", 0.0), np.zeros(1, np.int64))
    return simulate_cell(neuron, inputs, reversal, dt, duration, refractory, named)
