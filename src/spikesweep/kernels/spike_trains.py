"""When cells spiked: a bit a step and lane while they run, steps afterwards."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.driver import LANES, Clock, Component
from spikesweep.kernels.jit import compiled
from spikesweep.kernels.lanes import group_count, run_lanes
from spikesweep.ragged import Ragged

_SPIKED = ((0, "spiked"),)


@compiled
def note_trains(words, spiked, n, first):
    """Write the lanes that spiked in steps first .. first + n - 1 to the bits of `words`, shape (steps,)."""
    bits = spiked.view(np.int64)
    for s in range(n):
        any_lane = np.int64(0)
        for lane in range(LANES):  # in most steps none: vector code sees that at once
            any_lane |= bits[s * LANES + lane]
        word = np.int64(0)
        if any_lane != 0:
            for lane in range(LANES):
                if spiked[s * LANES + lane] != 0.0:
                    word |= np.int64(1) << np.int64(lane)
        words[first + s] = word


def spike_trains(
    neuron: Component,
    synapses: Mapping[str, Component],
    fill_inputs: Callable[..., None],
    trains_of: Callable[[int], Any],
    n: int,
    clock: Clock,
    n_steps: int,
) -> tuple[Ragged, NDArray[np.bool_]]:
    """Return the steps at which each of `n` cells spiked, and whether its potential is finite at the end.

    The arguments are those of `inputs.poisson.count_spikes`; so are the spikes.
    """
    groups = group_count(n)
    words = [np.zeros(n_steps, np.int64) for _ in range(groups)]
    kicked = (fill_inputs, [trains_of(g) for g in range(groups)])
    inputs = list(synapses.values())
    counts = run_lanes(neuron, inputs, clock, n, n_steps, kicked, (note_trains, words), _SPIKED)
    steps, lanes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for g, word in enumerate(words):
        busy = np.flatnonzero(word)
        lane, step = np.nonzero((word[busy] >> np.arange(LANES)[:, np.newaxis]) & 1)
        own = g * LANES + lane < n  # the last group is padded
        steps.append(busy[step[own]])
        lanes.append(g * LANES + lane[own])
    sizes = np.bincount(np.concatenate(lanes), minlength=n).astype(np.int64)
    return Ragged(np.concatenate(steps), sizes), np.isfinite(counts)
