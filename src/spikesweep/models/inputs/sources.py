"""Events of n equal sources that reach a cell together, as a number at each sample.

`fill_random`: each source has an event in a step with the probability rate dt, on its own (Bernoulli), so
that the number in a step is binomial. The steps of all sources are one row of trials, of which a
geometric number is skipped from event to event: the cost is that of the events. `fill_regular`: one
train of equal intervals from time zero on, each event rounded down to a step.
An event of step i - 1 counts at sample i.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.random.philox import stream_word
from spikesweep.models.inputs.poisson import BATCH, draw_waits

#: A regular event this part of a step before a step belongs to it: it was meant to be at its start.
_EARLY = 1e-3


class Random(NamedTuple):
    """The state of K groups of sources a lane; flat arrays, index k * LANES + lane."""

    key: NDArray[np.uint64]  #: shape (LANES,)
    stream: NDArray[np.uint64]  #: shape (K,)
    sources: NDArray[np.float64]  #: how many
    per_trial: NDArray[np.float64]  #: unit exponential to trials without event, inf for silent sources
    trial: NDArray[np.float64]  #: of the next event: step * sources + source; -1 before the first
    drawn: NDArray[np.int64]  #: intervals used so far
    waits: NDArray[np.float64]  #: a batch of unit exponentials, shape (K * LANES * BATCH,)


class Regular(NamedTuple):
    """The state of K trains a lane; flat arrays, index k * LANES + lane."""

    events: NDArray[np.float64]  #: number of events in the run
    size: NDArray[np.float64]  #: what an event adds to the kicks
    steps: NDArray[np.float64]  #: number of steps of the run
    next_event: NDArray[np.int64]  #: events so far


def random_sources(key: Any, streams: tuple[str, ...], sources: Any, probability: Any) -> Random:
    """Return sources before their first event; `sources` and `probability` have shape (K, LANES)."""
    sources = np.ascontiguousarray(sources, np.float64).ravel()
    with np.errstate(divide="ignore"):
        per_trial = -1.0 / np.log1p(-np.asarray(probability, np.float64).ravel())
    return Random(
        np.asarray(key, np.uint64),
        np.array([stream_word(name) for name in streams], np.uint64),
        sources,
        per_trial,
        np.full(sources.size, -1.0),
        np.zeros(sources.size, np.int64),
        np.empty(sources.size * BATCH),
    )


def regular_trains(events: Any, size: Any, n_steps: int) -> Regular:
    """Return trains before their first event; `events` in the run and `size` have shape (K, LANES)."""
    events = np.ascontiguousarray(events, np.float64).ravel()
    size = np.ascontiguousarray(size, np.float64).ravel()
    return Regular(events, size, np.full(events.size, float(n_steps)), np.zeros(events.size, np.int64))


@compiled
def fill_random(r, kicks, n, first):
    """Write the number of events at samples first .. first + n - 1 to `kicks`."""
    n_streams = r.stream.size
    for i in range(n * n_streams * LANES):
        kicks[i] = 0.0
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            end = (first + n - 1) * r.sources[j]
            trial = r.trial[j]
            while trial < end:
                if trial >= 0.0:
                    # of a number of sources that is not whole the division may round to a neighbour
                    sample = min(max(np.int64(trial / r.sources[j]) + 1, first), first + n - 1)
                    kicks[((sample - first) * n_streams + k) * LANES + lane] += 1.0
                place = r.drawn[j] % BATCH
                waits = r.waits[j * BATCH : (j + 1) * BATCH]
                if place == 0:
                    draw_waits(waits, r.key[lane], r.drawn[j] // BATCH, np.uint64(0), r.stream[k])
                trial += np.floor(waits[place] * r.per_trial[j]) + 1.0
                r.drawn[j] += 1
            r.trial[j] = trial


@compiled
def fill_regular(r, kicks, n, first):
    """Write the sizes of the events at samples first .. first + n - 1 to `kicks`."""
    n_streams = r.events.size // LANES
    for i in range(n * n_streams * LANES):
        kicks[i] = 0.0
    for k in range(n_streams):
        for lane in range(LANES):
            j = k * LANES + lane
            while r.next_event[j] < r.events[j]:
                sample = np.int64(r.next_event[j] * r.steps[j] / r.events[j] + _EARLY) + 1
                if sample >= first + n:
                    break
                kicks[((sample - first) * n_streams + k) * LANES + lane] += r.size[j]
                r.next_event[j] += 1
