"""Runs independent cells in their lanes, whatever drives them and whatever is kept of what they do."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.core import ALONE, BLOCK, Code, core_loop, nothing, part_of
from spikesweep.kernels.cells.driver import (
    LANES,
    Clock,
    Component,
    Trace,
    driver_for,
    initial_state,
    is_array,
)
from spikesweep.kernels.cells.own_numbers import Named, give_keys
from spikesweep.kernels.compile.jit import compiled

#: A call of the compiled loop returns after milliseconds, and after seconds under as many events as are
#: allowed (poisson.MOST_EVENTS): signals are heard between calls, so that a block can be stopped.
STEPS_PER_CALL = 9600


class Drive(NamedTuple):
    """What kicks the inputs of cells."""

    fill: Callable[..., None]  #: compiled: see core.Code
    sources: Iterable[Any]  #: what it reads, for each group of LANES cells


class Recording(Protocol):
    """What is kept of a run of cells, and where it is found afterwards."""

    trace: Trace  #: what the driver writes at each step
    collect: Callable[..., None]  #: compiled: see core.Code

    def sinks(self, n: int, n_steps: int) -> Iterable[Any]:
        """Return where `collect` writes, for each group of n cells."""


class Counts:
    """Keeps nothing besides the number of spikes, which is always counted."""

    trace: Trace = ()
    collect = staticmethod(nothing)

    def sinks(self, n: int, n_steps: int) -> Iterable[Any]:
        """Return nothing for each group."""
        del n_steps
        return [()] * group_count(n)


@compiled
def kick_all_alike(samples, kicks, n, first):
    """Kick every lane with the same `samples`, shape (inputs, steps)."""
    n_inputs = samples.shape[0]
    for s in range(n):
        for k in range(n_inputs):
            for lane in range(LANES):
                kicks[(s * n_inputs + k) * LANES + lane] = samples[k, first + s]


def undriven(n: int) -> Drive:
    """Return the drive of n cells that nothing kicks."""
    return Drive(nothing, [()] * group_count(n))


def group_count(n: int) -> int:
    """Return how many groups of LANES hold n cells."""
    return -(-n // LANES)


def in_lanes(values: Any, n: int) -> NDArray[Any]:
    """Return a number, or one a cell, for every lane of the groups of n cells, shape (groups, LANES)."""
    values = np.broadcast_to(values, n)
    lanes = np.empty(group_count(n) * LANES, values.dtype)
    lanes[:n], lanes[n:] = values, values[-1]  # np.pad takes ten times as long
    return lanes.reshape(-1, LANES)


def padded(part: Any, n: int) -> Any:
    """Return a component whose arrays of parameters, of shape (n,), have one entry a lane."""
    arrays = {f: in_lanes(v, n).reshape(-1) for f, v in part._asdict().items() if is_array(v)}
    return part._replace(**arrays) if arrays else part


def run_lanes(
    neuron: Component,
    inputs: Sequence[Component],
    clock: Clock,
    n: int,
    n_steps: int,
    drive: Drive,
    recording: Recording | None = None,
    n_discard: int = 0,
    named: Named | None = None,
) -> NDArray[np.float64]:
    """Return the spike counts of n independent cells, shape (n,), in steps from `n_discard` on.

    A cell whose potential is not finite at the end counts NaN: NaN and infinity never recover. Parameters may
    be arrays of shape (n,). `recording` keeps more, of all steps. A neuron that draws numbers of its own
    needs what they are `named` by; raises InputError without.
    """
    recording = recording or Counts()
    driver = driver_for(neuron, inputs, trace=recording.trace)
    groups = group_count(n)
    loop = core_loop((Code(driver.advance, drive.fill, recording.collect),), ALONE)
    parts = [padded(part, n) for part in (neuron, *inputs)]
    state = initial_state(driver, parts[0], parts[1:], clock, groups)
    give_keys(state, neuron, named)
    room = part_of(state[:1, 0], (), (), len(inputs), len(recording.trace), BLOCK)
    for rows, source, sink in zip(state, drive.sources, recording.sinks(n, n_steps), strict=True):
        part = room._replace(state=rows.reshape(1, -1), source=source, sink=sink)
        for begin, end in ((0, n_discard), (n_discard, n_steps)):
            rows[driver.layout.spikes] = 0.0
            for first in range(begin, end, STEPS_PER_CALL):
                loop((), (part,), BLOCK, first, min(STEPS_PER_CALL, end - first), clock.tick)
    counts = state[:, driver.layout.spikes].reshape(-1)[:n]
    return np.where(np.isfinite(state[:, 0].reshape(-1)[:n]), counts, np.nan)
