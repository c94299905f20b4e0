"""A stimulus that many cells share, with noise of each cell's own at each step: what kicks a group of lanes.

The noise of a cell depends on its key and on the step alone. Two-point noise takes one bit of Philox a step.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.random.normals import normal_pair
from spikesweep.kernels.random.philox import philox4x32, stream_word, uniform

_STREAM = stream_word("noise")
_BITS = 32  # of a word
_WORDS = 4  # of a counter


class SharedStimulus(NamedTuple):
    """What reaches the cells of a group."""

    stimulus: NDArray[np.float64]  #: shape (steps,)
    key: NDArray[np.uint64]  #: shape (LANES,)
    sd: NDArray[np.float64]  #: of the noise at a step, shape (1,)


@compiled
def fill_two_point(drive, kicks, n, first):
    """Write stimulus and two-point noise at steps first .. first + n - 1 to `kicks`, shape (n, LANES).

    `first` is a multiple of 32, the bits of a word.
    """
    mask = np.uint64(0xFFFFFFFF)
    words = np.empty((_WORDS, LANES), np.uint64)
    sign = np.uint64(1 << 63)
    sd = np.float64(drive.sd[0]).view(np.uint64)
    for start in range(0, n, _BITS):
        word = (first + start) // _BITS
        if start == 0 or word % _WORDS == 0:
            counter = np.uint64(word // _WORDS)
            c0, c1 = counter & mask, counter >> np.uint64(32)
            for lane in range(LANES):
                key = drive.key[lane]
                w = philox4x32(c0, c1, np.uint64(0), _STREAM, key & mask, key >> np.uint64(32))
                words[0, lane], words[1, lane], words[2, lane], words[3, lane] = w
        row = words[word % _WORDS]
        for bit in range(min(_BITS, n - start)):
            stimulus = drive.stimulus[first + start + bit]
            up = np.uint64(63 - bit)
            at = (start + bit) * LANES
            for lane in range(LANES):
                noise = np.uint64(((row[lane] << up) & sign) ^ sd).view(np.float64)
                kicks[at + lane] = stimulus + noise


@compiled
def fill_gaussian(drive, kicks, n, first):
    """Write stimulus and normal noise at steps first .. first + n - 1 to `kicks`, shape (n, LANES).

    `first` is even: two steps share a counter.
    """
    mask = np.uint64(0xFFFFFFFF)
    u, v = np.empty(LANES), np.empty(LANES)
    sd = drive.sd[0]
    for s in range(0, n, 2):
        counter = np.uint64((first + s) // 2)
        c0, c1 = counter & mask, counter >> np.uint64(32)
        for lane in range(LANES):
            key = drive.key[lane]
            w0, w1, w2, w3 = philox4x32(c0, c1, np.uint64(1), _STREAM, key & mask, key >> np.uint64(32))
            u[lane], v[lane] = uniform(w0, w1), uniform(w2, w3)
        for lane in range(LANES):  # a loop of its own: together LLVM vectorises neither
            u[lane], v[lane] = normal_pair(u[lane], v[lane])
        even, odd = drive.stimulus[first + s], drive.stimulus[min(first + s + 1, len(drive.stimulus) - 1)]
        for lane in range(LANES):
            kicks[s * LANES + lane] = even + sd * u[lane]
        if s + 1 < n:
            for lane in range(LANES):
                kicks[(s + 1) * LANES + lane] = odd + sd * v[lane]


#: What fills the kicks, by the cell's kind of noise.
FILLS = {"two_point": fill_two_point, "gaussian": fill_gaussian}
