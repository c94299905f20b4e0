"""Poisson events as the script of Zerlaut et al. 2018 draws them: for the reproduction of its results.

Both trains of a cell come from numpy's legacy generator with the same seed (doi:10.1007/s10827-017-0668-2,
code: yzerlaut/JCNS_2018, tf_simulation.py), so they are one train on two time scales, and every
point of a scan has the same. Departure: the script draws three times the expected number of events,
which may end before the simulation does; here the stream goes on.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, Clock, Component
from spikesweep.kernels.cells.lanes import Drive, group_count, run_lanes
from spikesweep.kernels.compile.jit import compiled

#: The rate (Hz) that the script puts in the place of zero.
NEXT_TO_NONE = 1e-9


class LegacyTrains(NamedTuple):
    """The state of K trains a lane; flat arrays, index k * LANES + lane. Times in units of the clock."""

    waits: NDArray[np.float64]  #: unit intervals, shape (seeds, drawn); a lane's row is `row`
    row: NDArray[np.int64]  #: shape (LANES,)
    interval: NDArray[np.float64]  #: mean interval
    next_event: NDArray[np.float64]
    used: NDArray[np.int64]
    tick: NDArray[np.float64]  #: clock units in one step, shape (1,)


@compiled
def fill(trains, kicks, n, first):
    """Write the number of events of each train at samples first .. first + n - 1 to `kicks`."""
    n_streams = trains.interval.size // LANES
    tick = trains.tick[0]
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            t = trains.next_event[j]
            used = trains.used[j]
            for s in range(n):
                now = (first + s) * tick
                events = 0.0
                while t <= now:
                    events += 1.0
                    t += trains.waits[trains.row[lane], used] * trains.interval[j]
                    used += 1
                kicks[(s * n_streams + k) * LANES + lane] = events
            trains.next_event[j] = t
            trains.used[j] = used


def legacy_spike_counts(
    neuron: Component,
    synapses: Mapping[str, Component],
    rates: Mapping[str, NDArray[np.float64]],
    seeds: NDArray[np.int64],
    clock: Clock,
    n_steps: int,
) -> NDArray[np.float64]:
    """Count the spikes of cells, shape (n,), under events of total `rates` (Hz, shape (n,)) by seed."""
    sources = legacy_trains(rates, seeds, tuple(synapses), clock, n_steps)
    return run_lanes(neuron, tuple(synapses.values()), clock, len(seeds), n_steps, Drive(fill, sources))


def legacy_trains(
    rates: Mapping[str, NDArray[np.float64]],
    seeds: NDArray[np.int64],
    streams: tuple[str, ...],
    clock: Clock,
    n_steps: int,
) -> Iterator[LegacyTrains]:
    """Yield the trains of each group of lanes. The clock must be the original's, in seconds."""
    total = group_count(len(seeds)) * LANES
    padded = [np.resize(np.where(rates[name] == 0.0, NEXT_TO_NONE, rates[name]), total) for name in streams]
    interval = 1.0 / np.stack(padded)
    distinct, row = np.unique(np.resize(seeds, total), return_inverse=True)
    waits = _waits(distinct, n_steps * clock.tick, float(interval.min()))
    for start in range(0, total, LANES):
        lanes = slice(start, start + LANES)
        mean = interval[:, lanes].ravel()
        next_event = np.tile(waits[row[lanes], 0], len(streams)) * mean
        used = np.ones(mean.size, np.int64)
        yield LegacyTrains(waits, row[lanes].copy(), mean, next_event, used, np.array([clock.tick]))


def _waits(seeds: NDArray[np.int64], end: float, interval: float) -> NDArray[np.float64]:
    """Return the first unit intervals of each seed's stream, as many as reach beyond the end."""
    n = 64
    while True:
        streams = [np.random.RandomState(int(seed)) for seed in seeds]
        waits = np.stack([stream.standard_exponential(n) for stream in streams])
        if (waits[:, :-1].sum(axis=1) * interval > end + interval).all():
            return waits
        n *= 2
