"""Summaries of a point's spikes and signals, ready for `summary=NAME`: each takes the results of one point.

They take what `protocol=spiking_network` gives: `spike_times`, `spike_neuron`, and the neurons with their
populations (`protocol.record_rates=true`). What is discarded (`ds.attrs["discard"]`, ms) does not count.
A result that has no value, as the correlation of silent cells, is NaN.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.units import PER_MS

if TYPE_CHECKING:
    import xarray as xr

_SPIKES = ("spike_times", "spike_neuron", "neuron_rate")
#: The functions, and what each needs of a protocol.
READY = {
    "rates": _SPIKES,
    "intervals": _SPIKES,
    "correlations": _SPIKES,
    "spectra": _SPIKES,
    "lfp": ("i_syn",),
}
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Windows in which spikes are counted (ms), and bins of the spectra.
_WINDOWS, _BIN = (10.0, 100.0), 1.0
#: Bins of a segment of the spectra, and the highest frequency that is kept (Hz).
_SEGMENT, _HIGHEST = 512, 200.0
#: Peaks below are trends (Hz).
_LOWEST = 3.0


def rates(ds: "xr.Dataset") -> "xr.Dataset":
    """Return the part of cells that spike, and quantiles of their rates (Hz), of each population."""
    trains = _Trains(ds)
    active = [np.mean(trains.counts[cells] > 0) for cells in trains.populations]
    each = [np.quantile(trains.counts[c] / trains.seconds, _QUANTILES) for c in trains.populations]
    return _dataset(
        {
            "active": (("population",), active, "1", "part of the cells that spike"),
            "rate_quantile": (("population", "quantile"), each, "Hz", "quantiles of the cells' rates"),
        },
        quantile=np.array(_QUANTILES),
    )


def intervals(ds: "xr.Dataset") -> "xr.Dataset":
    """Return means over cells of CV, CV2 and LV of the intervals between spikes, of each population."""
    trains = _Trains(ds)
    found = np.full((3, len(trains.populations)), np.nan)
    for k, cells in enumerate(trains.populations):
        each = [_irregularity(np.diff(times)) for times in trains.of(cells) if len(times) > 3]
        if each:
            found[:, k] = np.mean(each, axis=0)
    names = {
        "cv": "SD over mean",
        "cv2": "of neighbours (Holt et al. 1996)",
        "lv": "local (Shinomoto et al. 2003)",
    }
    return _dataset(
        {
            n: (("population",), found[i], "1", f"variation of intervals: {text}")
            for i, (n, text) in enumerate(names.items())
        }
    )


def correlations(ds: "xr.Dataset") -> "xr.Dataset":
    """Return the mean correlation of spike counts over all pairs of cells of a population, in two windows.

    By the variance of the sum of standardised counts. Cells without spikes have none.
    """
    trains = _Trains(ds)
    found = np.full((len(trains.populations), len(_WINDOWS)), np.nan)
    for k, cells in enumerate(trains.populations):
        for j, window in enumerate(_WINDOWS):
            found[k, j] = _mean_correlation(trains.binned(cells, window))
    text = "mean correlation of spike counts over pairs"
    return _dataset({"correlation": (("population", "window"), found, "1", text)}, window=np.array(_WINDOWS))


def spectra(ds: "xr.Dataset") -> "xr.Dataset":
    """Return the power of each population's rate (Hz2/Hz) up to 200 Hz, and the frequency of its peak."""
    trains = _Trains(ds)
    powers = []
    for cells in trains.populations:
        rate = trains.binned(cells, _BIN).sum(axis=0) / (len(cells) * _BIN * PER_MS)
        frequency, power = _spectrum(rate, _BIN)
        powers.append(power)
    return _spectral("rate_power", ("population",), np.array(powers), frequency, "Hz2/Hz", "of the rate")


def lfp(ds: "xr.Dataset") -> "xr.Dataset":
    """Return the power of a proxy of the local field potential (pA2/Hz) up to 200 Hz, and that of its peak.

    The proxy is the mean absolute synaptic current of the recorded cells (`protocol.record=[i_syn]`), as the
    sum of absolute currents of Mazzoni et al. 2008; excitation and inhibition are not told apart.
    """
    step = float(ds["time"][1] - ds["time"][0])
    signal = np.abs(ds["i_syn"].values).mean(axis=0)[ds["time"].values >= ds.attrs.get("discard", 0.0)]
    n = max(1, round(_BIN / step))
    means = signal[: len(signal) // n * n].reshape(-1, n).mean(axis=1)
    frequency, power = _spectrum(means, n * step)
    return _spectral("lfp_power", (), power, frequency, "pA2/Hz", "of the LFP proxy")


class _Trains:
    """The spikes of a point, of each neuron, without what is discarded."""

    def __init__(self, ds: "xr.Dataset") -> None:
        self._begin, end = float(ds.attrs["discard"]), float(ds.attrs["duration"])
        times, neurons = ds["spike_times"].values, ds["spike_neuron"].values
        kept = times > self._begin
        self.duration = end - self._begin
        self.seconds = self.duration * PER_MS
        order = np.argsort(neurons[kept], kind="stable")
        self._times, self._neurons = times[kept][order], neurons[kept][order]
        self.counts = np.bincount(self._neurons, minlength=ds.sizes["neuron"])
        whose = ds["neuron_population"].values
        self.populations = [np.flatnonzero(whose == name) for name in ds["population"].values]

    def of(self, cells: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
        """Yield the spike times of each cell."""
        ends = np.cumsum(self.counts)
        for i in cells.tolist():
            yield self._times[ends[i] - self.counts[i] : ends[i]]

    def binned(self, cells: NDArray[Any], width: float) -> NDArray[np.float64]:
        """Return the counts of cells in whole bins of a width (ms), shape (cells, bins)."""
        n = int(self.duration / width + 1e-9)
        place = np.full(len(self.counts), -1)
        place[cells] = np.arange(len(cells))
        rows = place[self._neurons]
        # a bin is open below: a spike at the end of a step counts in the bin that the step is of
        columns = np.ceil((self._times - self._begin) / width - 1e-9).astype(np.int64) - 1
        kept = (rows >= 0) & (columns < n)
        flat = np.bincount(rows[kept] * n + columns[kept], minlength=len(cells) * n)
        return flat.reshape(len(cells), n).astype(np.float64)


def _irregularity(gaps: NDArray[np.float64]) -> tuple[float, float, float]:
    one, two = gaps[:-1], gaps[1:]
    cv2 = np.mean(2.0 * np.abs(two - one) / (two + one))
    lv = np.mean(3.0 * ((two - one) / (two + one)) ** 2)
    return float(gaps.std() / gaps.mean()), float(cv2), float(lv)


def _mean_correlation(counts: NDArray[np.float64]) -> float:
    if counts.shape[1] < 2:
        return float("nan")
    sd = counts.std(axis=1)
    z = (counts[sd > 0] - counts[sd > 0].mean(axis=1, keepdims=True)) / sd[sd > 0, None]
    n = len(z)
    return float((z.sum(axis=0).var() - n) / (n * (n - 1))) if n > 1 else float("nan")


def _spectrum(signal: NDArray[np.float64], step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.signal import welch

    n = min(_SEGMENT, len(signal))
    frequency, power = welch(signal, 1.0 / (step * PER_MS), nperseg=n)
    return frequency[frequency <= _HIGHEST], power[frequency <= _HIGHEST]


def _spectral(
    name: str, dims: tuple[str, ...], power: NDArray[Any], frequency: NDArray[Any], units: str, text: str
) -> "xr.Dataset":
    seen = frequency >= _LOWEST
    place = np.argmax(power[..., seen], axis=-1)
    peak = np.where(power.max(axis=-1) > 0.0, frequency[seen][place], np.nan)
    dim = f"{name}_frequency"
    return _dataset(
        {
            name: ((*dims, dim), power, units, f"power {text}"),
            f"{name}_peak": (dims, peak, "Hz", f"frequency of most power {text}, above {_LOWEST:g} Hz"),
        },
        **{dim: frequency},
    )


def _dataset(found: dict[str, tuple[tuple[str, ...], Any, str, str]], **labels: NDArray[Any]) -> "xr.Dataset":
    import xarray as xr  # late: a sweep alone needs none

    data = {
        name: (dims, values, {"units": units, "long_name": text, "optional": 1})
        for name, (dims, values, units, text) in found.items()
    }
    return xr.Dataset(data, labels)
