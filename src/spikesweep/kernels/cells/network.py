"""What a network adds to cells: constant and random currents, spikes that arrive, and what is kept of both.

What a cell receives waits in a ring of slots, one a step of the longest way. All of it is flat: population k
begins at `begin[k]`, its group g has `slots` slots of `width[k]` numbers, a row of LANES for each population
that projects to it. Connections are rows of a matrix, one for each class (of equal lag and target
population) and neuron: row c * N + i holds those of neuron i in class c.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.core import Exchange
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.spike_trains import spiked_lanes
from spikesweep.kernels.compile.jit import compiled


class Wired(NamedTuple):
    """Connections as the loop reads them; neurons are counted through the network."""

    slots: int  #: steps of the longest way
    shortest: int  #: steps of the shortest way, which are at least one
    begin: NDArray[np.int64]  #: of each population in the ring, and the ring's size
    width: NDArray[np.int64]  #: of each population
    rows: NDArray[np.int64]  #: connections of row r: rows[r] to rows[r + 1]
    target: NDArray[np.uint32]  #: place in the ring, in the first slot
    weight: NDArray[np.float64]
    lag: NDArray[np.int64]  #: of each class, in steps
    stride: NDArray[np.int64]  #: of each class: from a slot to the next


class Net(NamedTuple):
    """What is exchanged between the cells of a network."""

    wired: Wired
    scale: float  #: factor of all weights
    ring: NDArray[np.float64]
    slots: int  #: these three as in `wired`
    begin: NDArray[np.int64]
    width: NDArray[np.int64]
    inputs: NDArray[np.int64]  #: of each population
    first: NDArray[np.int64]  #: number of the first neuron of each group
    members: NDArray[np.int64]  #: neurons of each group
    words: NDArray[np.int64]  #: whose bits are the lanes that spiked, shape (groups, steps of a block)
    spikes: NDArray[np.int64]  #: (neuron, step at whose start it has spiked) of each spike of a call


class Currents(NamedTuple):
    """Constant and random currents (pA) of the neurons of a population."""

    mean: NDArray[np.float64]  #: shape (groups, LANES)
    sd: NDArray[np.float64]  #: shape (groups, LANES)
    normals: NDArray[np.float64]  #: shape (neurons, steps of a call); empty without noise
    origin: int  #: first step of the call
    inputs: int  #: of a neuron; the last is the current


class Watched(NamedTuple):
    """What is kept of a population."""

    words: NDArray[np.int64]  #: shape (groups, steps of a block)
    starts: NDArray[np.int64]  #: what is recorded of group g: starts[g] to starts[g + 1]
    place: NDArray[np.int64]  #: row * LANES + lane of what is recorded
    recorded: NDArray[np.float64]  #: shape (recorded, steps)
    rows: int  #: of the trace; the last are the spikes


@compiled
def fill_currents(currents, g, kicks, n, first):
    """Write the currents of group g at steps first .. first + n - 1 to `kicks`, as their last input."""
    width = currents.inputs * LANES
    events = width - LANES
    for s in range(n):
        row = kicks[s * width + events : (s + 1) * width]
        for lane in range(LANES):
            row[lane] = currents.mean[g, lane]
    for i in range(g * LANES, min((g + 1) * LANES, currents.normals.shape[0])):
        lane = i - g * LANES
        for s in range(n):
            noise = currents.sd[g, lane] * currents.normals[i, first - currents.origin + s]
            kicks[(s + 1) * width - LANES + lane] += noise


@compiled
def watch(watched, g, traced, n, first):
    """Note which lanes of group g spiked, by the step of the block, and record rows of the trace."""
    width = watched.rows * LANES
    for s in range(n):
        watched.words[g, s] = spiked_lanes(traced, (s + 1) * width - LANES)
    for r in range(watched.starts[g], watched.starts[g + 1]):
        for s in range(n):
            watched.recorded[r, first + s] = traced[s * width + watched.place[r]]


@compiled
def receive(net, part, group, kicks, n, first):
    """Write what arrives at a group in n steps to its kicks, as their first inputs, and empty the slots."""
    ring, slots, width, inputs = net.ring, net.slots, net.width[part], net.inputs[part] * LANES
    begin = net.begin[part] + group * slots * width
    slot = first % slots
    for s in range(n):
        here = ring[begin + slot * width : begin + (slot + 1) * width]
        row = kicks[s * inputs : s * inputs + width]
        for i in range(width):
            row[i] = here[i]
            here[i] = 0.0
        slot = slot + 1 if slot + 1 < slots else 0


@compiled
def send(net, neuron, step):
    """Add the weights of a neuron's connections to the slots in which its spike of a step arrives."""
    wired, ring = net.wired, net.ring
    n_rows = wired.rows.size - 1
    n = n_rows // max(wired.lag.size, 1)
    for c in range(wired.lag.size):
        a, b = wired.rows[c * n + neuron], wired.rows[c * n + neuron + 1]
        if a < b:
            slot = np.uint64(((step + wired.lag[c]) % wired.slots) * wired.stride[c])
            target, weight = wired.target[a:b], wired.weight[a:b]
            for e in range(b - a):
                ring[slot + np.uint64(target[e])] += weight[e] * net.scale


@compiled
def deliver(net, n, first, count):
    """Send the spikes of a block in the order of steps, then neurons; return how many there were so far."""
    words, spikes = net.words, net.spikes
    for s in range(n):
        for g in range(words.shape[0]):
            word = words[g, s]
            if word != 0:
                for lane in range(net.members[g]):
                    if (word >> np.int64(lane)) & 1:
                        neuron = net.first[g] + lane
                        spikes[count, 0] = neuron
                        spikes[count, 1] = first + s + 1
                        count += 1
                        send(net, neuron, first + s)
    return count


#: Between the cells of a network.
RING = Exchange(receive, deliver)


def wired(
    source: list[NDArray[Any]],
    place: list[NDArray[Any]],
    weight: list[NDArray[np.float64]],
    lag: list[int],
    stride: list[int],
    n: int,
    geometry: tuple[int, NDArray[np.int64], NDArray[np.int64]],
) -> Wired:
    """Return classes of connections of n neurons as rows; those of one neuron keep their order."""
    slots, begin, width = geometry
    rows = np.zeros(len(lag) * n + 1, np.int64)
    targets, weights = [np.empty(0, np.uint32)], [np.empty(0)]
    for c, (own, to, w) in enumerate(zip(source, place, weight, strict=True)):
        rows[c * n + 1 : (c + 1) * n + 1] = np.bincount(own, minlength=n)
        if (own[1:] < own[:-1]).any():
            order = np.argsort(own, kind="stable")
            to, w = to[order], w[order]
        targets.append(to)
        weights.append(w)
    lags = np.array(lag, np.int64)
    return Wired(
        slots,
        int(lags.min(initial=slots)),
        begin,
        width,
        rows.cumsum(),
        np.concatenate(targets),
        np.concatenate(weights),
        lags,
        np.array(stride, np.int64),
    )
