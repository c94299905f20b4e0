"""Connections as the loop of a network reads them, and what is exchanged along them.

A projection leads from one population to one input of another. Its spikes wait in a ring of slots, one a
step, of which the step of arrival reads what there is for each target and multiplies it by the projection's
factor. By what its connections have in common a projection is one of five kinds:

    BITS          one weight, one delay, many: rows of bits and planes of counts (`bit_rows`)
    COUNTS        one weight, one delay: 16-bit or 32-bit targets, counted
    LATE_COUNTS   one weight, a delay of each: places in the ring, counted
    SUMS          a weight of each, one delay: targets, whose weights are added up
    LATE_SUMS     a weight and a delay of each: places in the ring, whose weights are added up

Counts are whole numbers, sums are added in the order of steps, sources and rows: no result depends on the
kind, nor on the length of a block, but for the order in which unequal weights of one step are added, which is
always the same.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept

BITS, COUNTS, LATE_COUNTS, SUMS, LATE_SUMS = range(5)

#: Columns of `Wired.table`, by name and by number.
COLUMNS = ("kind", "input", "lag", "width", "rows", "ring", "depth", "planes", "weights")
KIND, INPUT, LAG, WIDTH, ROWS, BEGIN, DEPTH, PLANES, WEIGHTS = range(len(COLUMNS))


class Wired(NamedTuple):
    """Connections as the loop reads them, shared by all simulations of a network.

    Projections stand in the order of their targets, then of the inputs that they kick. Row p of `table` has
    of projection p: its kind; the input that it kicks; the steps to the arrival, the longest where they
    differ; the width of a slot, in words of a row of bits or lanes of the target; where its rows begin, in
    `bits` or `pointer`; where its ring begins, in the ring of its kind; where its slots' depths begin; the
    planes of a slot; the way from a place of its connections to that of their weights.
    """

    table: NDArray[np.int64]  #: shape (projections, 9)
    leaving: NDArray[np.int64]  #: projections, by the population that they come from
    leave: NDArray[np.int64]  #: those of population k: leaving[leave[k]:leave[k + 1]]
    arrive: NDArray[np.int64]  #: those onto population k: arrive[k] to arrive[k + 1]
    bits: NDArray[np.uint64]  #: rows of bits, and an empty one
    pointer: NDArray[np.int64]  #: rows of targets or places
    near: NDArray[np.uint16]  #: targets, 32-bit where a population is larger
    far: NDArray[np.uint32]  #: places in a ring whose first slot is that of the next step
    weight: NDArray[np.float32]  #: 64-bit where given weights need it
    factor: NDArray[np.float64]  #: of the counts or sums: the weight that all connections have, or one
    counter: NDArray[
        np.uint16
    ]  #: nothing, of the type that counts need: 32-bit with many connections of a cell
    rings: tuple[int, int, int, int]  #: lengths of the rings of planes, counts, sums, and of all depths
    shortest: int  #: steps of the shortest way, which are at least one
    widest: int  #: words of the widest row of bits


class Net(NamedTuple):
    """What is exchanged between the cells of a network: flat, as nested tuples are counted at each use."""

    table: NDArray[np.int64]  #: these, up to `weight`, as in `Wired`
    leaving: NDArray[np.int64]
    leave: NDArray[np.int64]
    arrive: NDArray[np.int64]
    bits: NDArray[np.uint64]
    pointer: NDArray[np.int64]
    near: NDArray[np.uint16]
    far: NDArray[np.uint32]
    weight: NDArray[np.float32]
    factor: NDArray[np.float64]  #: of each projection, with the simulation's own scale
    adds: NDArray[np.bool_]  #: whether it adds to the kicks; the first of an input without drives writes them
    planes: NDArray[np.uint64]
    counts: NDArray[np.uint16]  #: of the type of `counter`
    sums: NDArray[np.float64]
    depth: NDArray[np.int64]  #: rows that were added in each slot of a projection; one where delays differ
    carry: NDArray[np.uint64]  #: room for a row of bits
    inputs: NDArray[np.int64]  #: of each population
    groups: NDArray[np.int64]  #: those of population k: groups[k] to groups[k + 1]
    first: NDArray[np.int64]  #: number of the first neuron of each population
    told: NDArray[np.bool_]  #: whether a population's spikes are results
    words: NDArray[np.int64]  #: whose bits are the lanes that spiked, shape (groups, steps of a block)
    members: NDArray[np.int64]  #: bits of the lanes of each group that are cells
    active: NDArray[np.int32]  #: room for the cells that spike in a step
    spikes: NDArray[np.int32]  #: (neuron, step at whose start it has spiked) of each spike of a call


@kept
def places_of(target, delay, width):
    """Return the place of each connection in a ring: its slot, counted from the next step, and its target."""
    places = np.empty(target.size, np.uint32)
    for e in range(target.size):
        places[e] = np.uint32(delay[e]) * np.uint32(width) + target[e]
    return places


def net_of(wired: Wired, **own: Any) -> Net:
    """Return what is exchanged along connections; `own` are the fields that a simulation has for itself."""
    shared = {name: getattr(wired, name) for name in Net._fields if name in Wired._fields and name not in own}
    return Net(**shared, **own)
