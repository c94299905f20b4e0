"""Gaussian noise behind a low-pass filter.

White noise, a Butterworth filter forwards and backwards, the first sample replaced by the mean: the helper
beside the stimulus of Hladnik and Grewe 2023, doi:10.1371/journal.pcbi.1010871, which never calls it.
Departure: second-order sections, since the coefficients of one polynomial of so high an order are
numerically poor at these rates. The SD is far below one: most of the power is filtered out.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import scipy
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.units import PER_MS, Hz, ms


@dataclass(frozen=True)
class ButterLowpass:
    """A stimulus of all frequencies up to a cutoff, the upper edge of the band."""

    rng: Literal["labels", "legacy"]  #: labels: of band and seed; legacy: RandomState(seed) in every band
    order: Annotated[int, "poles", Ge(1)]  #: of the filter, which is run in both directions
    normalise: bool  #: divide by the realised SD

    def samples(self, rng: Any, low: Hz, high: Hz, n: int, dt: ms) -> NDArray[np.float64]:
        """Return n samples of noise up to `high`; raise InputError for a band that starts above zero."""
        nyquist = 0.5 / (dt * PER_MS)
        if low != 0.0 or not 0.0 < high < nyquist:
            raise InputError(
                f"band {low:g}-{high:g} Hz is refused with ButterLowpass; allowed: from 0 to a cutoff "
                f"below {nyquist:g} Hz"
            )
        sections = scipy.signal.butter(self.order, high / nyquist, output="sos")
        noise = scipy.signal.sosfiltfilt(sections, rng.standard_normal(n))
        noise[0] = noise.mean()
        return np.asarray(noise / noise.std() if self.normalise else noise)
