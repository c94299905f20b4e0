"""What a network adds to cells: spikes on their way to others, and what is kept of cells (`wired`)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.bit_rows import add_counts, add_rows
from spikesweep.kernels.cells.core import Exchange
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.poisson_counts import still
from spikesweep.kernels.cells.wired import (
    BEGIN,
    BITS,
    COUNTS,
    DEPTH,
    INPUT,
    KIND,
    LAG,
    LATE_COUNTS,
    LATE_SUMS,
    PLANES,
    ROWS,
    SUMS,
    WEIGHTS,
    WIDTH,
)
from spikesweep.kernels.compile.jit import disjoint, inlined


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


@inlined
def watch(noted, block, starts, place, recorded, rows, g, m, traced, n, first):
    """Note which lanes of m groups spiked, by the step of the block, and record rows of the trace.

    The last row of the trace are the spikes, as bits.
    """
    width = rows * LANES
    for j in range(m):
        for s in range(n):
            word = traced[np.uint64((j * n + s + 1) * width - LANES)]
            noted[np.uint64((g + j) * block + s)] = np.int64(word)
    for j in range(m if starts[g] < starts[g + m] else 0):
        for r in range(starts[g + j], starts[g + j + 1]):
            for s in range(n):
                recorded[r, first + s] = traced[(j * n + s) * width + place[r]]


@disjoint
def _take(ring, depth, where, kicks, slot, slots, begin, width, factor, adds, at, step, lanes, m, n):
    """Write `factor` times what waits for m groups in n slots of a ring to `kicks`, or add it; empty them.

    `depth` says from `where` on which slots have anything. `lanes` is LANES, of which LLVM must not know: a
    loop of known length is unrolled before it is made a vector, and stays scalar.
    """
    for s in range(n):
        some = depth[np.uint64(where + slot)] > 0
        if not some and not adds:
            still(kicks, at + s * step, step, lanes, 1, m, n)
        for g in range(m if some else 0):
            here, to = np.uint64(begin + slot * width + g * lanes), np.uint64(at + (g * n + s) * step)
            for lane in range(lanes):
                i, k = here + np.uint64(lane), to + np.uint64(lane)
                before = kicks[k] if adds else 0.0
                kicks[k] = before + factor * np.float64(ring[i])
                ring[i] = 0
        slot = slot + 1 if slot + 1 < slots else 0


@inlined
def receive(
    arrive, table, inputs, factor, adds, planes, depth, counts, sums, part, group, m, kicks, n, first
):  # fmt: skip
    """Add what arrives at m groups in n steps to their kicks, and empty the slots (`Net`)."""
    step = inputs[part] * LANES
    lanes = step // inputs[part]
    for p in range(arrive[part], arrive[part + 1]):
        kind, slots, width, begin = table[p, KIND], table[p, LAG], table[p, WIDTH], table[p, BEGIN]
        slot, at, f, where = first % slots, table[p, INPUT] * LANES, factor[p], table[p, DEPTH]
        own, deep = begin + group * LANES, table[p, PLANES]
        if kind == BITS:
            add_counts(planes, depth, kicks, where, slot, slots, begin, width, deep, group, f, at, step, m, n)
        elif kind == COUNTS or kind == LATE_COUNTS:
            _take(counts, depth, where, kicks, slot, slots, own, width, f, adds[p], at, step, lanes, m, n)
        else:
            _take(sums, depth, where, kicks, slot, slots, own, width, f, adds[p], at, step, lanes, m, n)


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
