"""Poisson inputs of cells of a network: how many events reach each cell in each step, drawn from tables.

Synapses of one rate together are one Poisson process, whose counts in the steps are independent. A count is drawn
by inversion: it is the number of thresholds, the distribution function times 2**32, below a 32-bit word of Philox.
Word `step % 4` of the counter (step // 4, part, drive) under the cell's key decides, so that a count depends on its
cell, its step and its drive alone. A mean above PART is drawn as the sum of equal parts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import disjoint, inlined
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.kernels.random.philox import philox4x32

#: The highest mean of one draw: e**-16 is 483 times the resolution of a word.
PART = 16.0
#: Steps that share a counter.
STEPS = 4
_AT_ONCE = 4  # thresholds that are looked at together
#: A threshold that no word reaches: the highest word counts as the one below it.
NEVER = 2**32 - 1
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_32 = np.uint32


class Drives(NamedTuple):
    """Poisson inputs of the cells of a population; entry d of each array is that of drive d."""

    inputs: int  #: of a cell
    key: NDArray[np.uint64]  #: of each cell, shape (groups * LANES,)
    stream: NDArray[np.uint64]  #: tells drives of a cell apart
    input: NDArray[np.int64]  #: that it kicks
    weight: NDArray[np.float64]  #: of an event
    parts: NDArray[np.int64]  #: draws that are added up
    table: NDArray[np.uint32]  #: rows of thresholds
    begin: NDArray[np.int64]  #: where the rows of a drive begin
    levels: NDArray[np.int64]  #: thresholds in a row
    moving: NDArray[np.int64]  #: 1 where row s is that of step `origin` + s, 0 where row 0 is that of all steps
    origin: int  #: step of row 0
    groups: int
    drawn: NDArray[np.int64]  #: which counter is in `held`, flat of shape (drives, groups); -1 at the start
    held: NDArray[np.float64]  #: weighted events of its steps, flat of shape (drives, groups, STEPS, LANES)
    words: NDArray[np.uint64]  #: room for STEPS rows of LANES
    narrow: NDArray[np.uint32]  #: room for the same
    counts: NDArray[np.uint32]  #: room for the same, zero


def thresholds(mean: NDArray[np.float64], top: float) -> NDArray[np.uint32]:
    """Return the thresholds of Poisson counts with these means, up to `top`, shape (means, levels)."""
    n = int(np.ceil(top + 7.0 * np.sqrt(top) + 8.0))  # beyond it less than 2**-32 is left
    n += -n % _AT_ONCE
    p, total, found = exp_each(-mean), np.zeros(len(mean)), np.empty((len(mean), n), np.uint32)
    for k in range(n):
        total = total + p
        found[:, k] = np.minimum(np.floor(total * 2.0**32), NEVER)
        p = p * mean / (k + 1.0)
    return found


def certain(probability: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the thresholds of single events with these probabilities, shape (probabilities, levels)."""
    found = np.full((len(probability), _AT_ONCE), NEVER, np.uint32)
    found[:, 0] = np.minimum(np.floor((1.0 - probability) * 2.0**32), NEVER)
    return found


@disjoint
def _draw_words(words, key, at, counter, part, stream):
    """Write the four words of the counter of each lane, whose keys begin at `at`, to `words`."""
    c0, c1 = counter & _LOW, counter >> _SHIFT
    for lane in range(LANES):
        k = key[at + np.uint64(lane)]
        a, b, c, d = philox4x32(c0, c1, part, stream, k & _LOW, k >> _SHIFT)
        words[lane], words[LANES + lane] = a, b
        words[2 * LANES + lane], words[3 * LANES + lane] = c, d


@disjoint
def _narrow(words, narrow):
    for i in range(words.size):  # a loop of its own: LLVM gives up on Philox with narrow results
        x = _32(words[i])
        narrow[i] = x if x < _32(NEVER) else _32(NEVER - 1)


@disjoint
def _add_reached(words, table, row, levels, counts):
    """Add to `counts` how many of the ascending thresholds, from `row` of `table` on, each word reaches."""
    highest = _32(0)
    for i in range(words.size):
        x = words[i]
        highest = x if x > highest else highest
    for k in range(row, row + levels, _AT_ONCE):
        j = np.uint64(k)
        a, b, c, d = table[j], table[j + np.uint64(1)], table[j + np.uint64(2)], table[j + np.uint64(3)]
        if highest < a:
            break
        for i in range(words.size):
            x = words[i]
            n = _32(1) if x >= a else _32(0)
            n = _32(2) if x >= b else n
            n = _32(3) if x >= c else n
            n = _32(4) if x >= d else n
            counts[i] = _32(counts[i] + n)


@disjoint
def _weigh(counts, weight, held, at):
    """Write `weight` times the counts to `held` from `at` on, and empty them."""
    for i in range(counts.size):
        held[at + np.uint64(i)] = weight * np.float64(np.int32(counts[i]))
        counts[i] = 0


@disjoint
def _add(held, own, kicks, at, width, lanes, n):
    """Add what is held of n steps, from `own` on, to the kicks of these steps, from `at` on.

    `lanes` is LANES: a loop whose length LLVM knows is unrolled before it is made a vector, and stays scalar.
    """
    for s in range(n):
        here, to = np.uint64(own + s * lanes), np.uint64(at + s * width)
        for lane in range(lanes):
            kicks[to + np.uint64(lane)] += held[here + np.uint64(lane)]


@disjoint
def _zero(kicks, size):
    for i in range(size):
        kicks[i] = 0.0


@inlined
def _draw(
    key, stream, weight, parts, table, begin, levels, moving, origin, held, words, narrow, counts, d, g,
    quarter, own,
):  # fmt: skip
    """Write the weighted events of drive d in group g in the four steps of a counter to `held`, from `own` on."""
    for part in range(parts[d]):
        _draw_words(words, key, np.uint64(g * LANES), np.uint64(quarter), np.uint64(part), stream[d])
        _narrow(words, narrow)
        if moving[d]:
            for s in range(STEPS):
                a, b = s * LANES, (s + 1) * LANES
                row = begin[d] + (quarter * STEPS + s - origin) * levels[d]
                _add_reached(narrow[a:b], table, row, levels[d], counts[a:b])
        else:
            _add_reached(narrow, table, begin[d], levels[d], counts)
    _weigh(counts, weight[d], held, np.uint64(own))


@inlined
def fill_drives(
    inputs, key, stream, input, weight, parts, table, begin, levels, moving, origin, groups, drawn, held, words,
    narrow, counts, g, m, kicks, n, first,
):  # fmt: skip
    """Write the events of m groups at steps first .. first + n - 1 to `kicks`, zero where there are none (`Drives`)."""
    width = inputs * LANES
    _zero(kicks, m * n * width)
    for d in range(stream.size):
        for j in range(m):
            place = d * groups + g + j
            own, at, s = place * STEPS * LANES, j * n * width + input[d] * LANES, 0
            while s < n:
                quarter, phase = (first + s) // STEPS, (first + s) % STEPS
                if drawn[place] != quarter:
                    _draw(
                        key, stream, weight, parts, table, begin, levels, moving, origin, held, words, narrow,
                        counts, d, g + j, quarter, own,
                    )  # fmt: skip
                    drawn[place] = quarter
                some = min(STEPS - phase, n - s)
                _add(held, own + phase * LANES, kicks, at + s * width, width, width // inputs, some)
                s += some
