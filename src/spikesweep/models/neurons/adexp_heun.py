"""Adaptive exponential integrate-and-fire neuron, integrated by Heun's rule.

    C_m dv/dt   = g_L (E_L - v) + g_L D_T exp((v - V_th) / D_T) - w + I
    tau_w dw/dt = a (v - E_L) - w
    v > V_cut:  v <- V_reset, w <- w + b, then v is held for t_ref

Brette and Gerstner 2005, doi:10.1152/jn.00686.2005. With f = (dv/dt, dw/dt) and x = (v, w) a step is
    x' = x + dt f(t, x);  x <- x + dt / 2 (f(t, x) + f(t + dt, x')),
where the current of a conductance is g (E_rev - v) at either end, so that the error is of second order in
dt up to the threshold, which is looked at once a step. v goes on t_ref after the step of its spike began,
w goes on meanwhile, as in AdExpEuler. w sees no more than V_cut of the predicted v, which overshoots
without bounds in the step of a spike.
"""

from typing import Annotated, Any, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.models.neurons.adexp import Coefficients, State
from spikesweep.models.neurons.adexp_euler import AdExpEuler, after_threshold, change_of_v, change_of_w
from spikesweep.units import NonNegative, Positive, ms, mV, nS, pA, pF

#: A prediction this far (mV) above V_cut is as good as any farther: those overflow.
FAR = 1000.0


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
        return AdExpEuler(*self).V_spike

    def initial(self) -> State:
        """Return the state at rest."""
        return AdExpEuler(*self).initial()

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return AdExpEuler(*self).coefficients(clock)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return AdExpEuler(*self).time_constants()

    def rheobase(self) -> Any:
        """Return the constant current (pA) above which the cell fires; NaN with subthreshold adaptation."""
        return AdExpEuler(*self).rheobase()

    @staticmethod
    @compiled
    def predict(c, x, current, t):
        """Return the potential that the slope at the beginning of the step leads to."""
        v = x.v + (change_of_v(c, x.v, x.w, current) if t - x.t_spike > c.hold else 0.0)
        return v if v < c.V_cut + FAR else c.V_cut + FAR

    @staticmethod
    @compiled
    def step(c, x, current, v_end, current_end, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        # v_end holds the slope at the beginning: with a third exp LLVM no longer makes vectors
        dw = change_of_w(c, x.v, x.w)
        dv_end = change_of_v(c, v_end, x.w + dw, current_end)
        dw_end = change_of_w(c, v_end if v_end < c.V_cut else c.V_cut, x.w + dw)
        v = 0.5 * (x.v + v_end + dv_end) if t - x.t_spike > c.hold else x.v
        return after_threshold(c, x, v, x.w + 0.5 * (dw + dw_end), t)
