"""Runs independent cells lane by lane, in time blocks, whatever drives them and whatever is recorded."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.driver import LANES, Clock, Component, Trace, driver_for, initial_state

#: Steps between two calls of `fill` and `collect`: rows and traces of a call stay in the cache.
STEPS = 512

#: Called with the group of lanes, an array and the first step in it.
Exchange = Callable[[int, NDArray[np.float64], int], None]


def group_count(n: int) -> int:
    """Return how many groups of LANES hold n cells."""
    return -(-n // LANES)


def in_lanes(values: Any, n: int) -> NDArray[Any]:
    """Return a number, or one a cell, for every lane of the groups of n cells, shape (groups, LANES)."""
    values = np.broadcast_to(values, n)
    return np.pad(values, (0, group_count(n) * LANES - n), "edge").reshape(-1, LANES)


def padded(part: Any, n: int) -> Any:
    """Return a component whose arrays of parameters, of shape (n,), have one entry a lane."""
    arrays = {f: in_lanes(v, n).reshape(-1) for f, v in part._asdict().items() if np.ndim(v)}
    return part._replace(**arrays)


def run_lanes(
    neuron: Component,
    inputs: Sequence[Component],
    clock: Clock,
    n: int,
    n_steps: int,
    fill: Exchange,
    collect: Exchange,
    trace: Trace,
) -> NDArray[np.float64]:
    """Return the spike counts of n independent cells, shape (n,); NaN where the potential is not finite.

    `fill(group, kicks, first)` writes what kicks the inputs at the samples from `first` on to `kicks`,
    shape (steps, inputs, LANES); `collect(group, traced, first)` reads what `trace` asks for, shape
    (steps, rows, LANES). Parameters may be arrays of shape (n,).
    """
    driver = driver_for(neuron, inputs, trace=trace)
    parts = [padded(part, n) for part in (neuron, *inputs)]
    state = initial_state(driver, parts[0], parts[1:], clock, group_count(n))
    kicks = np.zeros((STEPS, len(inputs), LANES))
    traced = np.zeros((STEPS, len(trace), LANES))
    for group, rows in enumerate(state):
        flat = rows.reshape(-1)
        for first in range(0, n_steps, STEPS):
            m = min(STEPS, n_steps - first)
            fill(group, kicks[:m], first)
            driver.advance(flat, kicks.reshape(-1), traced.reshape(-1), m, first, clock.tick)
            collect(group, traced[:m], first)
    counts = state[:, driver.layout.spikes].reshape(-1)[:n]
    return np.where(np.isfinite(state[:, 0].reshape(-1)[:n]), counts, np.nan)
