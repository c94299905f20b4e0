"""Which steps had a cell's first two and last two spikes: all that its intervals at both ends need."""

import numpy as np

from spikesweep.kernels.driver import LANES
from spikesweep.kernels.jit import compiled
from spikesweep.kernels.lanes import any_spiked

#: Rows of `steps`.
FIRST, SECOND, PREVIOUS, LAST = range(4)


@compiled
def note_spikes(steps, spiked, n, first):
    """Update `steps`, shape (4, LANES), at first NaN, with the n steps of `spiked` from step `first` on.

    Most steps have no spike in any lane; their bits together are zero, which vector code sees at once.
    """
    for s in range(n):
        if any_spiked(spiked, s):
            for lane in range(LANES):
                if spiked[s * LANES + lane] != 0.0:
                    step = float(first + s)
                    if np.isnan(steps[FIRST, lane]):
                        steps[FIRST, lane] = step
                    elif np.isnan(steps[SECOND, lane]):
                        steps[SECOND, lane] = step
                    steps[PREVIOUS, lane] = steps[LAST, lane]
                    steps[LAST, lane] = step
