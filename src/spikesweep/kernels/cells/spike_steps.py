"""Which steps had a cell's first two and last two spikes: all that its intervals at both ends need."""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, Trace, aligned
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.compile.jit import compiled, disjoint

#: Rows of what is noted, of LANES numbers each. Steps are counted from 1: 0 is none.
FIRST, SECOND, PREVIOUS, LAST = range(4)


@disjoint
def note_spikes(notes, spiked, n, first):
    """Update `notes`, flat of shape (4, LANES), with the n steps of `spiked` from step `first` on.

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


class SpikeSteps:
    """Notes the steps of the first two and last two spikes of each cell."""

    trace: Trace = ((0, "spiked"),)
    collect = staticmethod(note_spikes)

    def __init__(self) -> None:
        self._n, self._notes = 0, aligned(0).reshape(0, 4 * LANES)

    def sinks(self, n: int, n_steps: int) -> list[NDArray[np.float64]]:
        """Return room for each group of n cells."""
        del n_steps
        self._n, self._notes = n, aligned(group_count(n) * 4 * LANES).reshape(-1, 4 * LANES)
        return list(self._notes)

    @property
    def steps(self) -> NDArray[np.float64]:
        """Return the steps, counted from 1, shape (4, cells); NaN where there was no such spike."""
        at = self._notes.reshape(-1, 4, LANES).swapaxes(0, 1).reshape(4, -1)[:, : self._n]
        return np.where(at > 0.0, at, np.nan)
