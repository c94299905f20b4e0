"""One rate network with weights and input rates that are given, or drawn as a sweep draws them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.kernels.rates.reference import FullSystem
from spikesweep.models.networks.rate import RateNetwork
from spikesweep.protocols.rate_dynamics import RateDynamics

Array = NDArray[np.float64]


def simulate_network(
    network: RateNetwork,
    protocol: RateDynamics,
    weights: Any,
    inputs: Any,
    seed: int,
    pattern: int,
    *,
    synapses: bool,
) -> xr.Dataset:
    """Return the traces and measures of one network; raise InputError for what does not fit it."""
    patterns = np.array([pattern])
    protocol.check_grid(network, {"pattern": patterns})
    drawn, rates = network.draw(np.array([seed]), patterns, protocol.root_seed)
    for (post, pre), values in _given_weights(network, weights).items():
        where = f"weights of {post}<-{pre}"
        drawn[post][pre] = _checked(where, values, (network.size(post), network.size(pre)))[..., np.newaxis]
    for name, values in _given_inputs(network, inputs).items():
        rates[name] = _checked(f"inputs of {name}", values, (network.size(name),))[:, np.newaxis]
        if (rates[name] < 0.0).any():
            raise InputError(f"inputs of {name} hold negative rates; allowed: at least 0 Hz")
    record = ("v", "rate", "current", "projection_current", *(("synapse_current",) if synapses else ()))
    protocol = replace(protocol, record=record)
    found = protocol.solve(network, drawn, rates)
    ds = xr.Dataset(attrs={"seed": seed, "pattern": pattern, "integrator": protocol.integrator})
    for name, labels in protocol.coordinates(network).items():
        attrs = {"units": labels.units, "long_name": labels.long_name}
        ds.coords[name] = (labels.dims or (name,), labels.values, attrs)
    for x in protocol.variables:
        ds[x.name] = (x.dims, found[x.name][..., 0], {"units": x.units, "long_name": x.long_name})
    for post, pre in network.links():
        attrs = {"units": "1", "long_name": f"weights of {post}<-{pre}"}
        ds[f"weights_{post}_{pre}"] = ((f"post_{post}", f"pre_{pre}"), drawn[post][pre][..., 0], attrs)
    for name, values in rates.items():
        ds[f"input_{name}"] = (
            (f"pre_{name}",),
            values[:, 0],
            {"units": "Hz", "long_name": f"rates of {name}"},
        )
    if synapses:
        slopes = FullSystem(network.system(drawn, rates), 0).initial_slopes()
        ds["initial_slope"] = (("synapse",), slopes, {"units": "nA/s", "long_name": "dI/dt at the start"})
    return ds


def _given_weights(network: RateNetwork, weights: Any) -> dict[tuple[str, str], Any]:
    links = network.links()
    if weights is None:
        return {}
    if not isinstance(weights, Mapping):
        if len(links) > 1:
            raise InputError(
                f"weights are one array for {len(links)} projections; allowed: {{post: {{pre: W}}}}"
            )
        return {links[0]: weights}
    found = {}
    for post, sources in weights.items():
        if not isinstance(sources, Mapping):
            raise InputError(f"weights[{post!r}] is no mapping; allowed: {{post: {{pre: W}}}}")
        for pre, values in sources.items():
            if (post, pre) not in links:
                _refuse("weights", f"{post}<-{pre}", (f"{a}<-{b}" for a, b in links))
            found[post, pre] = values
    return found


def _given_inputs(network: RateNetwork, inputs: Any) -> dict[str, Any]:
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        if len(network.inputs) != 1:
            raise InputError(
                f"inputs are one array for {len(network.inputs)} populations; allowed: {{name: x}}"
            )
        return {next(iter(network.inputs)): inputs}
    for name in inputs:
        if name not in network.inputs:
            _refuse("inputs", name, network.inputs)
    return dict(inputs)


def _refuse(what: str, name: str, known: Iterable[str]) -> None:
    raise InputError(f"{what} has {name!r}, which the network does not; {nearest(name, known)}")


def _checked(where: str, values: Any, shape: tuple[int, ...]) -> Array:
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise InputError(f"{where} have shape {array.shape}; allowed: {shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{where} have values that are not finite")
    return array
