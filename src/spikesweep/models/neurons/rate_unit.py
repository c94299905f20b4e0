"""Leaky rate unit: no spikes, a rate that is a piecewise-linear function of the potential.

    tau dv/dt = -(v - v_rest) + R I
    rate(v)   = peak / (v_pk - v_th) * clip(v - v_th, 0, v_pk - v_th)

As in the networks of Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code:
Milstein-Lab/dentate_circuit_model), where the f-I curve is called piecewise_linear_activation.
It is integrated by `kernels.rate_system`, together with the synapses of its network.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from spikesweep.units import Hz, MOhm, Positive, ms, mV


class RateUnit(NamedTuple):
    """Parameters of a unit."""

    v_rest: mV  #: resting potential, also where v starts
    tau: Positive[ms]  #: membrane time constant
    R: Positive[MOhm]  #: input resistance
    v_th: mV  #: potential above which the rate is not zero
    v_pk: mV  #: potential from which the rate is `peak`
    peak: Positive[Hz]  #: highest rate

    def rate(self, v: ArrayLike) -> Any:
        """Return the rate (Hz) at potentials `v` (mV)."""
        span = np.asarray(self.v_pk) - self.v_th
        return self.peak / span * np.clip(np.asarray(v) - self.v_th, 0.0, span)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that a step must resolve."""
        return {"tau": self.tau}
