"""When cells spiked: a bit a step and lane while they run, steps afterwards."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.ragged import Ragged
from spikesweep.kernels.cells.driver import LANES, Trace
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.compile.jit import compiled


@compiled
def spiked_lanes(traced, at):
    """Return the lanes that spiked as bits of a word; `at` is the place of their row in a trace.

    Mostly none did, which vector code sees.
    """
    row = traced[at : at + LANES]
    count = np.int64(0)
    for lane in range(LANES):
        count += np.int64(row[lane] != 0.0)
    word = np.int64(0)
    if count != 0:
        for lane in range(LANES):
            if row[lane] != 0.0:
                word |= np.int64(1) << np.int64(lane)
    return word


@compiled
def note_trains(words, spiked, n, first):
    """Write the lanes that spiked in steps first .. first + n - 1 to the bits of `words`, shape (steps,)."""
    for s in range(n):
        words[first + s] = spiked_lanes(spiked, s * LANES)


class SpikeTrains:
    """Keeps the steps of all spikes from `n_discard` on."""

    trace: Trace = ((0, "spiked"),)
    collect = staticmethod(note_trains)

    def __init__(self, n_discard: int = 0) -> None:
        self._n_discard, self._n = n_discard, 0
        self._steps: list[NDArray[np.int64]] = []
        self._cells: list[NDArray[np.int64]] = []

    def sinks(self, n: int, n_steps: int) -> Iterator[NDArray[np.int64]]:
        """Yield room for each group of n cells, and read what is in it before the next."""
        self._n, self._steps, self._cells = n, [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for first in range(0, group_count(n) * LANES, LANES):
            words = np.zeros(n_steps, np.int64)
            yield words
            busy = self._n_discard + np.flatnonzero(words[self._n_discard :])  # here the group has run
            lane, step = np.nonzero((words[busy] >> np.arange(LANES)[:, np.newaxis]) & 1)
            own = first + lane < n  # the last group is padded
            self._steps.append(busy[step[own]])
            self._cells.append(first + lane[own])

    @property
    def trains(self) -> Ragged:
        """Return the steps of the spikes of each cell."""
        sizes = np.bincount(np.concatenate(self._cells), minlength=self._n).astype(np.int64)
        return Ragged(np.concatenate(self._steps), sizes)
