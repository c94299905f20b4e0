"""Runs independent cells in their lanes, whatever drives them and whatever is kept of what they do.

The loop is compiled as a whole, so that threads meet the interpreter's lock once a call, not once a
time block.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, Clock, Component, Trace, aligned, driver_for, initial_state
from spikesweep.kernels.compile.jit import compiled, kept

#: Steps of a time block; no number depends on it. Long enough that a train has events in most blocks,
#: short enough that kicks and traces stay in the second cache.
BLOCK = 192
#: A call of the compiled loop returns after about a second at most, so that a block can be stopped.
STEPS_PER_CALL = 4_000_000


@compiled
def nothing(_, rows, n, first):
    """Kick nothing, or keep nothing."""


@compiled
def kick_all_alike(samples, kicks, n, first):
    """Kick every lane with the same `samples`, shape (inputs, steps)."""
    n_inputs = samples.shape[0]
    for s in range(n):
        for k in range(n_inputs):
            for lane in range(LANES):
                kicks[(s * n_inputs + k) * LANES + lane] = samples[k, first + s]


@cache
def lanes_loop(fill: Callable[..., None], advance: Any, collect: Callable[..., None]) -> Any:
    """Return the compiled loop over time blocks of a driver between what kicks and what keeps."""

    def loop(state, source, kicks, sink, traced, first, n_steps, tick):
        end = first + n_steps
        for start in range(first, end, BLOCK):
            n = min(BLOCK, end - start)
            fill(source, kicks, n, start)
            advance(state, kicks, traced, n, start, tick)
            collect(sink, traced, n, start)

    return kept(loop, fill, advance, collect)


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
    kicked: tuple[Callable[..., None], Iterable[Any]],
    kept: tuple[Callable[..., None], Iterable[Any]] | None = None,
    trace: Trace = (),
    n_discard: int = 0,
) -> NDArray[np.float64]:
    """Return the spike counts of n independent cells, shape (n,), in steps from `n_discard` on.

    A cell whose potential is not finite at the end counts NaN: NaN and infinity never recover.

    `kicked` is a compiled function and what it reads for each group of LANES cells: called as
    (source, kicks, n, first), it writes the kicks at the samples first .. first + n - 1, flat of shape
    (n, inputs, LANES). `kept` is a compiled function and where it writes for each group: called as
    (sink, traced, n, first), it reads what `trace` names in the same steps, flat of shape
    (n, rows, LANES), from the first step of all on. Parameters may be arrays of shape (n,).
    """
    driver = driver_for(neuron, inputs, trace=trace)
    groups = group_count(n)
    (fill, sources), (collect, sinks) = kicked, kept or (nothing, [()] * groups)
    loop = lanes_loop(fill, driver.advance, collect)
    parts = [padded(part, n) for part in (neuron, *inputs)]
    state = initial_state(driver, parts[0], parts[1:], clock, groups)
    kicks = aligned(BLOCK * len(inputs) * LANES)
    traced = aligned(BLOCK * len(trace) * LANES)
    for rows, source, sink in zip(state, sources, sinks, strict=True):
        flat = rows.reshape(-1)
        for begin, end in ((0, n_discard), (n_discard, n_steps)):
            rows[driver.layout.spikes] = 0.0
            for first in range(begin, end, STEPS_PER_CALL):
                m = min(STEPS_PER_CALL, end - first)
                loop(flat, source, kicks, sink, traced, first, m, clock.tick)
    counts = state[:, driver.layout.spikes].reshape(-1)[:n]
    return np.where(np.isfinite(state[:, 0].reshape(-1)[:n]), counts, np.nan)
