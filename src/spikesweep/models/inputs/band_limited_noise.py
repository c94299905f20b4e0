"""Gaussian noise with power between two frequencies only.

The algorithm of J. Grewe's public examples, in the stimulus of Hladnik and Grewe 2023,
doi:10.1371/journal.pcbi.1010871: normal Fourier coefficients at the bins of a power of two of samples, in the
order of its draws (zero frequency, Nyquist frequency, real parts, imaginary parts), so that legacy numbers
come out equal. The variance is one in the mean over seeds, and a few per cent off in one of them; a
band from zero on has a mean. Departure: a band narrower than a bin is refused, where the script divides
by zero.
"""

from dataclasses import dataclass
from math import ceil, log2, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.units import PER_MS, Hz, ms


def band_limited_noise(
    rng: Any, low: Hz, high: Hz, n: int, dt: ms, *, normalise: bool = False
) -> NDArray[np.float64]:
    """Return n samples of noise of about unit variance, or of exactly that where `normalise` is true.

    `rng` has `standard_normal`: NumPy's RandomState or Generator, or kernels.normals.Normals.
    """
    nn = 2 ** ceil(log2(n))
    length = nn * dt * PER_MS
    first, last = (min(max(int(np.round(length * edge)), 0), nn // 2) for edge in (low, high))
    if last <= first:
        raise InputError(
            f"band {low:g}-{high:g} Hz is refused: {n} samples of {dt} ms resolve {1.0 / length:.4g} Hz; "
            f"allowed: wider than that, up to {0.5 / (dt * PER_MS):g} Hz"
        )
    scale = 0.5 / sqrt(last - first)
    spectrum = np.zeros(nn // 2 + 1, np.complex128)
    if first == 0:
        spectrum[0] = rng.standard_normal()
        first = 1
    if last == nn // 2:
        spectrum[-1] = rng.standard_normal()
        last -= 1
    m = last - first + 1
    spectrum[first : last + 1] = rng.standard_normal(m)
    spectrum[first : last + 1] += 1j * rng.standard_normal(m)
    noise: NDArray[np.float64] = np.fft.irfft(spectrum)[:n] * scale * nn
    return np.asarray(noise / noise.std()) if normalise else noise


@dataclass(frozen=True)
class BandLimitedNoise:
    """A stimulus of one frequency band."""

    rng: Literal["labels", "legacy"]  #: labels: of band and seed; legacy: RandomState(seed) in every band
    normalise: bool  #: divide by the realised SD

    def samples(self, rng: Any, low: Hz, high: Hz, n: int, dt: ms) -> NDArray[np.float64]:
        """Return n samples of about unit variance between two frequencies."""
        return band_limited_noise(rng, low, high, n, dt, normalise=self.normalise)
