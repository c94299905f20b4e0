"""Quadratic integrate-and-fire neuron with a recovery current.

    C_m dv/dt = k (v - v_r) (v - v_t) - u + I
    du/dt     = a (b (v - v_r) - u)
    v >= v_peak:  v <- c, u <- u + d

Izhikevich 2007, "Dynamical Systems in Neuroscience", doi:10.7551/mitpress/2526.001.0001, chapter 8. Forward
Euler in one of two orders of Fiers' voltage-to-wiring-sim (code: tfiers/phd): `package` takes both
right-hand sides from the old values, `prototype` u's from the new v, before it is reset.

The step is computed in SI, as there, operation by operation. How far v overshoots v_peak depends on the phase
of the steps, and u remembers it, so that under a constant current the last bit decides where the
spikes are after some thirty periods: in mV the same equations give others.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import A, Positive, V, ms, mV, nS, nS_per_mV, pA, per_ms, pF

#: SI units in ours.
MILLI, NANO, PICO = 1e-3, 1e-9, 1e-12


class State(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    u: pA  #: recovery current
    volts: V  #: internal: v as it is computed
    amperes: A  #: internal: u as it is computed


class Coefficients(NamedTuple):
    """What a step needs, in SI."""

    dt: Any
    C_m: Any
    k: Any
    v_r: Any
    v_t: Any
    v_peak: Any
    a: Any
    b: Any
    c: Any
    d: Any
    new_v: Any  #: 1 where u follows the new v, else 0
    per_jump: Any  #: current (pA) that moves v by 1 mV in a step


class Izhikevich(NamedTuple):
    """Parameters of a cell."""

    C_m: Positive[pF]  #: membrane capacitance
    k: Positive[nS_per_mV]  #: steepness of the current's parabola
    v_r: mV  #: resting potential, also where v starts
    v_t: mV  #: instantaneous threshold
    v_peak: mV  #: where a spike is cut
    a: Positive[per_ms]  #: rate of recovery
    b: nS  #: subthreshold recovery
    c: mV  #: potential after a spike
    d: pA  #: recovery current added by a spike
    order: Literal["package", "prototype"]  #: in which a step updates v and u, see the top of the file

    @property
    def g_L(self) -> nS:
        """Return the slope of the current at rest, which others call leak conductance."""
        return self.k * (self.v_t - self.v_r)

    @property
    def E_L(self) -> mV:
        """Return the resting potential by its name in other models."""
        return self.v_r

    @property
    def V_reset(self) -> mV:
        """Return the potential after a spike by its name in other models."""
        return self.c

    @property
    def V_spike(self) -> mV:
        """Return the height that spikes reach."""
        return self.v_peak

    def initial(self) -> State:
        """Return the state at rest."""
        return State(v=self.v_r, u=0.0, volts=self.v_r * MILLI, amperes=0.0)

    def started(self, v: Any) -> State:
        """Return the state at another potential (mV) before the first step."""
        return self.initial()._replace(v=v, volts=v * MILLI)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            dt=clock.dt * MILLI,
            C_m=self.C_m * PICO,
            k=self.k * (NANO / MILLI),
            v_r=self.v_r * MILLI,
            v_t=self.v_t * MILLI,
            v_peak=self.v_peak * MILLI,
            a=self.a / MILLI,
            b=self.b * NANO,
            c=self.c * MILLI,
            d=self.d * PICO,
            new_v=1.0 if self.order == "prototype" else 0.0,
            per_jump=self.C_m / clock.dt,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"C_m / (k (v_t - v_r))": self.C_m / np.abs(self.g_L), "1 / a": 1.0 / self.a}

    def rheobase(self) -> Any:
        """Return the constant current (pA) above which rest is no fixed point; NaN for a resonator.

        Where b is positive the cell may fire below it, once, when the current begins.
        """
        saddle_node = (self.g_L + self.b) ** 2 / (4.0 * self.k)
        return np.where(np.asarray(self.b) <= 0.0, saddle_node, np.nan)

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        old, u = x.volts, x.amperes
        v = old + c.dt * ((c.k * (old - c.v_r) * (old - c.v_t) - u + current * PICO) / c.C_m)
        followed = v if c.new_v > 0.0 else old
        u = u + c.dt * (c.a * (c.b * (followed - c.v_r) - u))
        fired = v >= c.v_peak
        v = c.c if fired else v
        u = u + c.d if fired else u
        return State(v * 1e3, u * 1e12, v, u), 1.0 if fired else 0.0
