"""Poisson inputs of cells of a network: how many events reach each cell in each step, drawn from tables.

Synapses of one rate together are one Poisson process, whose counts in the steps are independent. A count is
drawn by inversion: it is the number of thresholds, the distribution function times 2**32, below a 32-bit word
of Philox. Word `step % 4` of the counter (step // 4, part, drive) under the cell's key decides, so that a
count depends on its cell, its step and its drive alone. A mean above PART is drawn as the sum of equal parts.
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
#: A threshold that no word exceeds.
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
    moving: NDArray[
        np.int64
    ]  #: 1 where row s is that of step `origin` + s, 0 where row 0 is that of all steps
    origin: int  #: step of row 0
    groups: int
    adds: NDArray[np.int64]  #: 0 for the first drive of an input that has events in a call
    undriven: NDArray[np.int64]  #: inputs that no drive writes in a call, and nothing else
    drawn: NDArray[np.int64]  #: which counter is in `held`, flat of shape (drives, groups); -1 at the start
    held: NDArray[np.uint32]  #: events in its steps, flat of shape (drives, groups, STEPS, LANES)
    words: NDArray[np.uint64]  #: room for STEPS rows of LANES
    narrow: NDArray[np.uint32]  #: room for the same


def thresholds(mean: NDArray[np.float64], top: float) -> NDArray[np.uint32]:
    """Return the thresholds of Poisson counts with these means, up to `top`, shape (means, levels)."""
    n = int(np.ceil(top + 7.0 * np.sqrt(top) + 8.0))  # beyond it less than 2**-32 is left
    n += -n % _AT_ONCE
    if not mean.any():  # after a kick, for as long as it is over
        return np.full((len(mean), n), NEVER, np.uint32)
    p, total, found = exp_each(-mean), np.zeros(len(mean)), np.empty((len(mean), n), np.uint32)
    for k in range(n):
        total = total + p
        found[:, k] = np.minimum(np.ceil(total * 2.0**32) - 1.0, NEVER)
        p = p * mean / (k + 1.0)
    return found


def certain(probability: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the thresholds of single events with these probabilities, shape (probabilities, levels)."""
    found = np.full((len(probability), _AT_ONCE), NEVER, np.uint32)
    found[:, 0] = np.minimum(np.ceil((1.0 - probability) * 2.0**32) - 1.0, NEVER)
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
        narrow[i] = words[i]


@disjoint
def _add_exceeded(words, begin, end, table, row, levels, counts, at):
    """Add how many of the ascending thresholds, from `row` of `table` on, each word exceeds to the counts.

    The words are those from `begin` to `end`; the counts begin at `at`.
    """
    highest = _32(0)
    for i in range(begin, end):
        x = words[np.uint64(i)]
        highest = x if x > highest else highest
    for k in range(row, row + levels, _AT_ONCE):
        j = np.uint64(k)
        a, b, c, d = table[j], table[j + np.uint64(1)], table[j + np.uint64(2)], table[j + np.uint64(3)]
        if highest <= a:
            break
        for i in range(begin, end):
            x = words[np.uint64(i)]
            n = _32(1) if x > a else _32(0)
            n = _32(2) if x > b else n
            n = _32(3) if x > c else n
            n = _32(4) if x > d else n
            here = np.uint64(at + i - begin)
            counts[here] = _32(counts[here] + n)


@disjoint
def _zero(values, begin, size):
    for i in range(size):
        values[np.uint64(begin + i)] = 0


@disjoint
def _kick(held, own, weight, adds, kicks, at, width, lanes, some, m, n):
    """Write `weight` times what is held of m groups in some steps, from `own` on, to their kicks, or add it.

    Kicks are those of n steps, from `at` on. `lanes` is LANES: a loop whose length LLVM knows is unrolled
    before it is made a vector, and stays scalar.
    """
    for j in range(m):
        for s in range(some):
            here, to = np.uint64(own + (j * STEPS + s) * lanes), np.uint64(at + (j * n + s) * width)
            for lane in range(lanes):
                i = to + np.uint64(lane)
                before = kicks[i] if adds else 0.0
                kicks[i] = before + weight * np.float64(np.int32(held[here + np.uint64(lane)]))


@disjoint
def still(kicks, at, width, lanes, some, m, n):
    """Write zero to one input's kicks in some of the n steps of m groups, from `at` on."""
    for j in range(m):
        for s in range(some):
            for lane in range(lanes):
                kicks[np.uint64(at + (j * n + s) * width) + np.uint64(lane)] = 0.0


@inlined
def is_silent(table, row, levels, moving):
    """Return whether there can be no event in the steps of a counter, whose first has this row."""
    last = row + (STEPS - 1) * levels * moving
    silent = True
    for r in range(row, last + 1, levels):
        silent = silent and table[r] == NEVER
    return silent


@inlined
def _draw(
    key, stream, parts, table, begin, levels, moving, origin, held, words, narrow, d, g, quarter, own
):  # fmt: skip
    """Write the events of drive d in group g in the steps of a counter to `held`, from `own` on."""
    _zero(held, own, STEPS * LANES)
    for part in range(parts[d]):
        _draw_words(words, key, np.uint64(g * LANES), np.uint64(quarter), np.uint64(part), stream[d])
        _narrow(words, narrow)
        if moving[d]:
            for s in range(STEPS):
                a, row = s * LANES, begin[d] + (quarter * STEPS + s - origin) * levels[d]
                _add_exceeded(narrow, a, a + LANES, table, row, levels[d], held, own + a)
        else:
            _add_exceeded(narrow, 0, STEPS * LANES, table, begin[d], levels[d], held, own)


@inlined
def fill_drives(
    inputs, key, stream, input, weight, parts, table, begin, levels, moving, origin, groups, adds, undriven,
    drawn, held, words, narrow, g, m, kicks, n, first,
):  # fmt: skip
    """Write the events of m groups at steps first .. first + n - 1 to `kicks`, zero where there are none."""
    width = inputs * LANES
    lanes = width // inputs
    for i in undriven:
        still(kicks, i * LANES, width, lanes, n, m, n)
    for d in range(stream.size):
        place, s = d * groups + g, 0
        while s < n:
            quarter, phase = (first + s) // STEPS, (first + s) % STEPS
            some = min(STEPS - phase, n - s)
            row = begin[d] + (quarter * STEPS - origin) * levels[d] * moving[d]
            own, at = (place * STEPS + phase) * LANES, s * width + input[d] * LANES
            if not is_silent(table, row, levels[d], moving[d]):
                for j in range(m):
                    if drawn[place + j] != quarter:
                        _draw(
                            key, stream, parts, table, begin, levels, moving, origin, held, words, narrow,
                            d, g + j, quarter, (place + j) * STEPS * LANES,
                        )  # fmt: skip
                        drawn[place + j] = quarter
                _kick(held, own, weight[d], adds[d], kicks, at, width, lanes, some, m, n)
            elif not adds[d]:
                still(kicks, at, width, lanes, some, m, n)
            s += some
