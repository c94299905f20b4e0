"""One network of spiking neurons whose connections and currents are given, or drawn as a sweep draws them."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from spikesweep.api.single.parts import parts
from spikesweep.config.compose import Configuration
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.grid.schema import labelled
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.random.philox import derive, point_keys
from spikesweep.models.contracts import Conducting
from spikesweep.models.networks.connections import edges_of
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.network import Recording, simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.protocols.checks import steps
from spikesweep.protocols.keys import keys_of
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.units import PER_MS, ms


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
    protocol, network = parts(cfg, SpikingNetworkActivity, "spiking_network")
    points = {"seed": np.array([seed]), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
    key = keys_of(protocol, points)[0]
    if weights is None:
        edges = network.edges(point_keys(protocol.root_seed, {"seed": seed}))
    else:
        _check(network, weights, delays, protocol.dt)
        edges = [edges_of(weights, delays)]
        anywhere: Any = dict.fromkeys(network.populations, None)
        network = replace(network, projections=dict.fromkeys(network.populations, anywhere))
    current = network.i_ext() if i_ext is None else np.asarray(i_ext, np.float64)
    if current.shape != (network.N,) or not np.isfinite(current).all():
        raise InputError(
            f"i_ext has the shape {current.shape}; allowed: a finite number for each of {network.N}"
        )
    run = simulate(
        network,
        wire(network, edges, protocol.dt),
        current,
        Clock.of(protocol.dt, protocol.refractory),
        steps("protocol.duration", protocol.duration, protocol.dt),
        Recording(protocol.record, protocol.neurons),
        noise_keys=derive(derive(key, "noise", 0.0), "neuron", np.arange(network.N)),
    )
    counts = np.bincount(run.neuron, minlength=network.N)
    found = {
        **run.signals,
        "rate": np.where(run.finite, counts, np.nan) / (protocol.duration * PER_MS),
        "spike_times": run.step * protocol.dt,
        "spike_neuron": run.neuron,
    }
    ds = labelled(found, protocol.variables, protocol.coordinates(network))
    return ds.assign_attrs(seed=seed, dt=protocol.dt)


def _check(network: SpikingNetwork, weights: Any, delays: Any, dt: ms) -> None:
    shape = (network.N, network.N)
    for name, values in (("weights", weights), ("delays", delays)):
        data = values.data if hasattr(values, "tocsr") else np.asarray(values)
        if np.shape(values) not in (shape, *([()] if name == "delays" else [])):
            raise InputError(
                f"{name} have the shape {np.shape(values)}; allowed: {shape}, rows from, columns to"
            )
        if not np.isfinite(data).all() or (name == "delays" and (data < 0.0).any()):
            raise InputError(f"{name} hold values that are not finite, or negative delays")
        if name == "delays":
            for delay in np.unique(data).tolist():
                steps("a delay", delay, dt)
    populations = network.populations.values()
    conducting = np.repeat(
        [not lacking(p.synapse, Conducting) for p in populations], [p.n for p in populations]
    )
    found = weights.tocoo() if hasattr(weights, "tocsr") else None
    own = np.asarray(weights)[conducting] if found is None else found.data[conducting[found.row]]
    if (own < 0.0).any():
        raise InputError(f"weights hold {own.min()} of a conductance; allowed: 0 or more")
