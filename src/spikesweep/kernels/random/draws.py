"""Random draws that a kernel makes one after the other: uniform numbers, Poisson trains, shuffled intervals.

Each is a function of a key alone (`kernels.philox`): number i never depends on how many are asked for.
"""

import numpy as np

from spikesweep.kernels.compile.jit import compiled, kept
from spikesweep.kernels.compile.vector_math import log
from spikesweep.kernels.random.philox import philox4x32, uniform

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


@compiled
def two_uniforms(key, i, j):
    """Return two numbers in (0, 1) for the counter (i, j)."""
    i, j = np.uint64(i), np.uint64(j)
    w0, w1, w2, w3 = philox4x32(i & _LOW, i >> _SHIFT, j & _LOW, j >> _SHIFT, key & _LOW, key >> _SHIFT)
    return uniform(w0, w1), uniform(w2, w3)


@compiled
def poisson_train(times, key, interval, end):
    """Write the events of a Poisson train before `end` to `times`, where there is room; return how many."""
    t = 0.0
    n = 0
    while True:
        u0, u1 = two_uniforms(key, n // 2, 0)
        t -= log(u0 if n % 2 == 0 else u1) * interval
        if t >= end:
            return n
        if n < times.size:
            times[n] = t
        n += 1


@kept
def poisson_trains(keys, intervals, end):
    """Return the events before `end` of trains with these mean intervals, and their offsets."""
    offsets = np.zeros(keys.size + 1, np.int64)
    nothing = np.empty(0)
    for j in range(keys.size):
        offsets[j + 1] = offsets[j] + poisson_train(nothing, keys[j], intervals[j], end)
    times = np.empty(offsets[-1])
    for j in range(keys.size):
        poisson_train(times[offsets[j] : offsets[j + 1]], keys[j], intervals[j], end)
    return times, offsets


@kept
def shuffled_bins(bins, intervals, key, step, last):
    """Write to `bins`, shape (shuffles, intervals), times (in steps) of trains with permuted intervals.

    Return, for each shuffle, how many of its bins come before `last`.
    """
    n = intervals.size
    used = np.empty(bins.shape[0], np.int64)
    order = np.empty(n)
    for m in range(bins.shape[0]):
        order[:] = intervals
        for pair in range(n // 2):
            u0, u1 = two_uniforms(key, pair, m + 1)
            i = n - 1 - 2 * pair  # Fisher-Yates, two places at a time
            k = np.int64(u0 * (i + 1))
            order[i], order[k] = order[k], order[i]
            k = np.int64(u1 * i)
            order[i - 1], order[k] = order[k], order[i - 1]
        t = 0.0
        used[m] = 0
        for i in range(n):
            t += order[i]
            bins[m, i] = np.int64(np.rint(t / step))
            used[m] += bins[m, i] < last
    return used


@kept
def uniform_rows(keys, first, n):
    """Return the numbers first .. first + n - 1 of each key, shape (keys, n); `first` is even."""
    out = np.empty((keys.size, n + 1))
    for j in range(keys.size):
        for i in range((n + 1) // 2):
            out[j, 2 * i], out[j, 2 * i + 1] = two_uniforms(keys[j], first // 2 + i, 0)
    return out[:, :n]


def uniform_numbers(key, n):
    """Return the first n numbers of one key."""
    return uniform_rows(np.array([key], np.uint64), 0, n)[0]
