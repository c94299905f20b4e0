"""Leaky integrate-and-fire neuron, integrated exactly between events.

    C_m dv/dt = g_L (E_L - v) + I
    v > V_th:  v <- V_reset, then v is held for t_ref

Lapicque 1907. A current that does not change inside a step leads to exactly
    v <- v + (1 - exp(-dt g_L / C_m)) (E_L + I / g_L - v),
whatever dt: Rotter and Diesmann 1999, doi:10.1007/s004220050570, as NEST's iaf_psc models do. Currents
that depend on v, those of conductances, are taken at the beginning of the step. A cell is held for
exactly t_ref / dt steps after the step of its spike, in either clock. It may fire by itself, where E_L is
above V_th: then v starts at V_reset.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.models.neurons.lif import State
from spikesweep.units import NonNegative, Positive, ms, mV, nS, pA, pF


class Coefficients(NamedTuple):
    """What a step needs."""

    reached: Any  #: part of the way to the steady state that v goes in a step
    per_g_L: Any  #: 1 / g_L
    E_L: Any
    V_th: Any
    V_reset: Any
    V_hold: Any  #: where v is held
    hold: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class LIFExact(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts if it is below V_th
    V_th: mV  #: threshold
    V_reset: mV  #: potential after a spike
    t_ref: NonNegative[ms]  #: refractory time

    def initial(self) -> State:
        """Return the state at rest, or at the reset of a cell that never rests."""
        v: Any = np.where(np.asarray(self.E_L) < self.V_th, self.E_L, self.V_reset)
        return State(v, t_spike=-np.inf)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        exponent = np.asarray(-clock.dt * self.g_L / self.C_m, np.float64)
        reached = 1.0 - exp_each(exponent.ravel()).reshape(exponent.shape)
        return Coefficients(
            reached=reached,
            per_g_L=1.0 / self.g_L,
            E_L=self.E_L,
            V_th=self.V_th,
            V_reset=self.V_reset,
            V_hold=clock.held_potential(self.V_reset, self.E_L),
            hold=clock.hold_half_a_step_less(self.t_ref, since_start=False),
            per_jump=self.g_L / reached,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / g_L": self.C_m / self.g_L}

    def rheobase(self) -> pA:
        """Return the constant current above which the cell fires, negative where it fires by itself."""
        return self.g_L * (self.V_th - self.E_L)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        dv = c.reached * (c.E_L - x.v + current * c.per_g_L)
        v = x.v + dv if t - x.t_spike > c.hold else c.V_hold
        spiked = 1.0 if v > c.V_th else 0.0
        v = c.V_reset if v > c.V_th else v
        return State(v, t_next if spiked > 0.0 else x.t_spike), spiked
