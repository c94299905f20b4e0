"""Dimensionless leaky integrate-and-fire neuron with noise of its own.

    tau_m dv/dt = -v + s + eta + offset - a
    v > 1:  v <- 0, a <- a + da
    tau_a da/dt = -a

Threshold 1, reset and start 0, no refractory time; s is the stimulus. Forward Euler; a spike of the first
step waits for the second. This is the class of J. Grewe's public examples (the NIX documentation), the
neuron of Hladnik and Grewe 2023, doi:10.1371/journal.pcbi.1010871. Departures: a decays there by a wrong
rule, which matters only where da is not zero; and the noise eta is drawn there as
D ((r mod 10000) - 5000) / 10000 with a normal r, which is -D/2 or D/2 but for a ten-thousandth.
`noise_D` is the strength at each step, so half the step is half the noise; `noise_sigma` is that of the
white noise that it stands for, D/2 sqrt(dt), with which results do not depend on dt.
"""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from annotated_types import Ge

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import PER_MS, Positive, ms, threshold


class State(NamedTuple):
    """What changes from step to step."""

    v: threshold  #: membrane potential
    a: threshold  #: adaptation


class Coefficients(NamedTuple):
    """What a step needs."""

    dt_per_tau_m: Any
    dt_per_tau_a: Any
    offset: Any
    da: Any


class LIFDimensionless(NamedTuple):
    """Parameters of a cell."""

    tau_m: Positive[ms]  #: membrane time constant
    offset: threshold  #: constant drive
    da: threshold  #: adaptation added by a spike
    tau_a: Positive[ms]  #: time constant of adaptation
    noise: Literal["two_point", "gaussian"]  #: distribution of the noise at each step
    noise_D: Annotated[
        float | None, "threshold", Ge(0)
    ]  #: twice its SD at each step, whatever the step; or null
    noise_sigma: Annotated[float | None, "threshold s^0.5", Ge(0)]  #: its SD over a second's root; or null

    def initial(self) -> State:
        """Return the state at the start."""
        return State(v=0.0, a=0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(clock.dt / self.tau_m, clock.dt / self.tau_a, self.offset, self.da)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_m": self.tau_m, "tau_a": self.tau_a}

    def noise_sd(self, dt: ms) -> threshold:
        """Return the SD of the noise at a step; raise InputError unless one strength is given."""
        if (self.noise_D is None) == (self.noise_sigma is None):
            raise InputError(
                f"neuron: noise_D = {self.noise_D} and noise_sigma = {self.noise_sigma} are refused; "
                "allowed: one of them, and null for the other"
            )
        if self.noise_D is not None:
            return 0.5 * self.noise_D
        assert self.noise_sigma is not None
        return self.noise_sigma / float(np.sqrt(dt * PER_MS))

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Advance one step; return the state and 1.0 if the cell spiked, else 0.0."""
        v = x.v + c.dt_per_tau_m * (current - x.v + c.offset - x.a)
        fired = (v > 1.0) & (t > 0.0)
        a = x.a - c.dt_per_tau_a * x.a
        return State(0.0 if fired else v, a + c.da if fired else a), 1.0 if fired else 0.0
