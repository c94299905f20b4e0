"""One rate network with weights and input rates that are given, or drawn as a sweep draws them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.api.single.parts import parts
from spikesweep.config.compose import Configuration
from spikesweep.errors import InputError, nearest
from spikesweep.grid.schema import Variable, labelled
from spikesweep.kernels.rates.reference import FullSystem
from spikesweep.models.networks.rate import RateNetwork
from spikesweep.protocols.rate_dynamics import RateDynamics

Array = NDArray[np.float64]


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
    protocol, network = parts(cfg, RateDynamics, "rate_dynamics")
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
    variables = list(protocol.variables)
    values = {x.name: found[x.name][..., 0] for x in variables}
    for post, pre in network.links():
        name, dims = f"weights_{post}_{pre}", (f"post_{post}", f"pre_{pre}")
        variables.append(Variable(name, dims, "1", f"weights of {post}<-{pre}"))
        values[name] = drawn[post][pre][..., 0]
    for name, given in rates.items():
        variables.append(Variable(f"input_{name}", (f"pre_{name}",), "Hz", f"rates of {name}"))
        values[f"input_{name}"] = given[:, 0]
    if synapses:
        variables.append(Variable("initial_slope", ("synapse",), "nA/s", "dI/dt at the start"))
        values["initial_slope"] = FullSystem(network.system(drawn, rates), 0).initial_slopes()
    ds = labelled(values, variables, protocol.coordinates(network))
    return ds.assign_attrs(seed=seed, pattern=pattern, integrator=protocol.integrator)


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
