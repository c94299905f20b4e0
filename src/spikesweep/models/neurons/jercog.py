"""Integrate-and-fire neuron with a spike-triggered adaptation current.

    C_m dv/dt   = g_L (E_L - v) - w + I
    tau_w dw/dt = -w
    v >= V_th:  v <- V_reset, w <- w + beta / tau_w, then v is held for t_ref

Jercog et al. 2017, doi:10.7554/eLife.22425 (code: ModelDB 227972). Forward Euler in the order of
Brian2, which Soldado-Magraner, Seay, Laje and Buonomano 2022, doi:10.1073/pnas.2200621119, use: all
right-hand sides from the old values, then threshold, then reset. v goes on t_ref after the step of the
spike, an integer number of steps in either clock; w goes on meanwhile.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import NonNegative, Positive, fC, ms, mV, nS, number, pA, pF


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    w: pA  #: adaptation current
    t_spike: number  #: internal: start of the step of the last spike, in units of the clock


class Coefficients(NamedTuple):
    """What a step needs."""

    dt_per_C_m: Any
    dt_per_tau_w: Any
    g_L: Any
    E_L: Any
    V_th: Any
    V_reset: Any
    jump: Any  #: of w at a spike
    hold: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class Jercog(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts
    V_th: mV  #: threshold
    V_reset: mV  #: potential after a spike
    beta: NonNegative[fC]  #: charge that the adaptation after one spike removes
    tau_w: Positive[ms]  #: time constant of adaptation
    t_ref: NonNegative[ms]  #: refractory time

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.E_L, w=0.0, t_spike=-np.inf)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            dt_per_C_m=clock.dt / self.C_m,
            dt_per_tau_w=clock.dt / self.tau_w,
            g_L=self.g_L,
            E_L=self.E_L,
            V_th=self.V_th,
            V_reset=self.V_reset,
            jump=self.beta / self.tau_w,
            hold=clock.hold_half_a_step_less(self.t_ref, since_start=True),
            per_jump=self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / g_L": self.C_m / self.g_L, "tau_w": self.tau_w}

    def rheobase(self) -> pA:
        """Return the constant current above which the cell fires: w is zero until it has fired."""
        return self.g_L * (self.V_th - self.E_L)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        free = x.t_spike < t - c.hold
        dv = c.dt_per_C_m * (c.g_L * (c.E_L - x.v) - x.w + current)
        # a held cell has a threshold out of reach; `free and v >= V_th` would make LLVM branch
        v, V_th = x.v + (dv if free else 0.0), c.V_th if free else np.inf
        fired = v >= V_th
        w = x.w - c.dt_per_tau_w * x.w + (c.jump if fired else 0.0)
        return State(c.V_reset if fired else v, w, t if fired else x.t_spike), 1.0 if fired else 0.0
