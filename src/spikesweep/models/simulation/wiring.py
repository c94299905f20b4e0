"""The connections of a network as its simulation reads them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.cells.network import Wired, wired
from spikesweep.models.networks.connections import Edges
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.units import ms


def wire(network: SpikingNetwork, edges: Sequence[Edges], dt: ms) -> Wired:
    """Return connections, neurons counted through the network, as its simulation reads them.

    They can be shared by all simulations of the network with this time step. Raises InputError for too many.
    """
    names, sizes = list(network.populations), [p.n for p in network.populations.values()]
    whose = np.repeat(np.arange(len(sizes)), sizes)
    lags = [_lags(e, dt) for e in edges]
    slots = max((int(lag.max(initial=1)) for lag in lags), default=1)
    width = np.array([len(network.sources(name)) * LANES for name in names])
    begin = np.append(0, np.cumsum([group_count(n) for n in sizes] * width * slots))
    if begin[-1] >= 2**32:
        raise InputError(f"spikes on their way need {begin[-1]} numbers; allowed: less than {2**32}")
    group, lane = np.divmod(np.arange(network.N) - np.repeat(np.cumsum(sizes) - sizes, sizes), LANES)
    place = (begin[whose] + group * slots * width[whose] + lane).astype(np.uint32)  # in the first row
    source, targets, weight, way, stride = [], [], [], [], []
    for e, lag in zip(edges, lags, strict=True):
        for index, steps, target, origin in _classes(e, lag, whose):
            row = network.sources(names[target]).index(names[origin])
            source.append(e.source[index])
            targets.append(place[e.target[index]] + np.uint32(row * LANES))
            weight.append(e.weight[index])
            way.append(steps)
            stride.append(int(width[target]))
    return wired(source, targets, weight, way, stride, network.N, (slots, begin, width))


def _lags(e: Edges, dt: ms) -> NDArray[np.int64]:
    """Return in how many steps the spikes of connections arrive, or one number where it is the same."""
    same = len(e.delay) > 0 and (e.delay.strides == (0,) or (e.delay == e.delay[0]).all())
    return np.rint((e.delay[:1] if same else e.delay) / dt).astype(np.int64) + 1


def _classes(
    e: Edges, lag: NDArray[np.int64], whose: NDArray[np.int64]
) -> Iterator[tuple[Any, int, int, int]]:
    """Yield the connections of equal lag, target and source population, and these three."""
    if not len(e.source):
        return
    ends = [(int(whose[x.min()]), int(whose[x.max()])) for x in (e.target, e.source)]
    if len(lag) == 1 and all(a == b for a, b in ends):
        yield slice(None), int(lag[0]), ends[0][0], ends[1][0]
        return
    key = (lag * len(whose) + whose[e.target]) * len(whose) + whose[e.source]
    order = np.argsort(key, kind="stable")
    for index in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        steps = int(lag[index[0]] if len(lag) > 1 else lag[0])
        yield index, steps, int(whose[e.target[index[0]]]), int(whose[e.source[index[0]]])
