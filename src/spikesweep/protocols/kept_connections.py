"""The connections of a network beside its results: who connects to whom, how strongly, how late."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Variable
from spikesweep.kernels.random.philox import point_keys
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.drawn import Memory
from spikesweep.units import ms

#: Connections of a point that can be kept: 24 bytes each.
_MOST = 5e7
_KIND = "connection"
CONNECTIONS = (
    Variable("connection_source", (), "1", "neuron that the connection leads from", "int32", ragged=_KIND),
    Variable("connection_target", (), "1", "neuron that the connection leads to", "int32", ragged=_KIND),
    Variable("connection_weight", (), "1", "multiple of the weight of its synapse", ragged=_KIND),
    Variable("connection_delay", (), "ms", "from a spike to its arrival", ragged=_KIND),
)


def check_kept(found: Memory) -> None:
    """Refuse to keep more connections than a store should have at a point; raise InputError."""
    if found.connections > _MOST:
        raise InputError(
            f"protocol.record_connections = true is refused: the network has about {found.connections:.2g} "
            f"connections; allowed: {_MOST:.2g}, or false"
        )


def kept_connections(
    network: SpikingNetwork, root_seed: int, seeds: NDArray[Any], dt: ms
) -> dict[str, Ragged]:
    """Return the variables of CONNECTIONS at points of these seeds, neurons counted through the network.

    They follow one another by target population, then source, then target. Those of shared drives are left
    out: they come from no neuron. `weight_scale` is not in the weights, as it is a label of the point.
    """
    distinct, place = np.unique(seeds, return_inverse=True)
    drawn = [_of_seed(network, point_keys(root_seed, {"seed": seed}), dt) for seed in distinct.tolist()]
    sizes = np.array([len(drawn[k][0]) for k in place.tolist()], np.int64)
    return {
        variable.name: Ragged(
            np.concatenate([drawn[k][i] for k in place.tolist()]).astype(variable.dtype), sizes
        )
        for i, variable in enumerate(CONNECTIONS)
    }


def _of_seed(network: SpikingNetwork, key: NDArray[np.uint64], dt: ms) -> tuple[NDArray[Any], ...]:
    """Return source, target, weight and delay (ms) of each connection that a key draws."""
    first = network.first()
    parts: list[tuple[NDArray[Any], ...]] = []
    for link, edges in network.draw(key, dt):
        if link.source not in network.populations:
            continue
        n = len(edges.target)
        source = np.repeat(np.arange(len(edges.rows) - 1), np.diff(edges.rows)) + first[link.source]
        parts.append(
            (
                source,
                edges.target.astype(np.int64) + first[link.target],
                np.broadcast_to(edges.weight, n).astype(np.float64),
                np.broadcast_to(edges.delay, n) * dt,
            )
        )
    if not parts:
        return tuple(np.empty(0) for _ in CONNECTIONS)
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
