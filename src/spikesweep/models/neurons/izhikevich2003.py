"""Izhikevich's simple model in its dimensionless form.

    dv/dt = k2 v^2 + k1 v + k0 - u + I + I_0
    du/dt = a (b v - u)                          or, where u integrates, a b (v - v_u)
    v > v_peak:  v <- c, u <- u + d

Izhikevich 2003, doi:10.1109/TNN.2003.820440, and 2004, doi:10.1109/TNN.2004.832719 (code: figure1.m), whose
v counts mV and whose t counts ms, so that currents count mV/ms: pA into 1 pF, which is how they are given
here. Forward Euler in the order of that code: v, then u from the new v before it is reset. Departure: a cell
starts at its rest, to all digits, where the code has that of two or three.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import ms, mV, nS, nS_per_mV, pA, per_ms, pF

#: Capacitance (pF) by which the dimensionless current is one in pA.
C_M: pF = 1.0


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    u: pA  #: recovery variable


class Coefficients(NamedTuple):
    """What a step needs."""

    dt: Any
    k2: Any
    k1: Any
    k0: Any
    a_dt: Any
    b: Any
    c: Any
    d: Any
    decay: Any  #: 1 where u decays, 0 where it integrates
    v_u: Any  #: where b v is zero
    v_peak: Any
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class Izhikevich2003(NamedTuple):
    """Parameters of a cell."""

    k2: nS_per_mV  #: factor of v^2
    k1: nS  #: factor of v
    k0: pA  #: constant part of the parabola
    a: per_ms  #: rate of recovery; rest is unstable where it is below zero, unless b is, too
    b: nS  #: recovery per potential
    c: mV  #: potential after a spike
    d: pA  #: recovery added by a spike
    recovery: Literal["decays", "integrates"]  #: see the top of the file
    v_u: mV  #: zero of recovery where it integrates; 0 where it decays
    I_0: pA  #: current of its own
    v_peak: mV  #: where a spike is cut

    @property
    def C_m(self) -> pF:
        """Return the capacitance by which currents count."""
        return C_M

    @property
    def V_reset(self) -> mV:
        """Return the potential after a spike by its name in other models."""
        return self.c

    @property
    def V_spike(self) -> mV:
        """Return the height that spikes reach."""
        return self.v_peak

    @property
    def rest(self) -> State:
        """Return the fixed point where it starts; where there is none, the one it would have at the fold."""
        if self.recovery == "integrates":
            v = self.v_u
            return State(v=v, u=self.k2 * v * v + self.k1 * v + self.k0 + self.I_0)
        slope = self.k1 - self.b
        root = np.sqrt(
            np.maximum(slope * slope - 4.0 * self.k2 * (self.k0 + self.I_0 + self.b * self.v_u), 0.0)
        )
        # recovery that runs away (a < 0) holds v at the upper fixed point, which it makes the stable one
        v = (-slope - np.where(np.asarray(self.a) < 0.0, -root, root)) / (2.0 * self.k2)
        return State(v=v[()], u=self.b * (v[()] - self.v_u))

    def initial(self) -> State:
        """Return the state at rest."""
        return self.rest

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            dt=clock.dt,
            k2=self.k2,
            k1=self.k1,
            k0=self.k0 + self.I_0,
            a_dt=self.a * clock.dt,
            b=self.b,
            c=self.c,
            d=self.d,
            decay=0.0 if self.recovery == "integrates" else 1.0,
            v_u=self.v_u,
            v_peak=self.v_peak,
            per_jump=1.0 / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        slope = 2.0 * self.k2 * self.rest.v + self.k1
        with np.errstate(divide="ignore"):
            return {"1 / slope at rest": 1.0 / np.abs(slope), "1 / a": 1.0 / np.abs(self.a)}

    @property
    def tau_upstroke(self) -> ms:
        """Return the time constant of the upstroke at its end, which published steps do not resolve."""
        return 1.0 / (2.0 * self.k2 * self.v_peak + self.k1)

    def rheobase(self) -> Any:
        """Return the constant current (pA) above which there is no rest; NaN for a resonator (b > 0)."""
        fold = (self.k1 - self.b) ** 2 / (4.0 * self.k2) - self.k0 - self.I_0
        return np.where(np.asarray(self.b) <= 0.0, fold, np.nan)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        v = x.v + c.dt * (c.k2 * x.v * x.v + c.k1 * x.v + c.k0 - x.u + current)
        u = x.u + c.a_dt * (c.b * (v - c.v_u) - c.decay * x.u)
        fired = v > c.v_peak
        return State(c.c if fired else v, u + c.d if fired else u), 1.0 if fired else 0.0
