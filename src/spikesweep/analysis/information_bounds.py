"""Errors of coherence and information, and what responses tell about themselves.

    jackknife     each segment of a spectrum is left out once (Thomson and Chave 1991): errors of
                  arctanh |gamma|, and information without the bias of order 1 / segments,
                  n I - (n - 1) mean of I without one
    gamma_rr      P_s / P_r, P_s the mean of S_ij over pairs of different responses i, j to one stimulus
    upper bound   -sum log2(1 - gamma_rr) df: what any decoder could find, where signal and noise are
                  Gaussian; gamma^2 of stimulus and response is below gamma_rr by what is not linear
    phase         of S_sr / S_ss, unwrapped; its slope is a delay

Thomson and Chave in "Advances in spectrum analysis and array processing", vol. 1; Borst and Theunissen 1999,
doi:10.1038/14731; Roddey, Girish and Miller 2000, doi:10.1023/A:1008921114108. gamma_rr is the root of the
squared coherence of two responses. Segments overlap by half, as in `information.spectra`; neighbours share a
little of their power, so that jackknife errors are too small by some percent.
"""

from typing import NamedTuple

import numpy as np
import scipy
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.analysis.information import bins
from spikesweep.errors import InputError
from spikesweep.units import PER_MS, Hz, ms

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Estimate(NamedTuple):
    """An information rate (bits/s) with its jackknife."""

    value: float  #: as `information.information` gives it
    unbiased: float  #: without the bias of first order
    error: float  #: standard error


def segments(x: ArrayLike, nperseg: int) -> Complex:
    """Return the Fourier transforms of Hann windows of signals, half overlapping, means removed.

    Shape (*signals, segments, nperseg // 2 + 1). Raises InputError where there are not two.
    """
    values = np.asarray(x, np.float64)
    step = nperseg - nperseg // 2
    n = (values.shape[-1] - nperseg) // step + 1
    if n < 2:
        raise InputError(
            f"nperseg = {nperseg} gives {max(n, 0)} segments of {values.shape[-1]} samples; allowed: two at "
            "least"
        )
    windows = np.lib.stride_tricks.sliding_window_view(values, nperseg, axis=-1)[..., ::step, :][..., :n, :]
    windows = windows - windows.mean(axis=-1, keepdims=True)
    return np.asarray(np.fft.rfft(windows * scipy.signal.get_window("hann", nperseg)), np.complex128)


def jackknifed(stimulus: ArrayLike, rate: ArrayLike, dt: ms, nperseg: int) -> xr.Dataset:
    """Return the squared `coherence` over `frequency`, its errors and what it is without each segment.

    `low` and `high` are its bounds at one standard error of arctanh |gamma|; `left_out` has the dims
    (segment, frequency), from which `information_estimate` takes errors.
    """
    s, r = segments(stimulus, nperseg), segments(rate, nperseg)
    if s.shape != r.shape:
        raise InputError(f"stimulus and rate give {s.shape} and {r.shape}; allowed: equally long, cut them")
    powers = np.stack([np.abs(s) ** 2, np.abs(r) ** 2]), s.conj() * r
    total = powers[0].sum(axis=1), powers[1].sum(axis=0)
    whole = _coherence(total[0], total[1])
    left_out = _coherence(total[0][:, np.newaxis] - powers[0], total[1] - powers[1])
    z, n = np.arctanh(np.sqrt(np.minimum(left_out, 1.0 - 1e-15))), len(left_out)
    error = np.sqrt((n - 1) / n * ((z - z.mean(axis=0)) ** 2).sum(axis=0))
    centre = np.arctanh(np.sqrt(np.minimum(whole, 1.0 - 1e-15)))
    low, high = np.tanh(np.maximum(centre - error, 0.0)) ** 2, np.tanh(centre + error) ** 2
    along, frequency = "frequency", np.fft.rfftfreq(nperseg, dt * PER_MS)
    attrs = {"units": "1", "long_name": "squared coherence"}
    return xr.Dataset(
        {
            "coherence": (along, whole, attrs),
            "low": (along, low, attrs),
            "high": (along, high, attrs),
            "left_out": (("segment", along), left_out, attrs),
        },
        {along: (along, frequency, {"units": "Hz", "long_name": "frequency"})},
    )


def _coherence(power: Array, cross: Complex) -> Array:
    """Return |cross|^2 over the product of both powers, 0 where there is none."""
    product = power[0] * power[1]
    there = product > 0.0
    return np.where(there, np.abs(cross) ** 2 / np.where(there, product, 1.0), 0.0)


def information_estimate(found: xr.Dataset, low: Hz, high: Hz) -> Estimate:
    """Return the information between two frequencies of what `jackknifed` has found, with its error."""
    frequency = found["frequency"].values
    df = float(frequency[1] - frequency[0])
    chosen = bins(low, high, df)
    chosen = chosen[chosen < len(frequency)]
    if not len(chosen):
        raise InputError(f"band {low:g}-{high:g} Hz holds no bin of {df:.4g} Hz; allowed: a wider one")
    value, left_out = (_bits(found[x].values[..., chosen], df) for x in ("coherence", "left_out"))
    n, mean = len(left_out), left_out.mean()
    error = np.sqrt((n - 1) / n * ((left_out - mean) ** 2).sum())
    return Estimate(float(value), float(n * value - (n - 1) * mean), float(error))


def _bits(coherence: Array, df: Hz) -> Array:
    with np.errstate(divide="ignore"):  # what has no noise has no bound
        return np.asarray(-np.log2(1.0 - np.minimum(coherence, 1.0)).sum(axis=-1) * df)


def response_coherence(rates: ArrayLike, dt: ms, nperseg: int) -> xr.DataArray:
    """Return gamma_rr over `frequency` (Hz) of responses to one stimulus, shape (trials, samples).

    `information.information` of it is the upper bound. Of pairs of different trials, so that the noise of a
    trial does not count as signal; clipped to 0 .. 1.
    """
    values = np.asarray(rates, np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise InputError(f"rates have the shape {values.shape}; allowed: (trials, samples), two at least")
    r, n = segments(values, nperseg), len(values)
    own = (np.abs(r) ** 2).sum(axis=(0, 1))
    pairs = ((np.abs(r.sum(axis=0)) ** 2).sum(axis=0) - own) / (n - 1)
    with np.errstate(invalid="ignore"):
        gamma = np.where(own > 0.0, np.clip(pairs / own, 0.0, 1.0), 0.0)
    frequency = np.fft.rfftfreq(nperseg, dt * PER_MS)
    coordinate = ("frequency", frequency, {"units": "Hz", "long_name": "frequency"})
    attrs = {"units": "1", "long_name": "coherence of responses"}
    return xr.DataArray(gamma, {"frequency": coordinate}, "frequency", attrs=attrs)


def phase_response(transfer: xr.DataArray) -> xr.DataArray:
    """Return the phase (rad) of a transfer function over `frequency`, unwrapped; lags are negative."""
    phase = np.unwrap(np.angle(transfer.values))
    return transfer.copy(data=phase).assign_attrs(units="rad", long_name="phase of the response")


def delay_of(transfer: xr.DataArray, coherence: xr.DataArray, low: Hz, high: Hz) -> ms:
    """Return the delay of a response (ms): minus the slope of its phase in a band over 2 pi.

    Weighted by coherence / (1 - coherence), the inverse of the phase's variance.
    """
    inside = (transfer["frequency"] >= low) & (transfer["frequency"] <= high)
    f = transfer["frequency"].values[inside.values]
    phase, c = phase_response(transfer[inside.values]).values, coherence.values[inside.values]
    if len(f) < 2:
        raise InputError(f"band {low:g}-{high:g} Hz holds {len(f)} bins; allowed: two at least")
    weight = np.sqrt(c / np.maximum(1.0 - c, 1e-12))
    slope = np.polyfit(f, phase, 1, w=weight)[0]
    return float(-slope / (2.0 * np.pi) / PER_MS)
