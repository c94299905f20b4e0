"""Quadratic integrate-and-fire neuron, and by its far cuts the theta neuron.

    C_m dv/dt = g_L (v - E_L) (v - V_c) / (V_c - E_L) + I
    v > V_cut:  v <- V_reset

V_c is the unstable potential from which a spike begins: the parabola has the slope -g_L at E_L. Latham,
Richmond, Nelson and Nirenberg 2000, doi:10.1152/jn.2000.83.2.808. With x = (v - (E_L + V_c) / 2) / (V_c -
E_L) and time in units of C_m / g_L, dx/dt = x^2 + eta, of which theta = 2 arctan(x) makes the theta neuron of
Ermentrout and Kopell 1986, doi:10.1137/0146017: the same trajectories, its spike at theta = pi, where x
passes infinity.

A step is exact for a current that does not change in it: x(t) = -y'/y, y'' = -eta y, so that x' is
(x C + eta s S) / (C - x s S) with C = cos(sqrt(eta) s) and S = sin(sqrt(eta) s) / (sqrt(eta) s), entire
functions of eta s^2 (cosh and sinh where it is negative), here their series. A spike where the denominator
changes its sign, however far V_cut is; the next interval begins at the end of its step.
"""

from typing import Any, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import Positive, ms, mV, nS, pA, pF


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential


class Coefficients(NamedTuple):
    """What a step needs."""

    step: Any  #: dt in units of C_m / g_L
    middle: Any  #: of E_L and V_c
    width: Any  #: V_c - E_L
    per_current: Any  #: eta of 1 pA
    V_cut: Any
    V_reset: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class QIF(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: slope of the current at rest
    E_L: mV  #: resting potential, also where v starts
    V_c: mV  #: unstable potential, above E_L
    V_cut: mV  #: where a spike is cut; far up for a theta neuron
    V_reset: mV  #: potential after a spike; far down for a theta neuron

    @property
    def V_spike(self) -> mV:
        """Return the height that spikes reach."""
        return self.V_cut

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.E_L)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        width = self.V_c - self.E_L
        return Coefficients(
            step=clock.dt * self.g_L / self.C_m,
            middle=0.5 * (self.E_L + self.V_c),
            width=width,
            per_current=1.0 / (self.g_L * width),
            V_cut=self.V_cut,
            V_reset=self.V_reset,
            per_jump=self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / g_L": self.C_m / self.g_L}

    def rheobase(self) -> pA:
        """Return the constant current above which there is no rest: that of the saddle-node."""
        return 0.25 * self.g_L * (self.V_c - self.E_L)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        eta = current * c.per_current - 0.25
        # where the series has nine digits; a step of more turns the phase by half a spike, which no dt should
        z = eta * c.step * c.step
        z = 2.0 if z > 2.0 else z
        z = -2.0 if z < -2.0 else z
        cosine = 1.0 - z / 2.0 * (1.0 - z / 12.0 * (1.0 - z / 30.0 * (1.0 - z / 56.0 * (1.0 - z / 90.0))))
        sine = 1.0 - z / 6.0 * (1.0 - z / 20.0 * (1.0 - z / 42.0 * (1.0 - z / 72.0 * (1.0 - z / 110.0))))
        old = (x.v - c.middle) / c.width
        below = cosine - old * c.step * sine
        v = c.middle + c.width * (old * cosine + z / c.step * sine) / below
        fired = (below <= 0.0) | (v > c.V_cut)
        return State(c.V_reset if fired else v), 1.0 if fired else 0.0
