"""Spike trains of many cells in one array."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.driver import LANES
from spikesweep.kernels.jit import compiled


class Trains(NamedTuple):
    """Spikes of several cells; those of cell i are steps[offsets[i] : offsets[i + 1]]."""

    steps: NDArray[np.int32]  #: number of the step at whose end the spike is, from 1 on
    offsets: NDArray[np.int64]  #: shape (cells + 1,)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of spikes of each cell."""
        return np.diff(self.offsets)

    def of(self, cell: int) -> NDArray[np.int32]:
        """Return the spikes of one cell."""
        return self.steps[self.offsets[cell] : self.offsets[cell + 1]]

    @classmethod
    def joined(cls, trains: Sequence[NDArray[np.int32]]) -> "Trains":
        """Return trains of one array each."""
        offsets = np.concatenate([[0], np.cumsum([len(train) for train in trains])]).astype(np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *trains]).astype(np.int32), offsets)


class Sink(NamedTuple):
    """The spikes of a group of lanes on their way."""

    steps: NDArray[np.int32]  #: shape (LANES, steps of the run): memory is used as far as it is written
    found: NDArray[np.int64]  #: how many, shape (LANES,)

    @classmethod
    def for_steps(cls, n_steps: int) -> "Sink":
        """Return room for a spike at every step."""
        return cls(np.empty((LANES, n_steps), np.int32), np.zeros(LANES, np.int64))

    def trains(self, n: int) -> list[NDArray[np.int32]]:
        """Return copies of the trains of the first n lanes."""
        return [self.steps[lane, : self.found[lane]].copy() for lane in range(n)]


@compiled
def keep_spikes(sink, spiked, n, first):
    """Add the n steps of `spiked` from step `first` on; most steps have no spike in any lane."""
    bits = spiked.view(np.int64)
    for s in range(n):
        any_lane = np.int64(0)
        for lane in range(LANES):
            any_lane |= bits[s * LANES + lane]
        if any_lane != 0:
            for lane in range(LANES):
                if spiked[s * LANES + lane] != 0.0:
                    sink.steps[lane, sink.found[lane]] = first + s + 1
                    sink.found[lane] += 1
