"""The public names for one simulation of a configuration, without a sweep: a cell, a pool, a network."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from spikesweep.api.single.rate_network import simulate_network
from spikesweep.api.single.response_pool import simulate_pool
from spikesweep.api.single.spiking_network import simulate_given
from spikesweep.config import compose as config
from spikesweep.config.build import build
from spikesweep.config.compose import Configuration
from spikesweep.errors import InputError
from spikesweep.models.simulation.cell import simulate_cell
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_cells, steps
from spikesweep.protocols.population_information import PopulationInformation
from spikesweep.protocols.rate_dynamics import RateDynamics
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.store import accessor as accessor  # registers ds.sweep
from spikesweep.sweep.experiment import assemble, cells_of
from spikesweep.units import ms, units_of

P = TypeVar("P", bound=Experiment)


def simulate(
    cfg: Configuration,
    cell: str = "RS",
    current: ArrayLike | None = None,
    g_exc: ArrayLike | None = None,
    g_inh: ArrayLike | None = None,
    dt: ms = 0.05,
    duration: ms | None = None,
) -> xr.Dataset:
    """Simulate one cell of a configuration under given inputs.

    `current` (pA), `g_exc` and `g_inh` (nS) are arrays of one length or scalars, where sample i acts on
    step i; the reversal potentials are the network's. `duration` is needed where no input is an array.
    Returns `v` (mV) and the model's other state variables over `time` (ms), and `spike_times` (ms).
    Raises InputError for an unknown cell, inputs of different lengths or a wrong time step.

    >>> import spikesweep as ss
    >>> ds = ss.simulate(ss.load("neuron=lif"), cell="LIF", current=200.0, duration=100.0)
    >>> dict(ds.sizes)
    {'time': 2000, 'spike': 6}
    """
    values = config.plain(cfg)
    neuron = cells_of(values, [cell], "cell")[cell]
    if not hasattr(neuron, "step"):
        raise InputError(f"{cell} is a {type(neuron).__name__}, which has no spikes; allowed: rate_network")
    if units_of(type(neuron.initial()))["v"] != "mV":
        raise InputError(f"{cell} is a {type(neuron).__name__}, which has no unit; allowed: responses")
    for kind in ("exc", "inh"):
        if kind not in values["network"]:
            raise InputError(f"network.{kind} is missing: simulate needs the reversal potential of synapses")
    synapses = {kind: build(values["network"][kind], f"network.{kind}") for kind in ("exc", "inh")}
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
    return simulate_cell(neuron, inputs, reversal, dt, duration, refractory)


def rate_network(
    cfg: Configuration,
    weights: Any = None,
    inputs: Any = None,
    *,
    seed: int = 0,
    pattern: int = 0,
    synapses: bool = False,
) -> xr.Dataset:
    """Simulate one rate network of a configuration, with given or drawn weights and input rates.

    `weights` are arrays (post, pre): one where the network has one projection, else `{post: {pre: W}}`;
    what is not given is drawn as a sweep draws it at `seed`. `inputs` are rates (Hz): one array where there
    is one population of inputs, else `{name: x}`; what is not given is that of `pattern`. Returns `v` (mV),
    `rate` (Hz), `current` (nA) over `cell` and `time` (ms), `projection_current`, the weights and input
    rates, and with `synapses` the current of every synapse. Raises InputError for shapes that do not fit.

    >>> import spikesweep as ss
    >>> cfg = ss.load("neuron=rate_unit", "network=feedforward_rate", "protocol=rate_dynamics")
    >>> dict(ss.rate_network(cfg, inputs=[30.0] * 10).v.sizes)
    {'cell': 10, 'time': 300}
    """
    protocol, network = _parts(config.plain(cfg), RateDynamics, "rate_dynamics")
    return simulate_network(network, protocol, weights, inputs, seed, pattern, synapses=synapses)


def responses(cfg: Configuration, band: str | None = None, seed: int = 0) -> xr.Dataset:
    """Simulate the pool of one band and seed of a population_information sweep: stimulus and all spikes.

    `band` is the first of the configuration's where it is not given. Returns `stimulus` over `time` (ms), and
    `spike_times` (ms) with the `spike_cell` of each, as a sweep has them. Raises InputError.

    >>> import spikesweep as ss
    >>> words = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
    >>> ds = ss.responses(ss.load(*words, "protocol.num_responses=10", "protocol.coherence_sizes=[1]"))
    >>> ds.sizes["time"], ds.attrs["cells"]
    (200000, 10)
    """
    values = config.plain(cfg)
    protocol, network = _parts(values, PopulationInformation, "population_information")
    return simulate_pool(network, protocol, str(band or values["grid"]["band"][0]), seed)


def spiking_network(
    cfg: Configuration,
    weights: Any = None,
    delays: Any = 0.0,
    i_ext: ArrayLike | None = None,
    *,
    seed: int = 0,
) -> xr.Dataset:
    """Simulate one network of spiking neurons, with given or drawn connections.

    `weights` are a matrix of all neurons, rows from, columns to, dense or of scipy.sparse, in multiples of
    the weight of the source's synapse, and `delays` (ms) a number or a matrix; without them the connections
    are those that a sweep draws at `seed`. `i_ext` (pA) is a number for each neuron. Returns `spike_times`
    (ms) and `spike_neuron` in the order of time, `rate` (Hz) and the recorded signals. Raises InputError for
    what does not fit.

    >>> import numpy as np
    >>> import spikesweep as ss
    >>> cfg = ss.load("neuron=izhikevich", "network=fiers_prototype", "protocol=spiking_network")
    >>> dict(ss.spiking_network(cfg, weights=np.zeros((4, 4)), i_ext=[100.0, 0.0, 0.0, 0.0]).v.sizes)
    {'recorded': 2, 'time': 100000}
    """
    protocol, network = _parts(config.plain(cfg), SpikingNetworkActivity, "spiking_network")
    return simulate_given(network, protocol, weights, delays, i_ext, seed)


def _parts(values: Mapping[str, Any], kind: type[P], name: str) -> tuple[P, Any]:
    """Return the checked protocol, which must be of a `kind`, and the network of plain values."""
    protocol, network = assemble(values)
    if not isinstance(protocol, kind):
        raise InputError(f"protocol is a {type(protocol).__name__}; allowed: protocol={name}")
    protocol.check(network)
    return protocol, network
