"""Exponential current: an event adds `weight`, which decays with `tau_syn`.

    ds/dt = -s / tau_syn,  s <- s + weight at an event;  I = s

An event inside (t[i-1], t[i]] arrives at full height at sample i. The decay is exact, and the cell
receives the mean of the current over its step,
    s tau_syn / dt (1 - exp(-dt / tau_syn)),
so that an event carries the charge weight tau_syn whatever dt. As in Brette et al. 2007,
doi:10.1007/s10827-007-0038-6 (CUBA), and Potjans and Diesmann 2014, doi:10.1093/cercor/bhs358. There a
cell's potential follows the decay inside a step, too (Rotter and Diesmann 1999,
doi:10.1007/s004220050570): what a mean leaves out is of second order in dt.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.units import Positive, ms, pA


class State(NamedTuple):
    """What changes from step to step."""

    s: pA  #: synaptic current at the beginning of the step


class Coefficients(NamedTuple):
    """What a step needs."""

    decay: Any
    mean: Any  #: of the current over a step, in parts of that at its beginning
    weight: Any


class ExponentialCurrent(NamedTuple):
    """Parameters of a synapse type."""

    weight: pA  #: current added by one event, negative where it inhibits
    tau_syn: Positive[ms]  #: decay time constant

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        x = np.asarray(clock.dt / self.tau_syn, np.float64)
        decay = exp_each(-x.ravel()).reshape(x.shape)
        return Coefficients(decay, (1.0 - decay) / x, self.weight)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_syn": self.tau_syn}

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events that arrive at it."""
        return State(x.s * c.decay + c.weight * kick)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the mean current into the cell over the step (pA)."""
        return x.s * c.mean
