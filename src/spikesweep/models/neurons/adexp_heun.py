"""Adaptive exponential integrate-and-fire neuron, integrated by Heun's rule.

    C_m dv/dt   = g_L (E_L - v) + g_L D_T exp((v - V_th) / D_T) - w + I
    tau_w dw/dt = a (v - E_L) - w
    v > V_cut:  v <- V_reset, w <- w + b, then v is held for t_ref

Brette and Gerstner 2005, doi:10.1152/jn.00686.2005. With f = (dv/dt, dw/dt) and x = (v, w) a step is
    x' = x + dt f(t, x);  x <- x + dt / 2 (f(t, x) + f(t + dt, x')),
where the current of a conductance is g (E_rev - v) at either end, so that the error is of second order in
dt. As in di Volo, Romagnoni, Capone and Destexhe 2019, doi:10.1162/neco_a_01173, and Sacha, Tesler, Cofre
and Destexhe 2025 (code: mariasacha/paper_pipeline_hub) by Brian2's `method="heun"`: also in that v goes
on t_ref after the step of its spike, while w goes on meanwhile. Departures: synapses decay exactly; and w
sees no more than V_cut of the predicted v, which overshoots without bounds in the step of a spike.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp
from spikesweep.models.neurons.adexp import AdExp, State
from spikesweep.units import NonNegative, Positive, ms, mV, nS, pA, pF

#: A prediction this far (mV) above V_cut is as good as any farther: farther ones overflow.
FAR = 1000.0


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
    V_far: Any  #: bound of predictions
    V_reset: Any
    a: Any
    b: Any
    hold: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


@compiled
def _change(c, v, w, current):
    """Return by how much a slope changes v and w in a step."""
    upstroke = c.g_Delta * exp((v - c.V_th) * c.per_Delta_T)
    dv = c.dt_per_C_m * (c.g_L * (c.E_L - v) + upstroke - w + current)
    v_seen = v if v < c.V_cut else c.V_cut
    return dv, c.dt_per_tau_w * (c.a * (v_seen - c.E_L) - w)


@compiled
def _predicted(c, x, dv, t):
    """Return v at the end of a step with the slope at its beginning."""
    v = x.v + (dv if t - x.t_spike > c.hold else 0.0)
    return v if v < c.V_far else c.V_far


class AdExpHeun(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential, also where v starts
    V_th: mV  #: threshold of the exponential upstroke
    V_cut: Annotated[float | None, "mV"]  #: end of the upstroke; CUT Delta_T above V_th where null
    V_reset: mV  #: potential after a spike
    Delta_T: NonNegative[mV]  #: sharpness of the upstroke; none where zero
    a: nS  #: subthreshold adaptation
    b: pA  #: adaptation added by a spike
    tau_w: Positive[ms]  #: time constant of adaptation
    t_ref: NonNegative[ms]  #: refractory time

    @property
    def V_spike(self) -> mV:
        """Return the height that spikes reach."""
        return AdExp(*self).V_spike

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.E_L, w=0.0, t_spike=-np.inf)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        same = AdExp(*self).coefficients(clock)._asdict()
        found = {name: same[name] for name in Coefficients._fields if name in same}
        found["V_far"] = self.V_spike + FAR
        found["hold"] = clock.hold(self.t_ref) - 0.5 * clock.tick  # half a step: no rounding decides
        return Coefficients(**found)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return AdExp(*self).time_constants()

    def rheobase(self) -> Any:
        """Return the constant current (pA) above which the cell fires; NaN with subthreshold adaptation."""
        return AdExp(*self).rheobase()

    @staticmethod
    @compiled
    def predict(c, x, current, t):
        """Return the potential that the slope at the beginning of the step leads to."""
        dv, _ = _change(c, x.v, x.w, current)
        return _predicted(c, x, dv, t)

    @staticmethod
    @compiled
    def step(c, x, current, current_end, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        dv, dw = _change(c, x.v, x.w, current)
        dv_end, dw_end = _change(c, _predicted(c, x, dv, t), x.w + dw, current_end)
        v = x.v + (0.5 * (dv + dv_end) if t - x.t_spike > c.hold else 0.0)
        w = x.w + 0.5 * (dw + dw_end)
        spiked = 1.0 if v > c.V_cut else 0.0
        v = c.V_reset if v > c.V_cut else v
        return State(v, w + c.b * spiked, t if spiked > 0.0 else x.t_spike), spiked
