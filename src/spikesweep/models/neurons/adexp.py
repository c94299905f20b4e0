"""Adaptive exponential integrate-and-fire neuron.

    C_m dv/dt   = g_L (E_L - v) + g_L D_T exp((v - V_th) / D_T) - w + I
    tau_w dw/dt = a (v - E_L) - w
    v > V_cut:  v <- V_reset, w <- w + b, then v is held for t_ref

Where D_T is 0 there is no upstroke, and V_th is the threshold: the limit of small D_T.
Brette and Gerstner 2005, doi:10.1152/jn.00686.2005. Forward Euler in the order of Zerlaut, Chemla,
Chavane and Destexhe 2018, doi:10.1007/s10827-017-0668-2: w first, from the old v; then v, with the new
w. w goes on during refractoriness. Departure from the original script: while refractory v is held at
V_reset; the script leaves E_L there (kernels.driver.Clock.held_at_rest), the same number in every cell
of its library.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp
from spikesweep.units import NonNegative, Positive, ms, mV, nS, number, pA, pF

#: Where a cell has no V_cut, its upstroke is cut this many Delta_T above V_th.
CUT = 5.0


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    w: pA  #: adaptation current
    t_spike: number  #: internal: of the last spike, in units of the clock


class Coefficients(NamedTuple):
    """What a step needs."""

    dt_per_C_m: Any
    dt_per_tau_w: Any
    g_L: Any
    g_Delta: Any  #: g_L D_T, 0 where D_T is 0
    per_Delta_T: Any  #: 1 / D_T, 0 where D_T is 0
    E_L: Any
    V_th: Any
    V_cut: Any
    V_reset: Any
    V_hold: Any  #: where v is held
    a: Any
    b: Any
    hold: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class AdExp(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts
    V_th: mV  #: threshold of the exponential upstroke
    #: end of the upstroke; CUT Delta_T above V_th where null, V_th where there is none
    V_cut: Annotated[float | None, "mV"]
    V_reset: mV  #: potential after a spike
    Delta_T: NonNegative[mV]  #: sharpness of the upstroke; none where zero: v is cut at V_th
    a: nS  #: subthreshold adaptation
    b: pA  #: adaptation added by a spike
    tau_w: Positive[ms]  #: time constant of adaptation
    t_ref: NonNegative[ms]  #: refractory time

    @property
    def V_spike(self) -> mV:
        """Return the height that spikes reach; without an upstroke, as with a sharp one, that is V_th."""
        if self.V_cut is None:
            return self.V_th + CUT * self.Delta_T
        found: Any = np.where(np.asarray(self.Delta_T) == 0.0, self.V_th, self.V_cut)
        return found[()]  # type: ignore[no-any-return]

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.E_L, w=0.0, t_spike=-np.inf)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        sharp = np.asarray(self.Delta_T) == 0.0
        return Coefficients(
            dt_per_C_m=clock.dt / self.C_m,
            dt_per_tau_w=clock.dt / self.tau_w,
            g_L=self.g_L,
            g_Delta=self.g_L * self.Delta_T,
            per_Delta_T=np.where(sharp, 0.0, 1.0 / np.where(sharp, 1.0, self.Delta_T)),
            E_L=self.E_L,
            V_th=self.V_th,
            V_cut=self.V_spike,
            V_reset=self.V_reset,
            V_hold=clock.held_potential(self.V_reset, self.E_L),
            a=self.a,
            b=self.b,
            hold=clock.hold(self.t_ref),
            per_jump=self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / g_L": self.C_m / self.g_L, "tau_w": self.tau_w}

    def rheobase(self) -> Any:
        """Return the constant current (pA) above which the cell fires; NaN with subthreshold adaptation.

        Without it the cell is an EIF up to its first spike. With it a step of current makes the cell fire
        below the bifurcation of its rest, which no closed form tells.
        """
        return np.where(np.asarray(self.a) == 0.0, self.g_L * (self.V_th - self.Delta_T - self.E_L), np.nan)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        w = x.w + c.dt_per_tau_w * (c.a * (x.v - c.E_L) - x.w)
        upstroke = c.g_Delta * exp((x.v - c.V_th) * c.per_Delta_T)
        dv = c.dt_per_C_m * (current + upstroke - w + c.g_L * (c.E_L - x.v))
        v = x.v + dv if t - x.t_spike > c.hold else c.V_hold
        spiked = 1.0 if v > c.V_cut else 0.0
        v = c.V_reset if v > c.V_cut else v
        t_spike = t_next if spiked > 0.0 else x.t_spike
        return State(v, w + c.b * spiked, t_spike), spiked
