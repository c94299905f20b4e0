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
from spikesweep.kernels.compile.jit import compiled, disjoint
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.kernels.random.philox import philox4x32

#: The highest mean of one draw: e**-16 is 483 times the resolution of a word.
PART = 16.0
_STEPS = 4  # that share a counter
#: Thresholds are looked at so many at a time.
_AT_ONCE = 4
_NEVER = 2**32 - 1
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_32 = np.int32


class Drives(NamedTuple):
    """Poisson inputs of the cells of a population; entry d of each array is that of drive d."""

    inputs: int  #: of a cell
    key: NDArray[np.uint64]  #: of each cell, shape (groups * LANES,)
    stream: NDArray[np.uint64]  #: tells drives of a cell apart
    input: NDArray[np.int64]  #: that it kicks
    weight: NDArray[np.float64]  #: of an event
    parts: NDArray[np.int64]  #: draws that are added up
    table: NDArray[np.uint32]  #: thresholds, shape (drives, rows, levels)
    moving: NDArray[np.int64]  #: 1 where row s is that of step `origin` + s, 0 where row 0 is that of all steps
    origin: int  #: step of row 0
    drawn: NDArray[np.int64]  #: which counter `counts` holds, shape (drives, groups); -1 at the start
    counts: NDArray[np.int32]  #: events in its four steps, shape (drives, groups, _STEPS * LANES)
    words: NDArray[np.uint64]  #: room for _STEPS rows of LANES
    narrow: NDArray[np.uint32]  #: room for the same


def thresholds(mean: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the thresholds of Poisson counts with these means, up to PART, shape (means, levels)."""
    mean = np.asarray(mean, np.float64)
    top = float(mean.max(initial=0.0))
    n = int(np.ceil(top + 7.0 * np.sqrt(top) + 8.0))  # beyond it less than 2**-32 is left
    n += -n % _AT_ONCE
    p, total, found = exp_each(-mean), np.zeros(len(mean)), np.empty((len(mean), n), np.uint32)
    for k in range(n):
        total = total + p
        found[:, k] = np.minimum(np.floor(total * 2.0**32), _NEVER)
        p = p * mean / (k + 1.0)
    return found


@disjoint
def _draw_words(words, key, counter, part, stream):
    """Write the four words of each lane's counter to `words`, shape (_STEPS * LANES,)."""
    c0, c1 = counter & _LOW, counter >> _SHIFT
    for lane in range(LANES):
        k = key[lane]
        a, b, c, d = philox4x32(c0, c1, part, stream, k & _LOW, k >> _SHIFT)
        words[lane], words[LANES + lane] = a, b
        words[2 * LANES + lane], words[3 * LANES + lane] = c, d


@disjoint
def _narrow(words, narrow):
    for i in range(words.size):  # a loop of its own: LLVM gives up on Philox with narrow results
        narrow[i] = words[i]


@disjoint
def _add_reached(words, table, counts):
    """Add to `counts` how many of the ascending thresholds each word reaches."""
    for k in range(0, table.size, _AT_ONCE):
        a, b, c, d = table[k], table[k + 1], table[k + 2], table[k + 3]
        for i in range(words.size):
            x = words[i]
            n = _32(1) if x >= a else _32(0)
            n = _32(2) if x >= b else n
            n = _32(3) if x >= c else n
            n = _32(4) if x >= d else n
            counts[i] = _32(counts[i] + n)


@disjoint
def _add_weighted(counts, weight, row):
    for lane in range(LANES):
        row[lane] += weight * np.float64(counts[lane])


@compiled
def _draw(drives, d, g, quarter, counts):
    """Write the events of drive d in group g in the four steps of a counter to `counts`."""
    counts[:] = 0
    key = drives.key[g * LANES : (g + 1) * LANES]
    for part in range(drives.parts[d]):
        _draw_words(drives.words, key, np.uint64(quarter), np.uint64(part), drives.stream[d])
        _narrow(drives.words, drives.narrow)
        if drives.moving[d]:
            for s in range(_STEPS):
                own = slice(s * LANES, (s + 1) * LANES)
                _add_reached(
                    drives.narrow[own], drives.table[d, quarter * _STEPS + s - drives.origin], counts[own]
                )
        else:
            _add_reached(drives.narrow, drives.table[d, 0], counts)


@compiled
def fill_drives(drives, g, kicks, n, first):
    """Write the events of group g at steps first .. first + n - 1 to `kicks`, zero where there are none."""
    width = drives.inputs * LANES
    kicks[: n * width] = 0.0
    for d in range(drives.stream.size):
        weight, at, counts = drives.weight[d], drives.input[d] * LANES, drives.counts[d, g]
        for s in range(n):
            step = first + s
            if drives.drawn[d, g] != step // _STEPS:
                _draw(drives, d, g, step // _STEPS, counts)
                drives.drawn[d, g] = step // _STEPS
            own = (step % _STEPS) * LANES
            _add_weighted(
                counts[own : own + LANES], weight, kicks[s * width + at : s * width + at + LANES]
            )
