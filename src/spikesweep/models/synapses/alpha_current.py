"""Alpha current: after an event it rises to `weight` within `tau_syn`, and decays.

    du/dt = -u / tau_syn,  u <- u + e weight at an event
    tau_syn ds/dt = u - s;  I = s

so that one event gives s(t) = weight t / tau_syn exp(1 - t / tau_syn). Rall 1967,
doi:10.1152/jn.1967.30.5.1138; propagated exactly as in Rotter and Diesmann 1999,
doi:10.1007/s004220050570. An event inside (t[i-1], t[i]] kicks u at sample i. The cell receives the mean
of s over its step, so that an event carries the charge e weight tau_syn whatever dt.
"""

from math import e
from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.units import Positive, ms, pA


class State(NamedTuple):
    """What changes from step to step."""

    u: pA  #: rising stage
    s: pA  #: synaptic current at the beginning of the step


class Coefficients(NamedTuple):
    """What a step needs."""

    decay: Any
    rise: Any  #: of s in a step, in parts of u
    mean_s: Any  #: of s over a step, in parts of s at its beginning
    mean_u: Any  #: and in parts of u
    jump: Any  #: of u at an event


class AlphaCurrent(NamedTuple):
    """Parameters of a synapse type."""

    weight: pA  #: highest current after one event, negative where it inhibits
    tau_syn: Positive[ms]  #: time from an event to the highest current

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0, 0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        x = np.asarray(clock.dt / self.tau_syn, np.float64)
        decay = exp_each(-x.ravel()).reshape(x.shape)
        lost = 1.0 - decay
        return Coefficients(decay, x * decay, lost / x, (lost - x * decay) / x, e * self.weight)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_syn": self.tau_syn}

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events that arrive at it."""
        return State(x.u * c.decay + c.jump * kick, x.s * c.decay + x.u * c.rise)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the mean current into the cell over the step (pA)."""
        return x.s * c.mean_s + x.u * c.mean_u
