"""Sums of a signal after the spikes of many trains: the heart of spike-triggered averages.

The additions of a lag are made in the order of the spikes, one after the other, as a plain loop makes
them. What is fast is the order of everything else: all trains pass over one part of the signal while it
is in the cache, and a sum is loaded and stored once for TOGETHER windows.
"""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept

#: Windows added in one pass over the lags.
TOGETHER = 8
#: Bytes of the signal that all trains pass over in turn: a part of a second-level cache.
_PART = 2**18


@kept
def add_windows(sums, signal, bins, offsets, place, window, end):
    """Add to `sums`, shape (trains, window), the windows that begin before `end`, TOGETHER of each train.

    Train j has the sorted `bins[offsets[j]:offsets[j + 1]]`; `place` is where each train stands, and what is
    left over stays for the next call.
    """
    for j in range(offsets.size - 1):
        i = place[j]
        stop = offsets[j + 1]
        row = sums[j]
        while i + 8 <= stop and bins[i + 7] < end:
            s0 = signal[bins[i] : bins[i] + window]
            s1 = signal[bins[i + 1] : bins[i + 1] + window]
            s2 = signal[bins[i + 2] : bins[i + 2] + window]
            s3 = signal[bins[i + 3] : bins[i + 3] + window]
            s4 = signal[bins[i + 4] : bins[i + 4] + window]
            s5 = signal[bins[i + 5] : bins[i + 5] + window]
            s6 = signal[bins[i + 6] : bins[i + 6] + window]
            s7 = signal[bins[i + 7] : bins[i + 7] + window]
            for k in range(window):
                total = row[k] + s0[k] + s1[k] + s2[k] + s3[k]
                row[k] = total + s4[k] + s5[k] + s6[k] + s7[k]
            i += 8
        place[j] = i


@kept
def add_rest(sums, signal, bins, offsets, place, window):
    """Add the windows that are left, one by one."""
    for j in range(offsets.size - 1):
        row = sums[j]
        for i in range(place[j], offsets[j + 1]):
            part = signal[bins[i] : bins[i] + window]
            for k in range(window):
                row[k] += part[k]


def averages(
    signal: NDArray[np.float64], bins: NDArray[np.int32], offsets: NDArray[np.int64], window: int
) -> NDArray[np.float64]:
    """Return the mean of `signal` in the `window` samples from each spike on, shape (trains, window).

    All bins must leave room for a window. A train without spikes has NaN.
    """
    sums = np.zeros((len(offsets) - 1, window))
    place = offsets[:-1].copy()
    counts = np.diff(offsets)
    if len(bins):
        step = _PART // signal.itemsize
        for end in range(step, len(signal) + step, step):
            add_windows(sums, signal, bins, offsets, place, window, end)
        add_rest(sums, signal, bins, offsets, place, window)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = sums / counts[:, np.newaxis]
    return means
