"""Measures of a network's activity, taken while it runs: no spike is kept.

A network delivers its spikes in chunks, in the order of time. `tally` counts them; everything that is kept is
an integer, so the measures do not depend on how the spikes were cut into chunks. A spike of step s has the
time s dt, the end of its step: bin k holds the steps k bin_steps < s <= (k + 1) bin_steps, and what is
discarded are the steps up to n_discard.

Variances are of all intervals, cells or bins that there are, divided by their number, as Elephant does.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept
from spikesweep.units import PER_MS

Array = NDArray[np.float64]


class Tally(NamedTuple):
    """What is kept of the spikes of a network, and how they are counted."""

    population: NDArray[np.int32]  #: number of the population of each neuron
    n_discard: int  #: first steps whose spikes count in `binned` and `last` alone
    bin_steps: int  #: steps of a time bin
    spikes: NDArray[np.int64]  #: spikes of each neuron after n_discard
    first: NDArray[np.int64]  #: step of its first spike after n_discard
    last: NDArray[np.int64]  #: step of its last spike of all, 0 where it has none
    squares: NDArray[np.int64]  #: sum of its squared intervals (steps) after n_discard, below 2^62
    binned: NDArray[np.int64]  #: spikes in time bins of the whole run, shape (populations, bins)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return the number of neurons of each population."""
        return np.bincount(self.population, minlength=len(self.binned)).astype(np.int64)


def no_spikes(
    population: NDArray[Any], n_populations: int, n_steps: int, n_discard: int, bin_steps: int
) -> Tally:
    """Return the tally of a network before its first step; `population` has the number of each neuron's."""
    spikes, first, last, squares = np.zeros((4, len(population)), np.int64)
    binned = np.zeros((n_populations, -(-n_steps // bin_steps)), np.int64)
    numbers = np.ascontiguousarray(population, np.int32)
    return Tally(numbers, n_discard, bin_steps, spikes, first, last, squares, binned)


@kept
def tally(t, neuron, step, n):
    """Count the first `n` spikes of a chunk: `step` 1 .. n_steps of each, never falling, and `neuron`."""
    if n == 0:
        return
    time_bin = (step[0] - 1) // t.bin_steps
    end = (time_bin + 1) * t.bin_steps  # the last step of the bin
    for k in range(n):
        i, s = neuron[k], np.int64(step[k])
        while s > end:
            time_bin += 1
            end += t.bin_steps
        t.binned[t.population[i], time_bin] += 1
        if s > t.n_discard:
            if t.spikes[i] == 0:
                t.first[i] = s
            else:
                interval = s - t.last[i]
                t.squares[i] += interval * interval
            t.spikes[i] += 1
        t.last[i] = s


def rates(t: Tally, n_steps: int, dt: float) -> Array:
    """Return the rate (Hz) of each neuron from n_discard to n_steps (of dt ms); NaN where that is nothing."""
    seconds = (n_steps - t.n_discard) * dt * PER_MS
    return t.spikes / seconds if seconds > 0.0 else np.full(len(t.spikes), np.nan)


def over_cells(t: Tally, values: Array) -> tuple[Array, Array]:
    """Return mean and SD of a value of each neuron over each population; NaN are left out."""
    there = ~np.isnan(values)
    own, values, n = t.population[there], values[there], len(t.binned)
    number = np.bincount(own, minlength=n)
    with np.errstate(invalid="ignore"):
        mean: Array = np.bincount(own, values, n) / number
        sd: Array = np.sqrt(np.bincount(own, (values - mean[own]) ** 2, n) / number)
    return mean, sd


def interval_cv(t: Tally) -> Array:
    """Return the coefficient of variation of each neuron's intervals, NaN below two intervals.

    Softky and Koch 1993, doi:10.1523/JNEUROSCI.13-01-00334.1993. Squared distances are summed exactly, as
    integers, from the mean interval rounded down: a regular train has 0.
    """
    found = np.full(len(t.spikes), np.nan)
    enough = t.spikes >= 3  # spikes: two intervals
    n, total = t.spikes[enough] - 1, (t.last - t.first)[enough]
    near = total // n
    distances = t.squares[enough] - 2 * near * total + n * near * near
    rest = (total - n * near) / n  # from there to the mean itself
    variance = np.maximum(distances / n - rest * rest, 0.0)
    found[enough] = np.sqrt(variance) / (total / n)
    return found


def _whole_bins(t: Tally, n_steps: int) -> slice:
    """Return the bins that lie wholly between n_discard and n_steps."""
    return slice(-(-t.n_discard // t.bin_steps), n_steps // t.bin_steps)


def synchrony(t: Tally, n_steps: int) -> Array:
    """Return variance over mean of each population's spikes in the whole bins after n_discard.

    1 for independent Poisson cells, more where cells spike together: Kumar, Schrader, Aertsen and Rotter
    2008, doi:10.1162/neco.2008.20.1.1. NaN without spikes or below two bins.
    """
    counts = t.binned[:, _whole_bins(t, n_steps)]
    if counts.shape[1] < 2:
        return np.full(len(counts), np.nan)
    mean = counts.mean(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(counts.var(axis=1) / mean, np.float64)


def last_spike(t: Tally, dt: float) -> Array:
    """Return the time (ms) of the last spike of each population, discarded or not; NaN without any."""
    latest = np.zeros(len(t.binned), np.int64)
    np.maximum.at(latest, t.population, t.last)
    return np.where(latest > 0, latest * dt, np.nan)


def population_rates(t: Tally, n_steps: int, dt: float) -> Array:
    """Return the rate (Hz a cell) of each population in each time bin, shape (populations, bins).

    A bin that a network has not reached at n_steps, or a population without cells, has NaN; one that it has
    reached in part is divided by that part.
    """
    begin = np.arange(t.binned.shape[1]) * t.bin_steps
    width = np.clip(n_steps - begin, 0, t.bin_steps) * dt * PER_MS
    with np.errstate(invalid="ignore"):
        return np.asarray(t.binned / (t.sizes[:, np.newaxis] * width), np.float64)


def frequencies(segment: int, bin_steps: int, dt: float) -> Array:
    """Return the frequencies (Hz) of `spectrum`."""
    return np.asarray(np.fft.rfftfreq(segment, bin_steps * dt * PER_MS), np.float64)


def spectrum(t: Tally, n_steps: int, dt: float, segment: int) -> Array:
    """Return the power (Hz^2/Hz, one-sided) of the rate of each population, shape (populations, frequencies).

    Welch's method over the whole bins after n_discard: segments of `segment` bins that overlap by half, Hann
    window, their means removed. Independent Poisson cells have twice the rate over their number. NaN where
    there is no whole segment.
    """
    inside = _whole_bins(t, n_steps)
    rate = population_rates(t, n_steps, dt)[:, inside]
    if rate.shape[1] < segment:
        return np.full((len(rate), segment // 2 + 1), np.nan)
    _, power = scipy.signal.welch(rate, 1.0 / (t.bin_steps * dt * PER_MS), nperseg=segment)
    return np.asarray(power, np.float64)
