"""Which inputs does a neuron have? A shuffle test of the spike-triggered average of its imaged potential.

For each input the signal is averaged over a window after each of its spikes (STA), and again for trains whose
intervals are shuffled. `n_larger` (K) of the shuffles have a larger statistic than the real train. After
Fiers' voltage-to-wiring-sim (code: tfiers/phd). Departures: p = (K + 1) / (n + 1), which is no limit and
never below what n shuffles can show, with K the shuffles that are as large or larger: those of a regular
train are all alike (`upstream`: max(K, 1) / n of the larger ones, so that K of 0 and 1 are one); and NaN
where no window fits.

The statistics: `height`, max - min of the STA, blind to its sign; `area`, the sum of STA - its first sample;
`template`, its correlation with the mean STA of the inputs that were found in a first pass by `height` and
have a positive area. Of these two the sign is that of the input, and the size is what is tested.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.statistics.spike_triggered import averages
from spikesweep.models.inputs.spike_trains import Shuffles, Trains

Array = NDArray[np.float64]
Statistic = Literal["height", "area", "template"]
PValue = Literal["corrected", "upstream"]

#: Spikes of shuffled trains in memory at a time.
_SPIKES = 4_000_000
#: Averages in memory at a time, and the most that `template` may keep, in numbers.
_AVERAGES, _KEPT_AVERAGES = 2**24, 2**28


class Settings(NamedTuple):
    """How connections are tested."""

    window: int  #: samples
    n_shuffles: int
    statistic: Statistic
    pvalue: PValue
    alpha: float  #: connected where p is at most this


class Found(NamedTuple):
    """What the test finds of each input; NaN, and -1, where it was not tested or no window fits."""

    sta: Array  #: shape (inputs, window)
    height: Array  #: of the STA
    shuffled_height: Array  #: shape (inputs, shuffles)
    n_larger: NDArray[np.int64]
    n_as_large: NDArray[np.int64]  #: or larger
    area: Array
    template_correlation: Array

    def p_value(self, settings: Settings, kind: PValue | None = None) -> Array:
        """Return the p-values, of the settings' kind or another one."""
        kind = kind or settings.pvalue
        counted = self.n_as_large if kind == "corrected" else self.n_larger
        p = p_values(counted, settings.n_shuffles, kind)
        return np.where(self.n_larger < 0, np.nan, p)


def p_values(n_larger: ArrayLike, n_shuffles: int, kind: PValue) -> Array:
    """Return the p-values of numbers of shuffles: as large or larger (corrected), or larger (upstream)."""
    k = np.asarray(n_larger, np.float64)
    return (k + 1.0) / (n_shuffles + 1.0) if kind == "corrected" else np.maximum(k, 1.0) / n_shuffles


def shuffle_test(
    signal: Array, trains: Trains, shuffles: Shuffles, settings: Settings, tested: NDArray[np.int64]
) -> Found:
    """Test the inputs of which `tested` are the numbers."""
    n, m, w = trains.n, settings.n_shuffles, settings.window
    blank = np.full(n, np.nan)
    found = Found(
        np.full((n, w), np.nan),
        blank.copy(),
        np.full((n, m), np.nan),
        np.full(n, -1),
        np.full(n, -1),
        blank.copy(),
        blank.copy(),
    )
    keep = settings.statistic == "template"
    if keep and len(tested) * (m + 1) * w > _KEPT_AVERAGES:
        raise InputError(
            f"protocol.statistic = 'template' keeps {len(tested)} x {m + 1} averages of {w} samples; "
            f"allowed: {_KEPT_AVERAGES} numbers in all, by fewer protocol.tested or n_shuffles, for example"
        )
    kept = []
    for batch in _batches(trains, tested, m, w):
        stas = batch_averages(signal, trains, shuffles, batch, m, w)
        _note(found, batch, stas, settings)
        if keep:
            kept.append(stas)
    if keep and kept:
        _second_pass(found, np.concatenate(kept), settings, tested)
    return found


def _batches(trains: Trains, tested: NDArray[np.int64], m: int, w: int) -> list[NDArray[np.int64]]:
    """Return the tested inputs in groups that fit in memory."""
    spikes = (trains.counts[tested] + 1) * (m + 1)
    cost = np.maximum(spikes.cumsum() / _SPIKES, np.arange(1, len(tested) + 1) * (m + 1) * w / _AVERAGES)
    return np.split(tested, np.flatnonzero(np.diff(cost.astype(np.int64))) + 1) if len(tested) else []


def batch_averages(
    signal: Array, trains: Trains, shuffles: Shuffles, batch: NDArray[np.int64], m: int, w: int
) -> Array:
    """Return the average of the real train, then of each shuffle, shape (batch, 1 + m, w)."""
    last = len(signal) - w  # the original leaves out a window that would end with the signal
    bins, counts = [], []
    for j in map(int, batch):
        real = trains.bins(j)
        real = real[real < last]
        shuffled, used = shuffles.bins(trains, j, m, last)
        bins += [real, *(row[:k] for row, k in zip(shuffled, used, strict=True))]
        counts += [len(real), *used]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return averages(signal, np.concatenate(bins), offsets, w).reshape(len(batch), m + 1, w)


def _note(found: Found, batch: NDArray[np.int64], stas: Array, settings: Settings) -> None:
    heights = stas.max(axis=2) - stas.min(axis=2)
    areas = (stas - stas[:, :, :1]).sum(axis=2)
    found.sta[batch] = stas[:, 0]
    found.height[batch] = heights[:, 0]
    found.shuffled_height[batch] = heights[:, 1:]
    found.area[batch] = areas[:, 0]
    _count(found, batch, areas if settings.statistic == "area" else heights)


def _count(found: Found, batch: NDArray[np.int64], values: Array) -> None:
    """Note how many shuffles are larger than the real train, which is first; -1 where that is NaN.

    A shuffle without a window counts against the connection.
    """
    size = np.abs(values)
    for counted, smaller in (
        (found.n_larger, size[:, 1:] <= size[:, :1]),
        (found.n_as_large, size[:, 1:] < size[:, :1]),
    ):
        counted[batch] = np.where(np.isnan(size[:, 0]), -1, (~smaller).sum(axis=1))


def _second_pass(found: Found, stas: Array, settings: Settings, tested: NDArray[np.int64]) -> None:
    first = found.p_value(settings)[tested] <= settings.alpha
    chosen = first & (found.area[tested] > 0.0)
    if not chosen.any():  # without a template no input is like it
        for counted in (found.n_larger, found.n_as_large):
            counted[tested] = np.where(counted[tested] < 0, -1, settings.n_shuffles)
        return
    r = correlation(stas, stas[chosen, 0].mean(axis=0))
    found.template_correlation[tested] = r[:, 0]
    _count(found, tested, r)


def correlation(stas: Array, template: Array) -> Array:
    """Return the correlation of averages, along the last axis, with a template."""
    x = stas - stas.mean(axis=-1, keepdims=True)
    y = template - template.mean()
    with np.errstate(invalid="ignore"):
        r: Array = (x @ y) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum())
    return r


def relative_height(found: Found) -> Array:
    """Return the height of each STA over the mean height of its shuffles."""
    with np.errstate(invalid="ignore"):
        ratio: Array = found.height / found.shuffled_height.mean(axis=1)
    return ratio


def sign(found: Found) -> NDArray[np.int8]:
    """Return +1 for an STA above its first sample on average, -1 below, 0 where there is none."""
    return np.nan_to_num(np.sign(found.area)).astype(np.int8)
