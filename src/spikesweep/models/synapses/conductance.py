"""Exponential conductance: an event adds `weight`, which decays with `tau_syn`.

    dg/dt = -g / tau_syn,  g <- g + weight at an event;  I = g (E_rev - v)

An event inside (t[i-1], t[i]] arrives at full height at sample i, as in Zerlaut et al. 2018,
doi:10.1007/s10827-017-0668-2, so that under Poisson events of rate f
    mean(g) = f dt weight / (1 - exp(-dt / tau_syn)),  var(g) = f dt weight^2 / (1 - exp(-2 dt / tau_syn)).
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.units import NonNegative, Positive, ms, mV, nS


class State(NamedTuple):
    """What changes from step to step."""

    g: nS  #: conductance


class Coefficients(NamedTuple):
    """What a step needs."""

    decay: Any
    weight: Any
    E_rev: Any


class ExponentialConductance(NamedTuple):
    """Parameters of a synapse type."""

    weight: NonNegative[nS]  #: conductance added by one event
    tau_syn: Positive[ms]  #: decay time constant
    E_rev: mV  #: reversal potential

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        exponent = np.asarray(-clock.dt / self.tau_syn, np.float64)
        decay = exp_each(exponent.ravel()).reshape(exponent.shape)
        return Coefficients(decay, self.weight, self.E_rev)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_syn": self.tau_syn}

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events that arrive at it."""
        return State(x.g * c.decay + c.weight * kick)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA)."""
        return x.g * (c.E_rev - v)
