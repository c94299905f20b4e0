"""Poisson events for many lanes: exact event times, drawn in batches, a few nanoseconds an event.

The intervals of a train are -log(u) / rate with u from Philox under the lane's key and the counter
(batch and place in it, neuron, stream): a train depends on its labels alone. An event inside
(t[i-1], t[i]] counts at sample i, none at sample 0.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.driver import LANES, Clock, Component, driver_for, initial_state
from spikesweep.kernels.jit import compiled, kept
from spikesweep.kernels.lanes import BLOCK, STEPS_PER_CALL, padded
from spikesweep.kernels.philox import philox4x32, stream_word, uniform
from spikesweep.kernels.vector_math import log

#: Intervals drawn at once. Another batch is another train: it decides which word becomes which interval.
BATCH = 64
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

    `key` and `neuron` have shape (LANES,), `events_per_step` (K, LANES) for the K `streams`.
    """
    rate = np.asarray(events_per_step, np.float64).ravel()
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
def fill(inputs, trains, n, first):
    """Write the number of events of each train at samples first .. first + n - 1 to `inputs`."""
    n_streams = trains.stream.size
    last = first + n - 1
    for i in range(n * n_streams * LANES):
        inputs[i] = 0.0
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            t = trains.next_event[j]
            drawn = trains.drawn[j]
            interval = trains.interval[j]
            while t <= last:
                if t > 0.0:  # at 0 the train only starts
                    sample = np.int64(t)
                    sample += 1 if t > sample else 0
                    inputs[((sample - first) * n_streams + k) * LANES + lane] += 1.0
                place = drawn % BATCH
                if place == 0:
                    draw_waits(
                        trains.waits[j * BATCH : (j + 1) * BATCH],
                        trains.key[lane],
                        drawn // BATCH,
                        trains.neuron[lane],
                        trains.stream[k],
                    )
                t += trains.waits[j * BATCH + place] * interval
                drawn += 1
            trains.next_event[j] = t
            trains.drawn[j] = drawn


@cache
def event_loop(advance: Any, fill_inputs: Any) -> Any:
    """Return the compiled loop (state, trains, inputs, trace, first, n_steps, tick) over time blocks."""

    def loop(state, trains, inputs, trace, first, n_steps, tick):
        end = first + n_steps
        for start in range(first, end, BLOCK):
            n = min(BLOCK, end - start)
            fill_inputs(inputs, trains, n, start)
            advance(state, inputs, trace, n, start, tick)

    return kept(loop, advance, fill_inputs)


def spike_counts(
    neuron: Component,
    synapses: Mapping[str, Component],
    events_per_step: Mapping[str, NDArray[np.float64]],
    keys: NDArray[np.uint64],
    neurons: NDArray[np.int64],
    clock: Clock,
    n_steps: int,
    n_discard: int = 0,
) -> NDArray[np.float64]:
    """Count the spikes of independent cells under Poisson events, shape (n,), in steps from n_discard on.

    `keys` and `neurons` (shape (n,)) name each cell's random numbers; `synapses` and `events_per_step`
    have the same keys, which name the streams. Parameters may be arrays of shape (n,). A cell whose
    potential is not finite at the end counts NaN: NaN and infinity never recover.
    """
    n = len(keys)
    groups = -(-n // LANES)
    rates = np.zeros((len(synapses), groups * LANES))
    for k, name in enumerate(synapses):
        rates[k, :n] = events_per_step[name]
    keys = np.resize(keys, groups * LANES).reshape(groups, LANES)
    neurons = np.resize(neurons, groups * LANES).reshape(groups, LANES)

    def trains(g: int) -> Trains:
        lanes = slice(g * LANES, (g + 1) * LANES)
        return make_trains(keys[g], neurons[g], tuple(synapses), rates[:, lanes])

    return count_spikes(neuron, synapses, fill, trains, n, clock, n_steps, n_discard)


def count_spikes(
    neuron: Component,
    synapses: Mapping[str, Component],
    fill_inputs: Any,
    trains_of: Callable[[int], Any],
    n: int,
    clock: Clock,
    n_steps: int,
    n_discard: int = 0,
) -> NDArray[np.float64]:
    """Count the spikes of `n` cells, as `spike_counts`, under events that a compiled function writes.

    `fill_inputs(inputs, trains, n, first)` is like `fill`; `trains_of` returns those of a group of lanes.
    """
    groups = -(-n // LANES)
    driver = driver_for(neuron, tuple(synapses.values()))
    loop = event_loop(driver.advance, fill_inputs)
    parts = [padded(part, n) for part in (neuron, *synapses.values())]
    state = initial_state(driver, parts[0], parts[1:], clock, groups)
    inputs = np.empty(BLOCK * len(synapses) * LANES)
    trace = np.empty(0)
    for g in range(groups):
        rows = state[g].reshape(-1)
        trains = trains_of(g)
        loop(rows, trains, inputs, trace, 0, n_discard, clock.tick)
        state[g, driver.layout.spikes] = 0.0
        for first in range(n_discard, n_steps, STEPS_PER_CALL):
            loop(rows, trains, inputs, trace, first, min(STEPS_PER_CALL, n_steps - first), clock.tick)
    counts = state[:, driver.layout.spikes].reshape(-1)[:n]
    potential = state[:, 0].reshape(-1)[:n]
    return np.where(np.isfinite(potential), counts, np.nan)
