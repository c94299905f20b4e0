"""Exponential integrate-and-fire neuron.

    C_m dv/dt = g_L (E_L - v) + g_L D_T exp((v - V_th) / D_T) + I
    v > V_th + 5 D_T:  v <- V_reset, then v is held for t_ref

Fourcaud-Trocme, Hansel, van Vreeswijk and Brunel 2003, doi:10.1523/JNEUROSCI.23-37-11628.2003.
Forward Euler.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp
from spikesweep.units import NonNegative, Positive, ms, mV, nS, number, pA, pF

#: The upstroke is cut this many D_T above V_th.
CUT = 5.0


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    t_spike: number  #: internal: of the last spike, in units of the clock


class Coefficients(NamedTuple):
    """What a step needs."""

    dt_per_C_m: Any
    g_L: Any
    g_Delta: Any  #: g_L D_T
    per_Delta_T: Any  #: 1 / D_T
    E_L: Any
    V_th: Any
    V_cut: Any
    V_reset: Any
    V_hold: Any  #: where v is held
    hold: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class EIF(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts
    V_th: mV  #: threshold of the exponential upstroke
    V_reset: mV  #: potential after a spike
    Delta_T: Positive[mV]  #: sharpness of the upstroke
    t_ref: NonNegative[ms]  #: refractory time

    @property
    def V_spike(self) -> mV:
        """Return the height that spikes reach."""
        return self.V_th + CUT * self.Delta_T

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.E_L, t_spike=-np.inf)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            dt_per_C_m=clock.dt / self.C_m,
            g_L=self.g_L,
            g_Delta=self.g_L * self.Delta_T,
            per_Delta_T=1.0 / self.Delta_T,
            E_L=self.E_L,
            V_th=self.V_th,
            V_cut=self.V_spike,
            V_reset=self.V_reset,
            V_hold=clock.held_potential(self.V_reset, self.E_L),
            hold=clock.hold(self.t_ref),
            per_jump=self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / g_L": self.C_m / self.g_L}

    def rheobase(self) -> pA:
        """Return the constant current above which the cell fires."""
        return self.g_L * (self.V_th - self.Delta_T - self.E_L)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        upstroke = c.g_Delta * exp((x.v - c.V_th) * c.per_Delta_T)
        dv = c.dt_per_C_m * (current + upstroke + c.g_L * (c.E_L - x.v))
        v = x.v + dv if t - x.t_spike > c.hold else c.V_hold
        spiked = 1.0 if v > c.V_cut else 0.0
        v = c.V_reset if v > c.V_cut else v
        return State(v, t_next if spiked > 0.0 else x.t_spike), spiked
