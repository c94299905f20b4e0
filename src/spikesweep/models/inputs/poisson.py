"""Poisson events for many lanes: exact event times, drawn in batches, a few nanoseconds an event.

The intervals of a train are -log(u) / rate with u from Philox under the lane's key and the counter
(batch and place in it, neuron, stream): a train depends on its labels alone. An event inside
(t[i-1], t[i]] counts at sample i, none at sample 0.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.lanes import group_count, in_lanes
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import log
from spikesweep.kernels.random.philox import philox4x32, stream_word, uniform

#: Intervals drawn at once. Another batch is another train: it decides which word becomes which interval.
BATCH = 64
#: Mean number of events in a step, at most: a call of the kernels then ends in seconds, and time goes on
#: at each event. 10 000 synapses of 1000 Hz have as many in 0.1 ms.
MOST_EVENTS = 1000.0
_HALF = BATCH // 2


class Trains(NamedTuple):
    """The state of K trains a lane; flat arrays, index k * LANES + lane."""

    key: NDArray[np.uint64]  #: shape (LANES,)
    neuron: NDArray[np.uint64]  #: shape (LANES,)
    stream: NDArray[np.uint64]  #: shape (K,)
    interval: NDArray[np.float64]  #: mean interval in steps, inf for a silent train
    next_event: NDArray[np.float64]  #: in steps
    drawn: NDArray[np.int64]  #: intervals used so far
    waits: NDArray[np.float64]  #: a batch of unit intervals, shape (K * LANES * BATCH,)


def make_trains(key: Any, neuron: Any, streams: tuple[str, ...], events_per_step: Any) -> Trains:
    """Return trains before their first event.

    `key` and `neuron` have shape (LANES,), `events_per_step` (K, LANES) for the K `streams`. Raises
    InputError for more than MOST_EVENTS, and for less than none.
    """
    rate = np.asarray(events_per_step, np.float64).ravel() + 0.0  # 1 / -0.0 is -inf
    if not np.all((rate >= 0.0) & (rate <= MOST_EVENTS)):
        raise InputError(
            f"{rate.min():g} to {rate.max():g} events in a step are refused; allowed: 0 to {MOST_EVENTS:g}"
        )
    with np.errstate(divide="ignore"):
        interval = 1.0 / rate
    return Trains(
        np.asarray(key, np.uint64),
        np.asarray(neuron, np.uint64),
        np.array([stream_word(name) for name in streams], np.uint64),
        interval,
        np.zeros(rate.size),
        np.zeros(rate.size, np.int64),
        np.empty(rate.size * BATCH),
    )


@compiled
def draw_waits(waits, key, batch, neuron, stream):
    """Write a batch of unit exponential intervals to `waits`, shape (BATCH,)."""
    mask = np.uint64(0xFFFFFFFF)
    k0, k1 = key & mask, key >> np.uint64(32)
    first = np.uint64(batch) * np.uint64(_HALF)
    for i in range(_HALF):
        n = first + np.uint64(i)
        w0, w1, w2, w3 = philox4x32(n & mask, n >> np.uint64(32), neuron, stream, k0, k1)
        waits[i] = uniform(w0, w1)
        waits[_HALF + i] = uniform(w2, w3)
    for i in range(BATCH):  # a loop of its own: together LLVM vectorises neither
        waits[i] = -log(waits[i])


@compiled
def fill(trains, kicks, n, first):
    """Write the number of events of each train at samples first .. first + n - 1 to `kicks`."""
    n_streams = trains.stream.size
    last = np.float64(first + n - 1)
    kicks[: n * n_streams * LANES] = 0.0
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            t = trains.next_event[j]
            drawn = trains.drawn[j]
            interval = trains.interval[j]
            waits = trains.waits[j * BATCH : (j + 1) * BATCH]
            while t <= last:
                if t > 0.0:  # at 0 the train only starts
                    # unsigned: numba then does not ask whether an index counts from the end
                    sample = np.uint64(np.int64(np.ceil(t - first)))
                    kicks[sample * np.uint64(n_streams * LANES) + np.uint64(j)] += 1.0
                place = np.uint64(drawn) % np.uint64(BATCH)
                if place == 0:
                    batch = drawn // BATCH
                    draw_waits(waits, trains.key[lane], batch, trains.neuron[lane], trains.stream[k])
                t += waits[place] * interval
                drawn += 1
            trains.next_event[j] = t
            trains.drawn[j] = drawn


def trains_of(
    events_per_step: Mapping[str, NDArray[np.float64]],
    keys: NDArray[np.uint64],
    neurons: NDArray[np.int64],
    streams: tuple[str, ...],
) -> Iterator[Trains]:
    """Yield the trains of each group of lanes; those of no cell are silent.

    `keys` and `neurons` (shape (n,)) name each cell's random numbers; `events_per_step`, by stream, has the
    shape (n,).
    """
    n = len(keys)
    rates = np.zeros((len(streams), group_count(n) * LANES))
    for k, name in enumerate(streams):
        rates[k, :n] = events_per_step[name]
    by_group = rates.reshape(len(streams), -1, LANES).swapaxes(0, 1)
    for key, neuron, rate in zip(in_lanes(keys, n), in_lanes(neurons, n), by_group, strict=True):
        yield make_trains(key, neuron, streams, rate)
