"""One network of spiking neurons whose connections and currents are given, or drawn as a sweep draws them."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.api.single.parts import parts
from spikesweep.config.compose import Configuration
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.grid.schema import Coordinate, Variable, labelled
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.random.philox import point_keys
from spikesweep.models.contracts import Conducting
from spikesweep.models.networks.connections import AllToAll, Edges, edges_of
from spikesweep.models.networks.spiking import Link, SpikingNetwork
from spikesweep.models.networks.weights import EqualWeights
from spikesweep.models.simulation.members import Recording
from spikesweep.models.simulation.network import Spikes, simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.protocols.checks import steps
from spikesweep.protocols.keys import keys_of
from spikesweep.protocols.recorded import recorded_variable
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.units import PER_MS, ms

#: Stands for given connections, no pair of which connects twice.
_ANY = AllToAll(EqualWeights(1.0), 0.0, autapses=True)
_VARIABLES = (
    Variable("spike_times", (), "ms", "spike times", ragged="spike"),
    Variable("spike_neuron", (), "1", "neuron that spiked", "int32", ragged="spike"),
    Variable("rate", ("neuron",), "Hz", "firing rate"),
)


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
    the weight of the projection's synapse, where there is none of the source's, and `delays` (ms) a number or
    a matrix; without them the connections are those that a sweep draws at `seed`. `i_ext` (pA) is a number
    for each neuron. Returns `spike_times` (ms) and `spike_neuron` in the order of time, `rate` (Hz) of each
    neuron and the recorded signals. Raises InputError for what does not fit.

    >>> import numpy as np
    >>> import spikesweep as ss
    >>> cfg = ss.load("neuron=izhikevich", "network=fiers_prototype", "protocol=spiking_network")
    >>> dict(ss.spiking_network(cfg, weights=np.zeros((4, 4)), i_ext=[100.0, 0.0, 0.0, 0.0]).v.sizes)
    {'recorded': 2, 'time': 100000}
    """
    protocol, described = parts(cfg, SpikingNetworkActivity, "spiking_network")
    network: SpikingNetwork = described.whole
    points = {"seed": np.array([seed]), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
    drawn = point_keys(protocol.root_seed, {"seed": seed})
    if weights is None:
        links = network.draw(drawn, protocol.dt)
    else:
        network, links = _given(network, drawn, weights, delays, protocol.dt)
    if i_ext is not None:
        network = _driven(network, i_ext)
    spikes: list[tuple[Spikes, Spikes]] = []

    def told(neuron: Spikes, step: Spikes, reached: int) -> bool:
        del reached
        spikes.append((neuron.copy(), step.copy()))
        return False

    recording = Recording(protocol.record, protocol.neurons)
    run = simulate(
        network, wire(network, links), Clock.of(protocol.dt, protocol.refractory),
        steps("protocol.duration", protocol.duration, protocol.dt), keys_of(protocol, points)[0], told,
        recording,
    )  # fmt: skip
    neuron, step = (np.concatenate(part) for part in zip(*spikes, strict=True))
    counts = np.bincount(neuron, minlength=network.N)
    found = {
        **run.signals,
        "rate": np.where(run.finite, counts, np.nan) / (protocol.duration * PER_MS),
        "spike_times": step * protocol.dt,
        "spike_neuron": neuron,
    }
    recorded = [recorded_variable(name, ("recorded", "time")) for name in protocol.record if protocol.neurons]
    ds = labelled(found, (*_VARIABLES, *recorded), _coordinates(protocol, network))
    return ds.assign_attrs(seed=seed, dt=protocol.dt)


def _coordinates(protocol: SpikingNetworkActivity, network: SpikingNetwork) -> dict[str, Coordinate]:
    names = np.array([name for name, p in network.populations.items() for _ in range(p.n)])
    found = {
        "neuron": Coordinate(np.arange(network.N), "1", "neuron"),
        "population": Coordinate(names, "1", "population of the neuron", ("neuron",)),
    }
    if protocol.record and protocol.neurons:
        n_steps = steps("protocol.duration", protocol.duration, protocol.dt)
        found["recorded"] = Coordinate(np.array(protocol.neurons), "1", "recorded neuron")
        found["time"] = Coordinate(np.arange(n_steps) * protocol.dt, "ms", "time")
    return found


def _driven(network: SpikingNetwork, i_ext: ArrayLike) -> SpikingNetwork:
    """Return the network with a constant current of each neuron."""
    current = np.asarray(i_ext, np.float64)
    if current.shape != (network.N,) or not np.isfinite(current).all():
        raise InputError(
            f"i_ext has the shape {current.shape}; allowed: a finite number for each of {network.N}"
        )
    own = {
        name: replace(p, i_ext=tuple(current[first : first + p.n].tolist()))
        for (name, p), first in zip(network.populations.items(), network.first().values(), strict=True)
    }
    return replace(network, populations=own)


def _given(
    network: SpikingNetwork, key: NDArray[np.uint64], weights: Any, delays: Any, dt: ms
) -> tuple[SpikingNetwork, list[tuple[Link, Edges]]]:
    """Return a network with given connections, and these: a link for each two populations that connect."""
    _check(network, weights, delays, dt)
    weights = weights.tocsr() if hasattr(weights, "tocsr") else np.asarray(weights, np.float64)
    delays = delays.tocsr() if hasattr(delays, "tocsr") else np.asarray(delays, np.float64)
    own = {name: slice(at, at + network.populations[name].n) for name, at in network.first().items()}
    links: list[tuple[Link, Edges]] = []
    projections: dict[str, dict[str, Any]] = {name: {} for name in own}
    for target, to in own.items():
        for source, come in own.items():
            delay = delays[come, to] if np.ndim(delays) or hasattr(delays, "tocsr") else float(delays)
            edges = edges_of(weights[come, to], delay, dt)
            described = network.projections.get(target, {}).get(source)
            if described is None and not len(edges.target):
                continue
            synapse = getattr(described, "synapse", None) or network.populations[source].synapse
            _check_weights(edges, synapse, source, target)
            projections[target][source] = replace(_ANY, synapse=synapse)
            links.append((Link(target, source, _ANY, synapse), edges))
    pools = replace(network, projections={}).draw(key, dt)
    return replace(network, projections=projections), [*links, *pools]


def _check_weights(edges: Edges, synapse: Any, source: str, target: str) -> None:
    if len(edges.target) and synapse is None:
        raise InputError(
            f"weights from {source} to {target} are refused; allowed: 0, as {source} has no synapse"
        )
    lowest = float(edges.weight.min()) if len(edges.target) else 0.0
    if lowest < 0.0 and not lacking(synapse, Conducting):
        raise InputError(f"weights hold {lowest} of a conductance; allowed: 0 or more")


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
