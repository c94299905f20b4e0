"""Which steps had a cell's first two and last two spikes: all that its intervals at both ends need."""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, aligned
from spikesweep.kernels.compile.jit import compiled, disjoint

#: Rows of what is noted, of LANES numbers each. Steps are counted from 1: 0 is none.
FIRST, SECOND, PREVIOUS, LAST = range(4)


def make_notes(n_groups: int) -> NDArray[np.float64]:
    """Return room for what is noted of groups of LANES cells, shape (n_groups, 4 * LANES)."""
    return aligned(n_groups * 4 * LANES).reshape(n_groups, -1)


@disjoint
def note_spikes(notes, spiked, n, first):
    """Update `notes`, one row of `make_notes`, with the n steps of `spiked` from step `first` on.

    The last two spikes are those of the largest steps, found without a branch in all lanes; the first
    two, which a cell has but once, are looked for where they are missing.
    """
    for s in range(n):
        row = spiked[s * LANES : (s + 1) * LANES]
        step = float(first + s + 1)
        for lane in range(LANES):
            at = row[lane] * step
            last, previous = notes[LAST * LANES + lane], notes[PREVIOUS * LANES + lane]
            smaller = at if at < last else last
            notes[PREVIOUS * LANES + lane] = smaller if smaller > previous else previous
            notes[LAST * LANES + lane] = at if at > last else last
    for lane in range(LANES):
        if notes[SECOND * LANES + lane] == 0.0 and notes[LAST * LANES + lane] > first:
            _note_first(notes, spiked, n, first, lane)


@compiled
def _note_first(notes, spiked, n, first, lane):
    for s in range(n):
        if spiked[s * LANES + lane] != 0.0:
            if notes[FIRST * LANES + lane] == 0.0:
                notes[FIRST * LANES + lane] = first + s + 1
            else:
                notes[SECOND * LANES + lane] = first + s + 1
                return
