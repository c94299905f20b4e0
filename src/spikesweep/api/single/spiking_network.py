"""One network of spiking neurons whose connections and currents are given, or drawn as a sweep draws them."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.random.philox import derive, point_keys
from spikesweep.models.networks.connections import edges_of
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.network import Recording, simulate
from spikesweep.protocols.checks import steps
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.units import ms


def simulate_given(
    network: SpikingNetwork,
    protocol: SpikingNetworkActivity,
    weights: Any,
    delays: Any,
    i_ext: ArrayLike | None,
    seed: int,
) -> xr.Dataset:
    """Return the spikes, rates and signals of one network; raise InputError for what does not fit it."""
    labels = {"seed": np.array([seed]), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
    chosen = {"seed": labels["seed"]}
    key = point_keys(protocol.root_seed, chosen if protocol.common_random_numbers else labels)[0]
    if weights is None:
        edges = network.edges(point_keys(protocol.root_seed, {"seed": seed}))
    else:
        _check(network, weights, delays, protocol.dt)
        edges = edges_of(weights, delays)
        anywhere: Any = dict.fromkeys(network.populations, None)
        network = replace(network, projections=dict.fromkeys(network.populations, anywhere))
    current = network.i_ext() if i_ext is None else np.asarray(i_ext, np.float64)
    if current.shape != (network.N,) or not np.isfinite(current).all():
        raise InputError(
            f"i_ext has the shape {current.shape}; allowed: a finite number for each of {network.N}"
        )
    n_steps = steps("protocol.duration", protocol.duration, protocol.dt)
    run = simulate(
        network,
        edges,
        current,
        Clock.of(protocol.dt, protocol.refractory),
        n_steps,
        Recording(protocol.record, protocol.neurons),
        noise_keys=derive(derive(key, "noise", 0.0), "neuron", np.arange(network.N)),
    )
    ds = xr.Dataset(attrs={"seed": seed, "dt": protocol.dt})
    for name, labels_of in protocol.coordinates(network).items():
        attrs = {"units": labels_of.units, "long_name": labels_of.long_name}
        ds.coords[name] = (labels_of.dims or (name,), labels_of.values, attrs)
    counts = np.bincount(run.neuron, minlength=network.N)
    ds["spike_times"] = ("spike", run.step * protocol.dt, {"units": "ms"})
    ds["spike_neuron"] = ("spike", run.neuron)
    ds["rate"] = (
        "neuron",
        np.where(run.finite, counts, np.nan) / (protocol.duration * 1e-3),
        {"units": "Hz"},
    )
    for variable in protocol.variables:
        if variable.name in run.signals:
            attrs = {"units": variable.units, "long_name": variable.long_name}
            ds[variable.name] = (variable.dims, run.signals[variable.name], attrs)
    return ds


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
    conducting = np.repeat([hasattr(p.synapse, "E_rev") for p in populations], [p.n for p in populations])
    found = weights.tocoo() if hasattr(weights, "tocsr") else None
    own = np.asarray(weights)[conducting] if found is None else found.data[conducting[found.row]]
    if (own < 0.0).any():
        raise InputError(f"weights hold {own.min()} of a conductance; allowed: 0 or more")
