"""What is measured of the traces of a rate system, one pass over them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept

Array = NDArray[np.float64]


class Measures(NamedTuple):
    """Measures of every point and cell, shape (points, cells)."""

    activity: Array  #: mean rate (Hz) over a window
    v_end: Array  #: last potential (mV)
    v_peak: Array  #: highest potential (mV)
    settling_time: Array  #: time (ms) of the sample from which v stays near v_end


def measure(v: Array, rate: Array, times: Array, window: slice, near: float) -> Measures:
    """Return the measures of potentials and rates, shape (points, cells, samples).

    The mean is over the samples of `window`; near is that fraction of the way from the first to the last.
    """
    shape = v.shape[:2]
    found = Measures(*(np.empty(shape) for _ in range(4)))
    _measure(v, rate, times, window.start, window.stop, near, *found)
    return found


@kept
def _measure(v, rate, times, start, stop, near, activity, v_end, v_peak, settling_time):
    n = v.shape[2]
    for p in range(v.shape[0]):
        for c in range(v.shape[1]):
            total = 0.0
            for s in range(start, stop):
                total += rate[p, c, s]
            activity[p, c] = total / (stop - start)
            end = v[p, c, n - 1]
            peak = v[p, c, 0]
            for s in range(n):  # `not <=`: NaN stays
                peak = peak if v[p, c, s] <= peak else v[p, c, s]
            reach = near * abs(end - v[p, c, 0])
            last = n - 1
            while last > 0 and abs(v[p, c, last - 1] - end) <= reach:
                last -= 1
            v_end[p, c] = end
            v_peak[p, c] = peak
            settling_time[p, c] = times[last]
