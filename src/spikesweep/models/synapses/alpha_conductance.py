"""Alpha conductance: after an event it rises to `weight` within `tau_syn`, and decays.

    du/dt = -u / tau_syn,  u <- u + e weight at an event
    tau_syn dg/dt = u - g;  I = g (E_rev - v)

so that one event gives g(t) = weight t / tau_syn exp(1 - t / tau_syn). Rall 1967,
doi:10.1152/jn.1967.30.5.1138; propagated exactly as in Rotter and Diesmann 1999,
doi:10.1007/s004220050570. An event inside (t[i-1], t[i]] kicks u at sample i, from which g rises: its
integral is e weight tau_syn, of which the sum over samples is short by a part of (dt / tau_syn)^2 / 12.
"""

from math import e
from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.units import NonNegative, Positive, ms, mV, nS


class State(NamedTuple):
    """What changes from step to step."""

    u: nS  #: rising stage
    g: nS  #: conductance


class Coefficients(NamedTuple):
    """What a step needs."""

    decay: Any
    rise: Any  #: of g in a step, in parts of u
    jump: Any  #: of u at an event
    E_rev: Any


class AlphaConductance(NamedTuple):
    """Parameters of a synapse type."""

    weight: NonNegative[nS]  #: highest conductance after one event
    tau_syn: Positive[ms]  #: time from an event to the highest conductance
    E_rev: mV  #: reversal potential

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0, 0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        x = np.asarray(clock.dt / self.tau_syn, np.float64)
        decay = exp_each(-x.ravel()).reshape(x.shape)
        return Coefficients(decay, x * decay, e * self.weight, self.E_rev)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_syn": self.tau_syn}

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events that arrive at it."""
        return State(x.u * c.decay + c.jump * kick, x.g * c.decay + x.u * c.rise)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA)."""
        return x.g * (c.E_rev - v)
