"""Leaky integrate-and-fire neuron.

    C_m dv/dt = g_L (E_L - v) + I
    v > V_th:  v <- V_reset, then v is held for t_ref

Lapicque 1907; see Gerstner, Kistler, Naud and Paninski 2014, "Neuronal Dynamics", section 1.3.
Forward Euler.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import NonNegative, Positive, ms, mV, nS, number, pA, pF


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    t_spike: number  #: internal: of the last spike, in units of the clock


class Coefficients(NamedTuple):
    """What a step needs."""

    dt_per_C_m: Any
    g_L: Any
    E_L: Any
    V_th: Any
    V_reset: Any
    V_hold: Any  #: where v is held
    hold: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class LIF(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts
    V_th: mV  #: threshold
    V_reset: mV  #: potential after a spike
    t_ref: NonNegative[ms]  #: refractory time

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.E_L, t_spike=-np.inf)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            clock.dt / self.C_m,
            self.g_L,
            self.E_L,
            self.V_th,
            self.V_reset,
            clock.held_potential(self.V_reset, self.E_L),
            clock.hold(self.t_ref),
            self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / g_L": self.C_m / self.g_L}

    def rheobase(self) -> pA:
        """Return the constant current above which the cell fires."""
        return self.g_L * (self.V_th - self.E_L)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        dv = c.dt_per_C_m * (current + c.g_L * (c.E_L - x.v))
        v = x.v + dv if t - x.t_spike > c.hold else c.V_hold
        spiked = 1.0 if v > c.V_th else 0.0
        v = c.V_reset if v > c.V_th else v
        return State(v, t_next if spiked > 0.0 else x.t_spike), spiked
