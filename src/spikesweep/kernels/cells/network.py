"""What a network adds to cells: spikes on their way to others, and what is kept of cells.

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

from spikesweep.kernels.cells.bit_rows import add_counts, add_rows
from spikesweep.kernels.cells.core import Exchange
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import disjoint, inlined, kept

BITS, COUNTS, LATE_COUNTS, SUMS, LATE_SUMS = range(5)

#: Columns of `Wired.table`.
KIND, INPUT, LAG, WIDTH, ROWS, BEGIN, DEPTH, PLANES, WEIGHTS = range(9)


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


class Watched(NamedTuple):
    """What is kept of a population."""

    noted: NDArray[
        np.int64
    ]  #: whose bits are the lanes that spiked, flat of shape (groups, steps of a block)
    block: int  #: steps of a block
    starts: NDArray[np.int64]  #: what is recorded of group g: starts[g] to starts[g + 1]
    place: NDArray[np.int64]  #: row * LANES + lane of what is recorded
    recorded: NDArray[np.float64]  #: shape (recorded, steps)
    rows: int  #: of the trace; the last are the spikes


@kept
def places_of(target, delay, width):
    """Return the place of each connection in a ring: its slot, counted from the next step, and its target."""
    places = np.empty(target.size, np.uint32)
    for e in range(target.size):
        places[e] = np.uint32(delay[e]) * np.uint32(width) + target[e]
    return places


@disjoint
def _note(noted, at, block, traced, width, m, n):
    """Write the lanes that spiked in each of n steps of m groups as bits.

    Their rows end every `width` of `traced`, whose floats are read as integers: zero is zero, and vectors can
    or.
    """
    for g in range(m):
        for s in range(n):
            row = np.uint64((g * n + s + 1) * width - LANES)
            any_spiked = np.int64(0)
            for lane in range(LANES):
                any_spiked |= traced[row + np.uint64(lane)]
            word = np.int64(0)
            if any_spiked != 0:
                for lane in range(LANES):
                    word |= np.int64(traced[row + np.uint64(lane)] != 0) << np.int64(lane)
            noted[np.uint64(at + g * block + s)] = word


@inlined
def watch(noted, block, starts, place, recorded, rows, g, m, traced, n, first):
    """Note which lanes of m groups spiked, by the step of the block, and record rows of the trace."""
    width = rows * LANES
    _note(noted, g * block, block, traced.view(np.int64), width, m, n)
    for j in range(m):
        for r in range(starts[g + j], starts[g + j + 1]):
            for s in range(n):
                recorded[r, first + s] = traced[(j * n + s) * width + place[r]]


@disjoint
def _take(ring, depth, where, kicks, slot, slots, begin, width, factor, at, step, lanes, m, n):
    """Add `factor` times what waits for m groups in n slots of a ring to `kicks`, and empty them.

    `depth` says from `where` on which slots have anything. `lanes` is LANES, of which LLVM must not know: a
    loop of known length is unrolled before it is made a vector, and stays scalar.
    """
    for s in range(n):
        for g in range(m if depth[np.uint64(where + slot)] > 0 else 0):
            here, to = np.uint64(begin + slot * width + g * lanes), np.uint64(at + (g * n + s) * step)
            for lane in range(lanes):
                i = here + np.uint64(lane)
                kicks[to + np.uint64(lane)] += factor * np.float64(ring[i])
                ring[i] = 0
        slot = slot + 1 if slot + 1 < slots else 0


@inlined
def receive(arrive, table, inputs, factor, planes, depth, counts, sums, part, group, m, kicks, n, first):
    """Add what arrives at m groups in n steps to their kicks, and empty the slots (`Net`)."""
    step = inputs[part] * LANES
    lanes = step // inputs[part]
    for p in range(arrive[part], arrive[part + 1]):
        kind, slots, width, begin = table[p, KIND], table[p, LAG], table[p, WIDTH], table[p, BEGIN]
        slot, at, f, where = first % slots, table[p, INPUT] * LANES, factor[p], table[p, DEPTH]
        if kind == BITS:
            deep = table[p, PLANES]
            add_counts(planes, depth, kicks, where, slot, slots, begin, width, deep, group, f, at, step, m, n)
        elif kind == COUNTS or kind == LATE_COUNTS:
            _take(
                counts,
                depth,
                where,
                kicks,
                slot,
                slots,
                begin + group * LANES,
                width,
                f,
                at,
                step,
                lanes,
                m,
                n,
            )
        else:
            _take(
                sums, depth, where, kicks, slot, slots, begin + group * LANES, width, f, at, step, lanes, m, n
            )


@disjoint
def _count(pointer, active, count, rows, near, counts, here):
    """Count the targets of rows in a slot of a ring."""
    for k in range(count):
        row = np.uint64(rows + active[np.uint64(k)])
        for e in range(pointer[row], pointer[row + np.uint64(1)]):
            i = here + np.uint64(near[np.uint64(e)])
            counts[i] += 1


@disjoint
def _sum(pointer, active, count, rows, near, weight, shift, sums, here):
    """Add the weights of rows to a slot of a ring."""
    for k in range(count):
        row = np.uint64(rows + active[np.uint64(k)])
        for e in range(pointer[row], pointer[row + np.uint64(1)]):
            i = here + np.uint64(near[np.uint64(e)])
            sums[i] += np.float64(weight[np.uint64(e + shift)])


@disjoint
def _count_late(pointer, active, count, rows, far, counts, begin, size, start):
    """Count the places of rows, which are counted from `start` on, around a ring."""
    for k in range(count):
        row = np.uint64(rows + active[np.uint64(k)])
        for e in range(pointer[row], pointer[row + np.uint64(1)]):
            i = start + np.uint64(far[np.uint64(e)])
            i = i - size if i >= size else i
            counts[begin + i] += 1


@disjoint
def _sum_late(pointer, active, count, rows, far, weight, shift, sums, begin, size, start):
    """Add the weights of rows at places that are counted from `start` on, around a ring."""
    for k in range(count):
        row = np.uint64(rows + active[np.uint64(k)])
        for e in range(pointer[row], pointer[row + np.uint64(1)]):
            i = start + np.uint64(far[np.uint64(e)])
            i = i - size if i >= size else i
            sums[begin + i] += np.float64(weight[np.uint64(e + shift)])


@disjoint
def find_active(words, members, active, begin, end, block, s):
    """Write the cells of a population that spiked in step s of the block to `active`; return their number."""
    count = 0
    for g in range(begin, end):
        word = words[np.uint64(g * block + s)]
        if word != 0:
            word &= members[np.uint64(g)]
            cell = (g - begin) * LANES
            while word != 0:
                if word & 1:
                    active[np.uint64(count)] = cell
                    count += 1
                word >>= 1
                cell += 1
    return count


@inlined
def _send(
    table, p, bits, pointer, near, far, weight, planes, counts, sums, depth, carry, active, count, step
):
    """Send the spikes of `count` active cells, of one step, along projection p."""
    kind, lag, width, begin = table[p, KIND], table[p, LAG], table[p, WIDTH], table[p, BEGIN]
    slot, rows = step % lag, table[p, ROWS]
    if kind != LATE_COUNTS and kind != LATE_SUMS:
        depth[table[p, DEPTH] + slot] = count
    if kind == BITS:
        if count > 0:
            at = begin + slot * width * table[p, PLANES]
            add_rows(bits, rows, width, active, count, planes, at, carry)
    elif count > 0:
        here, size = np.uint64(begin + slot * width), np.uint64(lag * width)
        ring, start = np.uint64(begin), np.uint64(((step + 1) % lag) * width)
        if kind == COUNTS:
            _count(pointer, active, count, rows, near, counts, here)
        elif kind == LATE_COUNTS:
            _count_late(pointer, active, count, rows, far, counts, ring, size, start)
        elif kind == SUMS:
            _sum(pointer, active, count, rows, near, weight, table[p, WEIGHTS], sums, here)
        else:
            _sum_late(pointer, active, count, rows, far, weight, table[p, WEIGHTS], sums, ring, size, start)


@inlined
def deliver(
    table, leaving, leave, bits, pointer, near, far, weight, planes, counts, sums, depth, carry, groups,
    first, told, words, members, active, spikes, n, start, count,
):  # fmt: skip
    """Send the spikes of a block in the order of steps, then neurons; return how many were told so far."""
    block, flat = words.shape[1], words.reshape(-1)
    for s in range(n):
        for k in range(told.size):
            found = find_active(flat, members, active, groups[k], groups[k + 1], block, s)
            if told[k]:
                for i in range(found):
                    spikes[0, count] = first[k] + active[i]
                    spikes[1, count] = start + s + 1
                    count += 1
            for q in range(leave[k], leave[k + 1]):
                _send(
                    table, leaving[q], bits, pointer, near, far, weight, planes, counts, sums, depth, carry,
                    active, found, start + s,
                )  # fmt: skip
    return count


#: Between the cells of a network.
RING = Exchange(receive, deliver)


def net_of(wired: Wired, **own: Any) -> Net:
    """Return what is exchanged along connections; `own` are the fields that a simulation has for itself."""
    shared = {name: getattr(wired, name) for name in Net._fields if name in Wired._fields and name not in own}
    return Net(**shared, **own)
