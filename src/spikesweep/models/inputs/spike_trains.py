"""Spike trains that are there before a simulation: their events as kicks, and their intervals shuffled.

A spike belongs to the sample nearest to it (half to even). One that rounds to the first sample, or beyond
the last, never arrives.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.random.draws import shuffled_bins

Array = NDArray[np.float64]


class Trains(NamedTuple):
    """Sorted spike times, one train after the other."""

    times: Array
    offsets: NDArray[np.int64]  #: train j is times[offsets[j]:offsets[j + 1]]
    step: float  #: a sample, in the unit of the times

    @property
    def n(self) -> int:
        """Return the number of trains."""
        return len(self.offsets) - 1

    def one(self, j: int) -> Array:
        """Return the times of train j."""
        return self.times[self.offsets[j] : self.offsets[j + 1]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of spikes of each train."""
        return np.diff(self.offsets)

    def bins(self, j: int) -> NDArray[np.int32]:
        """Return the samples of train j."""
        return np.rint(self.one(j) / self.step).astype(np.int32)

    def together(self, chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the sorted samples of the chosen trains."""
        found = np.empty(int(self.counts[chosen].sum()), np.int32)
        first = 0
        for j in map(int, np.flatnonzero(chosen)):
            bins = self.bins(j)
            found[first : first + len(bins)] = bins
            first += len(bins)
        found.sort()
        return found


class Shuffles(Protocol):
    """Where the shuffled trains of an input come from."""

    def bins(
        self, trains: Trains, j: int, n_shuffles: int, last: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return samples of shuffles of train j, shape (shuffles, spikes), and how many are before `last`."""


class KeyedShuffles(NamedTuple):
    """Each input has a key of its own: its shuffles depend on nothing else."""

    keys: NDArray[np.uint64]

    def bins(
        self, trains: Trains, j: int, n_shuffles: int, last: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the samples of shuffles of train j, and how many are before `last`."""
        bins = np.empty((n_shuffles, int(trains.counts[j])), np.int32)
        intervals = np.diff(trains.one(j), prepend=0.0)
        return bins, shuffled_bins(bins, intervals, self.keys[j], trains.step, last)


class LegacyShuffles(NamedTuple):
    """NumPy's frozen RandomState: the inputs must be asked for in their order, each once."""

    rng: RandomState

    def bins(
        self, trains: Trains, j: int, n_shuffles: int, last: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the samples of shuffles of train j, and how many are before `last`."""
        intervals = np.diff(trains.one(j), prepend=0.0)
        times = np.array([self.rng.permutation(intervals) for _ in range(n_shuffles)]).cumsum(axis=1)
        bins = np.rint(times / trains.step).astype(np.int32)
        return bins, (bins < last).sum(axis=1)


class Kicks(NamedTuple):
    """The state of K given trains a lane; flat arrays, index k * LANES + lane."""

    bins: NDArray[np.int32]  #: the samples of all trains
    place: NDArray[np.int64]  #: of the next event of each train, in `bins`
    stop: NDArray[np.int64]


def make_kicks(streams: list[list[NDArray[np.int32]]]) -> Kicks:
    """Return kicks before the first event: `streams[k][lane]` are sorted samples; lanes may be missing."""
    padded = [[*lanes, *[np.empty(0, np.int32)] * (LANES - len(lanes))] for lanes in streams]
    flat = [bins[np.searchsorted(bins, 1) :] for lanes in padded for bins in lanes]
    ends = np.cumsum([len(bins) for bins in flat])
    return Kicks(np.concatenate(flat), np.concatenate([[0], ends[:-1]]), ends)


@compiled
def fill_given(trains, kicks, n, first):
    """Write the number of events of each train at samples first .. first + n - 1 to `kicks`."""
    n_streams = trains.place.size // LANES
    for i in range(n * n_streams * LANES):
        kicks[i] = 0.0
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            i = trains.place[j]
            while i < trains.stop[j] and trains.bins[i] < first + n:
                kicks[((trains.bins[i] - first) * n_streams + k) * LANES + lane] += 1.0
                i += 1
            trains.place[j] = i


def trains_of(times: Any, step: float) -> Trains:
    """Return the trains of a list of sorted arrays of times."""
    arrays = [np.asarray(t, np.float64) for t in times]
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in arrays])]).astype(np.int64)
    return Trains(np.concatenate([np.empty(0), *arrays]), offsets, step)
