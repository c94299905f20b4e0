"""Generalised integrate-and-fire neuron with escape noise.

    C_m dv/dt = g_L (E_L - v) - stc_1 - stc_2 + I       V_T = V_T_star + sfa_1 + sfa_2
    lambda    = lambda_0 exp((v - V_T) / Delta_V)
    spike in a step with probability 1 - exp(-lambda dt):
                v <- V_reset, then v is held for t_ref;  stc_i <- stc_i + q_stc_i,  sfa_i <- sfa_i + q_sfa_i

Spike-triggered currents stc and movements sfa of the threshold decay with time constants of their own. Mensi,
Naud, Pozzorini, Avermann, Petersen and Gerstner 2012, doi:10.1152/jn.00408.2011; Pozzorini, Mensi, Hagens,
Naud, Koch and Gerstner 2015, doi:10.1371/journal.pcbi.1004275. A step is in the order of NEST's gif_psc_exp,
whose names the parameters have: v by the exact solution for a current that does not change in the step (as
LIFExact), with stc and V_T as they stand at its start, then the chance of a spike at the new v; stc and sfa
jump at the end of the step, and decay while v is held, for t_ref / dt steps in either clock. Departure: v is
at V_reset from the end of a spike's step on; NEST shows it a step later, and not at all where t_ref is 0.

The uniform number of each step is a cell's own (kernels.cells.own_numbers): one a step, held or not, so that
number i is that of step i.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.own_numbers import NOTHING, own_numbers
from spikesweep.kernels.compile.jit import inlined
from spikesweep.kernels.compile.vector_math import exp, exp_each, log
from spikesweep.units import PER_MS, Hz, NonNegative, Positive, ms, mV, nS, number, pA, pF


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    stc_1: pA  #: first spike-triggered current
    stc_2: pA  #: second spike-triggered current
    sfa_1: mV  #: first movement of the threshold
    sfa_2: mV  #: second movement of the threshold
    t_spike: number  #: internal: of the last spike, in units of the clock
    key_low: number  #: internal: see kernels.cells.own_numbers
    key_high: number  #: internal
    drawn: number  #: internal


class Coefficients(NamedTuple):
    """What a step needs."""

    reached: Any  #: part of the way to the steady state that v goes in a step
    per_g_L: Any  #: 1 / g_L
    E_L: Any
    V_reset: Any
    V_hold: Any  #: where v is held
    hold: Any
    V_T_star: Any
    per_Delta_V: Any  #: 1 / Delta_V
    lambda_dt: Any  #: mean number of spikes in a step at the threshold
    q_stc_1: Any
    q_stc_2: Any
    q_sfa_1: Any
    q_sfa_2: Any
    keep_stc_1: Any  #: what a step leaves of each
    keep_stc_2: Any
    keep_sfa_1: Any
    keep_sfa_2: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class GIF(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts
    V_reset: mV  #: potential after a spike; may be above the threshold, which has moved by then
    t_ref: NonNegative[ms]  #: refractory time
    V_T_star: mV  #: threshold without spikes
    Delta_V: Positive[mV]  #: sharpness of the threshold; a leaky integrate-and-fire neuron where it is small
    lambda_0: Positive[Hz]  #: intensity of firing at the threshold
    q_stc_1: pA  #: current added by a spike, outward positive
    tau_stc_1: Positive[ms]  #: its time constant
    q_stc_2: pA  #: a second one
    tau_stc_2: Positive[ms]  #: its time constant
    q_sfa_1: mV  #: movement of the threshold by a spike
    tau_sfa_1: Positive[ms]  #: its time constant
    q_sfa_2: mV  #: a second one
    tau_sfa_2: Positive[ms]  #: its time constant

    def initial(self) -> State:
        """Return the state at rest, without past spikes and without a key."""
        return State(self.E_L, 0.0, 0.0, 0.0, 0.0, -np.inf, NOTHING, NOTHING, NOTHING)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        reached = 1.0 - _left(clock.dt, self.C_m / self.g_L)
        return Coefficients(
            reached=reached,
            per_g_L=1.0 / self.g_L,
            E_L=self.E_L,
            V_reset=self.V_reset,
            V_hold=clock.held_potential(self.V_reset, self.E_L),
            hold=clock.hold_half_a_step_less(self.t_ref, since_start=False),
            V_T_star=self.V_T_star,
            per_Delta_V=1.0 / self.Delta_V,
            lambda_dt=self.lambda_0 * (PER_MS * clock.dt),
            q_stc_1=self.q_stc_1,
            q_stc_2=self.q_stc_2,
            q_sfa_1=self.q_sfa_1,
            q_sfa_2=self.q_sfa_2,
            keep_stc_1=_left(clock.dt, self.tau_stc_1),
            keep_stc_2=_left(clock.dt, self.tau_stc_2),
            keep_sfa_1=_left(clock.dt, self.tau_sfa_1),
            keep_sfa_2=_left(clock.dt, self.tau_sfa_2),
            per_jump=self.g_L / reached,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        names = ("tau_stc_1", "tau_stc_2", "tau_sfa_1", "tau_sfa_2")
        return {"C_m / g_L": self.C_m / self.g_L, **{name: getattr(self, name) for name in names}}

    @staticmethod
    @inlined
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        u, _ = own_numbers(x.key_low, x.key_high, x.drawn)
        free = t - x.t_spike > c.hold
        dv = c.reached * (c.E_L - x.v + (current - (x.stc_1 + x.stc_2)) * c.per_g_L)
        v = x.v + dv if free else c.V_hold
        V_T = c.V_T_star + (x.sfa_1 + x.sfa_2)
        # u above exp(-lambda dt), to all digits where that is nearly 1
        spiked = 1.0 if free & (c.lambda_dt * exp((v - V_T) * c.per_Delta_V) > -log(u)) else 0.0
        return State(
            c.V_reset if spiked > 0.0 else v,
            x.stc_1 * c.keep_stc_1 + c.q_stc_1 * spiked,
            x.stc_2 * c.keep_stc_2 + c.q_stc_2 * spiked,
            x.sfa_1 * c.keep_sfa_1 + c.q_sfa_1 * spiked,
            x.sfa_2 * c.keep_sfa_2 + c.q_sfa_2 * spiked,
            t_next if spiked > 0.0 else x.t_spike,
            x.key_low,
            x.key_high,
            x.drawn + 1.0,
        ), spiked


def _left(dt: ms, tau: Any) -> Any:
    """Return what a step leaves of what decays with a time constant, with the same bits everywhere."""
    exponent = np.asarray(-dt / tau, np.float64)
    return exp_each(exponent.ravel()).reshape(exponent.shape)
