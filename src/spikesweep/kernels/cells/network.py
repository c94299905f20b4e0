"""What a network adds to cells: spikes on their way to others, and what is kept of cells.

A projection leads from one population to one input of another. Its spikes wait in a ring of slots, one a step, of
which the step of arrival reads what there is for each target and multiplies it by the projection's factor. By
what its connections have in common a projection is one of five kinds:

    BITS          one weight, one delay, many: rows of bits and planes of counts (`bit_rows`)
    COUNTS        one weight, one delay: 16-bit or 32-bit targets, counted
    LATE_COUNTS   one weight, a delay of each: places in the ring, counted
    SUMS          a weight of each, one delay: targets, whose weights are added up
    LATE_SUMS     a weight and a delay of each: places in the ring, whose weights are added up

Counts are whole numbers, sums are added in the order of steps, sources and rows: no result depends on the kind, nor
on the length of a block, but for the order in which unequal weights of one step are added, which is always the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.bit_rows import add_counts, add_rows, planes_of
from spikesweep.kernels.cells.core import Exchange
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.spike_trains import spiked_lanes
from spikesweep.kernels.compile.jit import compiled, disjoint

BITS, COUNTS, LATE_COUNTS, SUMS, LATE_SUMS = range(5)


class Wired(NamedTuple):
    """Connections as the loop reads them, shared by all simulations of a network; entry p is projection p's.

    Projections stand in the order of their targets, then of the inputs that they kick.
    """

    kind: NDArray[np.int64]
    input: NDArray[np.int64]  #: of the target
    lag: NDArray[np.int64]  #: steps to the arrival; the longest where they differ
    width: NDArray[np.int64]  #: of a slot: words of a row of bits, or lanes of the target
    rows: NDArray[np.int64]  #: where its rows begin: in `bits`, or its pointers in `pointer`
    ring: NDArray[np.int64]  #: where its ring begins, in the ring of its kind
    depth: NDArray[np.int64]  #: where the numbers of spikes in its slots begin
    planes: NDArray[np.int64]  #: of a slot, of bits
    weights: NDArray[np.int64]  #: from a place of its connections to that of their weights
    leaving: NDArray[np.int64]  #: projections, by the population that they come from
    leave: NDArray[np.int64]  #: those of population k: leaving[leave[k]:leave[k + 1]]
    arrive: NDArray[np.int64]  #: those onto population k: arrive[k] to arrive[k + 1]
    bits: NDArray[np.uint64]  #: rows of bits, and an empty one
    pointer: NDArray[np.int64]  #: rows of targets or places
    near: NDArray[np.uint16]  #: targets, 32-bit where a population is larger
    far: NDArray[np.uint32]  #: places in a ring whose first slot is that of the next step
    weight: NDArray[np.float32]  #: 64-bit where given weights need it
    factor: NDArray[np.float64]  #: of the counts or sums: the weight that all connections have, or one
    rings: tuple[int, int, int, int]  #: lengths of the rings of planes, counts, sums, and of all depths
    shortest: int  #: steps of the shortest way, which are at least one
    widest: int  #: words of the widest row of bits


class Net(NamedTuple):
    """What is exchanged between the cells of a network."""

    wired: Wired
    factor: NDArray[np.float64]  #: of each projection, with the simulation's own scale
    planes: NDArray[np.uint64]
    counts: NDArray[np.uint16]  #: 32-bit where a cell has more connections
    sums: NDArray[np.float64]
    depth: NDArray[np.int64]  #: spikes that reach a slot of a projection with one delay
    carry: NDArray[np.uint64]  #: room for a row of bits
    inputs: NDArray[np.int64]  #: of each population
    groups: NDArray[np.int64]  #: those of population k: groups[k] to groups[k + 1]
    first: NDArray[np.int64]  #: number of the first neuron of each population
    told: NDArray[np.bool_]  #: whether a population's spikes are results
    words: NDArray[np.int64]  #: whose bits are the lanes that spiked, shape (groups, steps of a block)
    members: NDArray[np.int64]  #: bits of the lanes of each group that are cells
    active: NDArray[np.int32]  #: room for the cells that spike in a step
    spikes: NDArray[np.int32]  #: (neuron, step at whose start it has spiked) of each spike of a call


class Watched(NamedTuple):
    """What is kept of a population."""

    words: NDArray[np.int64]  #: shape (groups, steps of a block)
    starts: NDArray[np.int64]  #: what is recorded of group g: starts[g] to starts[g + 1]
    place: NDArray[np.int64]  #: row * LANES + lane of what is recorded
    recorded: NDArray[np.float64]  #: shape (recorded, steps)
    rows: int  #: of the trace; the last are the spikes


@compiled
def watch(watched, g, traced, n, first):
    """Note which lanes of group g spiked, by the step of the block, and record rows of the trace."""
    width = watched.rows * LANES
    for s in range(n):
        watched.words[g, s] = spiked_lanes(traced, (s + 1) * width - LANES)
    for r in range(watched.starts[g], watched.starts[g + 1]):
        for s in range(n):
            watched.recorded[r, first + s] = traced[s * width + watched.place[r]]


@disjoint
def _take(here, factor, row):
    """Add `factor` times what waits for a group to `row`, and empty it."""
    for lane in range(LANES):
        row[lane] += factor * np.float64(here[lane])
        here[lane] = 0


@compiled
def receive(net, part, group, kicks, n, first):
    """Add what arrives at a group in n steps to its kicks, and empty the slots."""
    wired, step = net.wired, net.inputs[part] * LANES
    for p in range(wired.arrive[part], wired.arrive[part + 1]):
        kind, slots, width, factor = wired.kind[p], wired.lag[p], wired.width[p], net.factor[p]
        slot, place = first % slots, wired.input[p] * LANES
        for s in range(n):
            late = kind == LATE_COUNTS or kind == LATE_SUMS
            count = 1 if late else net.depth[wired.depth[p] + slot]
            if count > 0:
                row = kicks[s * step + place : s * step + place + LANES]
                if kind == BITS:
                    at = wired.ring[p] + slot * width * wired.planes[p]
                    add_counts(net.planes, at, width, planes_of(count), group, factor, row)
                else:
                    at = wired.ring[p] + slot * width + group * LANES
                    if kind == COUNTS or kind == LATE_COUNTS:
                        _take(net.counts[at : at + LANES], factor, row)
                    else:
                        _take(net.sums[at : at + LANES], factor, row)
            slot = slot + 1 if slot + 1 < slots else 0


@disjoint
def _count(targets, here):
    for e in range(targets.size):
        here[targets[e]] += 1


@disjoint
def _sum(targets, weight, here):
    for e in range(targets.size):
        here[targets[e]] += np.float64(weight[e])


@disjoint
def _count_late(places, ring, start):
    """Count at places that are counted from `start` on, around the ring."""
    size = np.uint64(ring.size)
    for e in range(places.size):
        i = start + np.uint64(places[e])
        i = i - size if i >= size else i
        ring[i] += 1


@disjoint
def _sum_late(places, weight, ring, start):
    """Add weights at places that are counted from `start` on, around the ring."""
    size = np.uint64(ring.size)
    for e in range(places.size):
        i = start + np.uint64(places[e])
        i = i - size if i >= size else i
        ring[i] += np.float64(weight[e])


@compiled
def send(net, p, count, step):
    """Send the spikes of the first `count` of `net.active`, of one step, along a projection."""
    wired, kind = net.wired, net.wired.kind[p]
    lag, width, begin = wired.lag[p], wired.width[p], wired.ring[p]
    slot = (step + lag) % lag
    if kind != LATE_COUNTS and kind != LATE_SUMS:
        net.depth[wired.depth[p] + slot] = count
    if count == 0:
        return
    if kind == BITS:
        at = begin + slot * width * wired.planes[p]
        add_rows(wired.bits, wired.rows[p], width, net.active, count, net.planes, at, net.carry)
        return
    here, whole = begin + slot * width, lag * width
    start = np.uint64(((step + 1) % lag) * width)
    for k in range(count):
        row = wired.rows[p] + net.active[k]
        a, b = wired.pointer[row], wired.pointer[row + 1]
        if kind == COUNTS:
            _count(wired.near[a:b], net.counts[here : here + width])
        elif kind == LATE_COUNTS:
            _count_late(wired.far[a:b], net.counts[begin : begin + whole], start)
        else:
            weight = wired.weight[a + wired.weights[p] : b + wired.weights[p]]
            if kind == SUMS:
                _sum(wired.near[a:b], weight, net.sums[here : here + width])
            else:
                _sum_late(wired.far[a:b], weight, net.sums[begin : begin + whole], start)


@compiled
def find_active(net, k, s):
    """Write the cells of population k that spiked in step s of the block to `net.active`; return their number."""
    count = 0
    for g in range(net.groups[k], net.groups[k + 1]):
        word = net.words[g, s] & net.members[g]
        if word != 0:
            cell = (g - net.groups[k]) * LANES
            while word != 0:
                if word & 1:
                    net.active[count] = cell
                    count += 1
                word >>= 1
                cell += 1
    return count


@compiled
def deliver(net, n, first, count):
    """Send the spikes of a block in the order of steps, then neurons; return how many were told so far."""
    for s in range(n):
        for k in range(net.told.size):
            active = find_active(net, k, s)
            if net.told[k]:
                for i in range(active):
                    net.spikes[0, count] = net.first[k] + net.active[i]
                    net.spikes[1, count] = first + s + 1
                    count += 1
            for q in range(net.wired.leave[k], net.wired.leave[k + 1]):
                send(net, net.wired.leaving[q], active, first + s)
    return count


#: Between the cells of a network.
RING = Exchange(receive, deliver)
