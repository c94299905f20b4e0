"""When cells spiked: a bit a step and lane while they run, steps afterwards."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.ragged import Ragged
from spikesweep.kernels.cells.driver import LANES, Clock, Component
from spikesweep.kernels.cells.lanes import group_count, run_lanes
from spikesweep.kernels.compile.jit import compiled

_SPIKED = ((0, "spiked"),)


@compiled
def _any_spiked(spiked, s):
    """Return whether any lane spiked in step s of a traced row; mostly none did, which vector code sees."""
    row = spiked[s * LANES : (s + 1) * LANES].view(np.int64)
    bits = np.int64(0)
    for lane in range(LANES):
        bits |= row[lane]
    return bits != 0


@compiled
def note_trains(words, spiked, n, first):
    """Write the lanes that spiked in steps first .. first + n - 1 to the bits of `words`, shape (steps,)."""
    for s in range(n):
        word = np.int64(0)
        if _any_spiked(spiked, s):
            for lane in range(LANES):
                if spiked[s * LANES + lane] != 0.0:
                    word |= np.int64(1) << np.int64(lane)
        words[first + s] = word


def spike_trains(
    neuron: Component,
    inputs: Sequence[Component],
    clock: Clock,
    n: int,
    n_steps: int,
    kicked: tuple[Callable[..., None], Iterable[Any]],
    n_discard: int = 0,
) -> tuple[NDArray[np.float64], Ragged]:
    """Return the spike counts of `run_lanes`, which has the same arguments, and the steps of each spike."""
    steps, cells = [np.empty(0, np.int64)], [np.empty(0, np.int64)]

    def sinks() -> Iterator[NDArray[np.int64]]:
        for first in range(0, group_count(n) * LANES, LANES):
            words = np.zeros(n_steps, np.int64)
            yield words
            busy = n_discard + np.flatnonzero(words[n_discard:])  # here the group has run
            lane, step = np.nonzero((words[busy] >> np.arange(LANES)[:, np.newaxis]) & 1)
            own = first + lane < n  # the last group is padded
            steps.append(busy[step[own]])
            cells.append(first + lane[own])

    kept = (note_trains, sinks())
    counts = run_lanes(neuron, inputs, clock, n, n_steps, kicked, kept, _SPIKED, n_discard)
    sizes = np.bincount(np.concatenate(cells), minlength=n).astype(np.int64)
    return counts, Ragged(np.concatenate(steps), sizes)
