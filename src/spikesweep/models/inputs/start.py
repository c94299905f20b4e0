"""Where the potentials of a population stand before the first step.

    FixedStart    all at v
    UniformStart  uniform between low and high
    NormalStart   normal with a mean and an SD

Each turns uniform numbers, one a cell, into potentials: that of a cell does not depend on how many others
there are.
"""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.units import NonNegative, mV

Array = NDArray[np.float64]


class FixedStart(NamedTuple):
    """All cells start at one potential."""

    v: mV  #: where they start

    def potentials(self, u: Array) -> Array:
        """Return the potentials (mV), shape of the uniform numbers `u` in (0, 1), which are not looked at."""
        return np.full(u.shape, self.v)

    def check(self) -> None:
        """Refuse what no field alone shows: nothing."""


class UniformStart(NamedTuple):
    """Cells start anywhere between two potentials."""

    low: mV  #: lowest start
    high: mV  #: highest start

    def potentials(self, u: Array) -> Array:
        """Return the potentials (mV), shape of the uniform numbers `u` in (0, 1)."""
        return self.low + (self.high - self.low) * u

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        if not np.all(np.less(self.low, self.high)):
            raise InputError(
                f"UniformStart: low = {self.low} mV with high = {self.high} mV is refused; allowed: low "
                "below high, or a FixedStart"
            )


class NormalStart(NamedTuple):
    """Cells start around a potential."""

    mean: mV  #: mean start
    sd: NonNegative[mV]  #: SD of the start

    def potentials(self, u: Array) -> Array:
        """Return the potentials (mV), shape of the uniform numbers `u` in (0, 1)."""
        start: Array = self.mean + self.sd * scipy.special.ndtri(u)
        return start

    def check(self) -> None:
        """Refuse what no field alone shows: nothing."""
