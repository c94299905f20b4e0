"""White noise that drives a cell: a normal number each step, as a current.

    PotentialNoise   dv = sigma sqrt(2 dt / tau_m) N(0, 1),  tau_m = C_m / g_L: the SD of v that a leak gives
    CurrentNoise     I = mean + sd N(0, 1) / sqrt(dt)

The second is that of the recurrent networks of Fiers (code: tfiers/phd); the first is what the prototype's
noise was meant to be, which was added to a current as if it were one.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.units import NonNegative, ms, mV, pA, pA_sqrt_s

_S_PER_MS = 1e-3


class PotentialNoise(NamedTuple):
    """Noise given by the fluctuation of the potential that it causes near rest."""

    sigma: NonNegative[mV]  #: SD of the potential of a leaky cell

    def current(self, cell: Any, dt: ms) -> tuple[float, float]:
        """Return the mean and the SD (pA) of the current in a step."""
        tau = cell.C_m / cell.g_L
        return 0.0, float(self.sigma * cell.C_m * np.sqrt(2.0 / (tau * dt)))


class CurrentNoise(NamedTuple):
    """Noise given as a current."""

    mean: pA  #: of the current
    sd: NonNegative[pA_sqrt_s]  #: of the current in a second

    def current(self, cell: Any, dt: ms) -> tuple[float, float]:
        """Return the mean and the SD (pA) of the current in a step."""
        del cell
        return float(self.mean), float(self.sd / np.sqrt(dt * _S_PER_MS))
