"""Spectra of the segments of summed spike trains, built up cell by cell: Welch's method without an FFT a sum.

A rate is the sum over spikes of one smooth bump, and all of Welch's steps (segments, their means removed,
Hann window, Fourier transform) are linear. So a spike adds to the spectrum of a segment a row of a table that
depends only on where in the segment it stands, and a population that gets another cell keeps the sums of
the others. What comes out is what `scipy.signal` gives, up to rounding. Welch 1967,
doi:10.1109/TAU.1967.1161901.

Complex numbers are pairs (real, imaginary) of an array's last dimension.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept
from spikesweep.kernels.compile.vector_math import log

_PER_LN2 = 1.0 / np.log(2.0)


class Trains(NamedTuple):
    """Spikes of several cells; those of cell i are steps[offsets[i] : offsets[i + 1]]."""

    steps: NDArray[np.int64]  #: number of the step at whose end the spike is, from 1 on
    offsets: NDArray[np.int64]  #: shape (cells + 1,)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of spikes of each cell."""
        return np.diff(self.offsets)

    def of(self, cell: int) -> NDArray[np.int64]:
        """Return the spikes of one cell."""
        return self.steps[self.offsets[cell] : self.offsets[cell + 1]]

    @classmethod
    def of_sizes(cls, steps: NDArray[Any], sizes: NDArray[np.int64]) -> "Trains":
        """Return trains of so many spikes each, given one after the other."""
        return cls(np.asarray(steps, np.int64), np.concatenate([[0], np.cumsum(sizes)]))


class Welch(NamedTuple):
    """Segments that overlap by half, and what a spike anywhere adds to the chosen bins of one."""

    n: int  #: samples of the trial
    nperseg: int  #: samples of a segment
    hop: int  #: samples from the start of one segment to that of the next
    reach: int  #: samples from a spike to the end of its bump
    bins: NDArray[np.int64]  #: numbers of the frequency bins
    table: NDArray[np.float64]  #: shape (nperseg + 2 reach, 2 bins); row i is of a spike at i - reach

    @property
    def segments(self) -> int:
        """Return how many segments the trial has."""
        return 1 + (self.n - self.nperseg) // self.hop


def welch(n: int, nperseg: int, bins: NDArray[np.int64], bump: NDArray[np.float64]) -> Welch:
    """Return the segments of n samples; `bump` is what a spike adds to the rate around it, of odd length."""
    reach = len(bump) // 2
    angle = -2.0 * np.pi * (np.outer(np.arange(nperseg), bins) % nperseg) / nperseg
    window = scipy.signal.get_window("hann", nperseg)[:, np.newaxis]
    waves = window * np.exp(1j * angle)
    waves -= waves.mean(axis=0)  # what removing the mean of a segment takes away
    rows = scipy.signal.fftconvolve(waves, bump[:, np.newaxis], mode="full", axes=0)
    table = np.ascontiguousarray(rows).view(np.float64)
    return Welch(n, nperseg, nperseg - nperseg // 2, reach, bins, table)


def segment_spectra(w: Welch, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the spectra of the segments of a sampled signal, shape (segments, 2 bins)."""
    starts = w.hop * np.arange(w.segments)
    parts = samples[starts[:, np.newaxis] + np.arange(w.nperseg)]
    parts = parts - parts.mean(axis=1, keepdims=True)
    spectra = np.fft.rfft(parts * scipy.signal.get_window("hann", w.nperseg), axis=1)[:, w.bins]
    return np.ascontiguousarray(spectra).view(np.float64)


@kept
def _add_train(sums, w, steps, shift, sign):
    """Add the spikes of a train, `shift` samples late, `sign` each, to the spectra of the segments."""
    n_segments, columns = sums.shape
    for step in steps:
        at = step + shift
        if at < 0 or at >= w.n:
            continue
        # segments that hold any of the bump: start - reach <= at < start + nperseg + reach
        last = min((at + w.reach) // w.hop, n_segments - 1)
        first = max(0, (at - w.reach - w.nperseg) // w.hop + 1)
        for m in range(first, last + 1):
            row = at - m * w.hop + w.reach
            for k in range(columns):
                sums[m, k] += sign * w.table[row, k]


def nested_coherence(
    w: Welch, trains: Trains, order: Any, shifts: Any, sizes: Any, stimuli: Any, signs: Any = None
) -> NDArray[np.float64]:
    """Return the squared coherence of each stimulus and the growing sum of some trains.

    `order` are cells of `trains`, `shifts` the samples by which their spikes are late, `sizes` (rising) after
    how many cells to look, `stimuli` of shape (stimuli, segments, 2 bins), `signs` what a spike of each cell
    counts, 1 where not given. Shape (stimuli, sizes, bins). Spikes beyond either end of the trial are left
    out.
    """
    each = _each(trains, signs)
    return np.asarray(_nested_coherence(w, trains, order, shifts, sizes, stimuli, each))


def sum_coherence(
    w: Welch, trains: Trains, order: Any, shifts: Any, size: int, stimuli: Any, signs: Any = None
) -> NDArray[np.float64]:
    """Return what `nested_coherence` does for one size, shape (stimuli, 1, bins), up to rounding.

    The spikes are counted first; then each row of the table is read once for all segments, which for many
    cells is several times faster than a row a spike.
    """
    return np.asarray(_sum_coherence(w, trains, order, shifts, size, stimuli, _each(trains, signs)))


def pool_coherence(w: Welch, trains: Trains, stimulus: Any, signs: Any = None) -> NDArray[np.float64]:
    """Return the squared coherence of a stimulus and one train, shape (bins,), from all trains together.

    The spectra are averaged over segments and trains, so the bias of few segments is that of all of them.
    """
    return np.asarray(_pool_coherence(w, trains, stimulus, _each(trains, signs)))


def _each(trains: Trains, signs: Any) -> NDArray[np.float64]:
    return np.ones(len(trains.offsets) - 1) if signs is None else np.asarray(signs, np.float64)


@kept
def _nested_coherence(w, trains, order, shifts, sizes, stimuli, signs):
    n_segments, n_bins = 1 + (w.n - w.nperseg) // w.hop, len(w.bins)
    sums = np.zeros((n_segments, 2 * n_bins))
    out = np.empty((len(stimuli), len(sizes), n_bins))
    done = 0
    for place in range(sizes[-1]):
        cell = order[place]
        steps = trains.steps[trains.offsets[cell] : trains.offsets[cell + 1]]
        _add_train(sums, w, steps, shifts[place], signs[cell])
        while done < len(sizes) and sizes[done] == place + 1:
            for s in range(len(stimuli)):
                for k in range(n_bins):
                    out[s, done, k] = _coherence(stimuli[s], sums, k)
            done += 1
    return out


@kept
def _sum_coherence(w, trains, order, shifts, size, stimuli, signs):
    n_segments, columns = 1 + (w.n - w.nperseg) // w.hop, 2 * len(w.bins)
    n_chunks = -(-(w.n + w.reach) // w.hop) + 1
    counts = np.zeros(n_chunks * w.hop)
    for place in range(size):
        cell = order[place]
        for i in range(trains.offsets[cell], trains.offsets[cell + 1]):
            at = trains.steps[i] + shifts[place]
            if 0 <= at < w.n:
                counts[at] += signs[order[place]]
    by_place = counts.reshape(n_chunks, w.hop).T.copy()  # what all segments have at one place lies together
    sums = np.zeros((n_segments, columns))
    for row in range(len(w.table)):
        place, chunk = (row - w.reach) % w.hop, (row - w.reach) // w.hop
        values, here = w.table[row], by_place[place]
        for m in range(max(0, -chunk), min(n_segments, n_chunks - chunk)):
            count = here[m + chunk]
            if count != 0.0:
                of_segment = sums[m]
                for k in range(columns):
                    of_segment[k] += count * values[k]
    out = np.empty((len(stimuli), 1, len(w.bins)))
    for s in range(len(stimuli)):
        for k in range(len(w.bins)):
            out[s, 0, k] = _coherence(stimuli[s], sums, k)
    return out


@kept
def _pool_coherence(w, trains, stimulus, signs):
    n_segments, n_bins = stimulus.shape[0], len(w.bins)
    n_trains = len(trains.offsets) - 1
    each = np.zeros((n_trains * n_segments, 2 * n_bins))
    for i in range(n_trains):
        sums = each[i * n_segments : (i + 1) * n_segments]
        _add_train(sums, w, trains.steps[trains.offsets[i] : trains.offsets[i + 1]], 0, signs[i])
    out = np.empty(n_bins)
    repeated = np.empty_like(each)
    for i in range(n_trains):
        repeated[i * n_segments : (i + 1) * n_segments] = stimulus
    for k in range(n_bins):
        out[k] = _coherence(repeated, each, k)
    return out


@kept
def _coherence(a, b, k):
    """Return the squared coherence of two signals in bin k from their segments' spectra."""
    real = imaginary = power_a = power_b = 0.0
    for m in range(len(a)):
        ar, ai, br, bi = a[m, 2 * k], a[m, 2 * k + 1], b[m, 2 * k], b[m, 2 * k + 1]
        real += ar * br + ai * bi
        imaginary += ar * bi - ai * br
        power_a += ar * ar + ai * ai
        power_b += br * br + bi * bi
    if power_a == 0.0 or power_b == 0.0:
        return 0.0
    return (real * real + imaginary * imaginary) / (power_a * power_b)


@kept
def information(coherence, df):
    """Return the information (bits/s) of squared coherences, shape (rows, bins), at bins df Hz apart."""
    out = np.zeros(len(coherence))
    for i in range(len(coherence)):
        for k in range(coherence.shape[1]):
            lost = 1.0 - coherence[i, k]
            out[i] += -df * log(lost) * _PER_LN2 if lost > 0.0 else np.inf
    return out
