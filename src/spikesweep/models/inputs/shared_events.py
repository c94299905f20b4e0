"""Events of Poisson synapses that share some: any two of n synapses have a share c of their events in common.

Events of a mother process of rate r / c reach each synapse with the probability c, on its own, so that every
synapse is a Poisson train of rate r, and two of them have the correlation c (Kuhn, Aertsen and Rotter 2003,
doi:10.1162/089976603321043702, "multiple interaction process"). The number that reaches a cell at once is
binomial; its variance in time is 1 + (n - 1) c times that of independent synapses:

    r / c E[B(n, c)^2] = n r (1 + (n - 1) c)

A share of 0 is one event at a time. Synapses that are reached are found by geometric skips, so that the cost
is that of the events. What counts at a sample, and what a train depends on, is as in `inputs.poisson`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.lanes import group_count, in_lanes
from spikesweep.kernels.compile.jit import compiled
from spikesweep.models.inputs.poisson import BATCH, Trains, draw_waits, make_trains

Array = NDArray[np.float64]

#: Stands for trials until a success where each event is one.
ALONE = -1.0


class Shared(NamedTuple):
    """The state of K groups of synapses a lane; flat arrays, index k * LANES + lane."""

    mothers: Trains  #: their events
    sources: Array  #: synapses
    per_trial: Array  #: unit exponential to synapses that are passed over, ALONE where nothing is shared


@compiled
def _wait(trains, j, lane, k, drawn):
    """Return unit exponential number `drawn` of a train."""
    waits = trains.waits[j * BATCH : (j + 1) * BATCH]
    if drawn % BATCH == 0:
        draw_waits(waits, trains.key[lane], drawn // BATCH, trains.neuron[lane], trains.stream[k])
    return waits[drawn % BATCH]


@compiled
def fill(shared, kicks, n, first):
    """Write the number of events at samples first .. first + n - 1 to `kicks`."""
    trains = shared.mothers
    n_streams = trains.stream.size
    last = np.float64(first + n - 1)
    kicks[: n * n_streams * LANES] = 0.0
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            t, drawn, per_trial = trains.next_event[j], trains.drawn[j], shared.per_trial[j]
            while t <= last:
                if t > 0.0:  # at 0 the train only starts
                    count = 1.0
                    if per_trial >= 0.0:
                        count, synapse = 0.0, np.floor(_wait(trains, j, lane, k, drawn) * per_trial)
                        drawn += 1
                        while synapse < shared.sources[j]:
                            count += 1.0
                            synapse += np.floor(_wait(trains, j, lane, k, drawn) * per_trial) + 1.0
                            drawn += 1
                    sample = np.int64(np.ceil(t - first))
                    kicks[(sample * n_streams + k) * LANES + lane] += count
                t += _wait(trains, j, lane, k, drawn) * trains.interval[j]
                drawn += 1
            trains.next_event[j], trains.drawn[j] = t, drawn


def trains_of(
    events_per_step: Mapping[str, Array],
    sources: Mapping[str, Any],
    shares: Mapping[str, float],
    keys: NDArray[np.uint64],
    neurons: NDArray[np.int64],
    streams: tuple[str, ...],
) -> Iterator[Shared]:
    """Yield the trains of each group of lanes.

    `events_per_step` are those of all synapses of a stream together, shape (n,), `sources` how many synapses,
    a number or of that shape, `shares` what any two of them have in common, none where it is not given.
    """
    n = len(keys)
    shape = (len(streams), group_count(n) * LANES)
    rates, counts, per_trial = np.zeros(shape), np.ones(shape), np.full(shape, ALONE)
    for k, name in enumerate(streams):
        share = shares.get(name, 0.0)
        rates[k, :n], counts[k, :n] = events_per_step[name], sources.get(name, 1.0)
        if share > 0.0:
            rates[k] /= counts[k] * share
            with np.errstate(divide="ignore"):
                per_trial[k] = 0.0 if share == 1.0 else -1.0 / np.log1p(-share)
    by_group = [x.reshape(len(streams), -1, LANES).swapaxes(0, 1) for x in (rates, counts, per_trial)]
    lanes = (in_lanes(keys, n), in_lanes(neurons, n))
    for key, neuron, rate, count, trials in zip(*lanes, *by_group, strict=True):
        yield Shared(make_trains(key, neuron, streams, rate), count.ravel(), trials.ravel())
