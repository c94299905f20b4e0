"""Hodgkin-Huxley neuron of cortex, with a slow potassium current.

    C_m dv/dt = g_L (E_L - v) + g_Na m^3 h (E_Na - v) + (g_Kd n^4 + g_M p) (E_K - v) + I
    dx/dt     = alpha_x(v) (1 - x) - beta_x(v) x,  x = m, h, n
    dp/dt     = (p_inf(v) - p) / tau_p(v)

A spike is an upward crossing of V_detect. Pospischil, Toledo-Rodriguez, Monier, Piwkowska, Bal, Fregnac,
Markram and Destexhe 2008, doi:10.1007/s00422-008-0263-8; rates of m, h and n are those of Traub and Miles
1991, shifted by V_T. Gates are integrated exactly at the potential of the beginning of a step (Rush and
Larsen 1978), v by exponential Euler with the conductances of the new gates: stable in any step.
"""

from typing import Any, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import inlined
from spikesweep.kernels.compile.vector_math import exp
from spikesweep.units import NonNegative, Positive, ms, mV, nS, number, pF

#: Where the resting potential is looked for (mV), and in how many halvings.
_RANGE, _HALVINGS = (-120.0, -40.0), 60


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    m: number  #: activation of sodium
    h: number  #: what is not inactivated of sodium
    n: number  #: activation of the delayed rectifier
    p: number  #: activation of the slow potassium current


class Coefficients(NamedTuple):
    """What a step needs."""

    dt: Any
    per_C_m: Any
    g_L: Any
    g_Na: Any
    g_Kd: Any
    g_M: Any
    E_L: Any
    E_Na: Any
    E_K: Any
    V_T: Any
    tau_max: Any
    V_detect: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


@inlined
def ratio(x, width):
    """Return x / (1 - exp(-x / width)), with its limit at zero."""
    z = x / width
    small = (z < 1e-6) & (z > -1e-6)
    y = z if not small else 1.0
    return width * (1.0 + 0.5 * z) if small else x / (1.0 - exp(-y))


@inlined
def gates(v, V_T, tau_max):
    """Return the steady states of m, h, n, p and their rates (1/ms)."""
    u = v - V_T
    am, bm = 0.32 * ratio(u - 13.0, 4.0), 0.28 * ratio(40.0 - u, 5.0)
    ah, bh = 0.128 * exp((17.0 - u) / 18.0), 4.0 / (1.0 + exp((40.0 - u) / 5.0))
    an, bn = 0.032 * ratio(u - 15.0, 5.0), 0.5 * exp((10.0 - u) / 40.0)
    slow = exp((v + 35.0) / 20.0)
    p = 1.0 / (1.0 + 1.0 / (slow * slow))
    rate = (3.3 * slow + 1.0 / slow) / tau_max
    return am / (am + bm), ah / (ah + bh), an / (an + bn), p, am + bm, ah + bh, an + bn, rate


class HodgkinHuxley(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    g_L: Positive[nS]  #: leak conductance
    E_L: mV  #: leak reversal potential
    g_Na: NonNegative[nS]  #: of sodium
    E_Na: mV  #: reversal potential of sodium
    g_Kd: NonNegative[nS]  #: of the delayed rectifier
    g_M: NonNegative[nS]  #: of the slow potassium current
    E_K: mV  #: reversal potential of potassium
    V_T: mV  #: shift of the rates of m, h and n
    tau_max: Positive[ms]  #: of the slow potassium current
    V_detect: mV  #: crossing it upwards is a spike; nothing is reset

    @property
    def rest(self) -> mV:
        """Return the lowest potential without a current, at which v starts, by bisection."""
        shape = np.broadcast_shapes(*(np.shape(value) for value in self))
        low, high = (np.full(shape, value) for value in _RANGE)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            inward = self._steady_current(middle) > 0.0
            low, high = np.where(inward, middle, low), np.where(inward, high, middle)
        return (0.5 * (low + high))[()]  # type: ignore[no-any-return]

    def _steady_current(self, v: Any) -> Any:
        """Return the current into the cell (pA) with all gates at rest."""
        m, h, n, p = _steady(v, self.V_T, self.tau_max)
        sodium = self.g_Na * m**3 * h * (self.E_Na - v)
        return self.g_L * (self.E_L - v) + sodium + (self.g_Kd * n**4 + self.g_M * p) * (self.E_K - v)

    def initial(self) -> State:
        """Return the state at rest."""
        v = self.rest
        m, h, n, p = _steady(v, self.V_T, self.tau_max)
        return State(v, m, h, n, p)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            dt=clock.dt,
            per_C_m=1.0 / self.C_m,
            g_L=self.g_L,
            g_Na=self.g_Na,
            g_Kd=self.g_Kd,
            g_M=self.g_M,
            E_L=self.E_L,
            E_Na=self.E_Na,
            E_K=self.E_K,
            V_T=self.V_T,
            tau_max=self.tau_max,
            V_detect=self.V_detect,
            per_jump=self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve; gates are integrated exactly."""
        return {"C_m / g_L": self.C_m / self.g_L}

    @staticmethod
    @inlined
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        m0, h0, n0, p0, am, ah, an, ap = gates(x.v, c.V_T, c.tau_max)
        m = m0 + (x.m - m0) * exp(-c.dt * am)
        h = h0 + (x.h - h0) * exp(-c.dt * ah)
        n = n0 + (x.n - n0) * exp(-c.dt * an)
        p = p0 + (x.p - p0) * exp(-c.dt * ap)
        sodium, potassium = c.g_Na * m * m * m * h, c.g_Kd * n * n * n * n + c.g_M * p
        g = c.g_L + sodium + potassium
        v_inf = (c.g_L * c.E_L + sodium * c.E_Na + potassium * c.E_K + current) / g
        v = v_inf + (x.v - v_inf) * exp(-c.dt * g * c.per_C_m)
        return State(v, m, h, n, p), 1.0 if (v > c.V_detect) & (x.v <= c.V_detect) else 0.0


def _steady(v: Any, V_T: Any, tau_max: Any) -> tuple[Any, ...]:
    """Return the steady states of m, h, n, p at potentials of any shape."""
    each = np.vectorize(lambda *args: gates(*args)[:4], otypes=[float] * 4)
    return tuple(one[()] for one in each(v, V_T, tau_max))
