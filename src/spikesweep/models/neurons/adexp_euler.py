"""Adaptive exponential integrate-and-fire neuron, integrated by forward Euler from the old values.

    C_m dv/dt   = g_L (E_L - v) + g_L D_T exp((v - V_th) / D_T) - w + I
    tau_w dw/dt = a (v - E_L) - w
    v > V_cut:  v <- V_reset, w <- w + b, then v is held for t_ref

Brette and Gerstner 2005, doi:10.1152/jn.00686.2005. In the order of Brian2: both right-hand sides from
the old values (AdExp: v from the new w), then threshold, then reset; v goes on t_ref after the step of
its spike began, an integer number of steps in either clock, while w goes on meanwhile. So are the
networks of di Volo, Romagnoni, Capone and Destexhe 2019, doi:10.1162/neco_a_01173, and Sacha, Tesler,
Cofre and Destexhe 2025 (code: mariasacha/paper_pipeline_hub) computed: the `method="heun"` that they name
is Heun's rule for noise in Brian2, and forward Euler where there is none. Their synapses are
EulerConductance, order `package`.
"""

from typing import Annotated, Any, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp
from spikesweep.models.neurons.adexp import AdExp, Coefficients, State
from spikesweep.units import NonNegative, Positive, ms, mV, nS, pA, pF


@compiled
def change_of_v(c, v, w, current):
    """Return by how much a slope changes v in a step."""
    upstroke = c.g_Delta * exp((v - c.V_th) * c.per_Delta_T)
    return c.dt_per_C_m * (c.g_L * (c.E_L - v) + upstroke - w + current)


@compiled
def change_of_w(c, v, w):
    """Return by how much a slope changes w in a step."""
    return c.dt_per_tau_w * (c.a * (v - c.E_L) - w)


@compiled
def after_threshold(c, x, v, w, t):
    """Return the state at the end of the step that leads to v and w, and 1.0 if the cell spiked, else 0.0."""
    spiked = 1.0 if v > c.V_cut else 0.0
    v = c.V_reset if v > c.V_cut else v
    return State(v, w + c.b * spiked, t if spiked > 0.0 else x.t_spike), spiked


class AdExpEuler(NamedTuple):
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
        return AdExp(*self).initial()

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        hold = clock.hold_half_a_step_less(self.t_ref, since_start=True)
        return AdExp(*self).coefficients(clock)._replace(hold=hold)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return AdExp(*self).time_constants()

    def rheobase(self) -> Any:
        """Return the constant current (pA) above which the cell fires; NaN with subthreshold adaptation."""
        return AdExp(*self).rheobase()

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        dv = change_of_v(c, x.v, x.w, current)
        v = x.v + (dv if t - x.t_spike > c.hold else 0.0)
        return after_threshold(c, x, v, x.w + change_of_w(c, x.v, x.w), t)
