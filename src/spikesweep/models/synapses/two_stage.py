"""Two-stage current: an event kicks u, which s follows; s is the current.

    tau_rise du/dt = -u,  u <- u + weight / tau_rise at an event
    tau_fall ds/dt = u - s;  I = s

so that an event carries the charge `weight`, whatever the time constants; with equal ones s is an alpha
function. Jercog et al. 2017, doi:10.7554/eLife.22425 (code: ModelDB 227972). Forward Euler, both from
the old values. An event in the step from sample i-1 to i kicks u at sample i, as in Brian2, where it
is delivered at the end of that step; no current flows before sample i+1.
"""

from typing import Any, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import PER_MS, Hz, Positive, fC, ms, pA


class State(NamedTuple):
    """What changes from step to step."""

    u: pA  #: rising stage
    s: pA  #: synaptic current


class Coefficients(NamedTuple):
    """What a step needs."""

    dt_per_tau_rise: Any
    dt_per_tau_fall: Any
    jump: Any  #: of u at an event


class TwoStageCurrent(NamedTuple):
    """Parameters of a synapse type."""

    weight: fC  #: charge of one event, negative where it inhibits
    tau_rise: Positive[ms]  #: time constant of u
    tau_fall: Positive[ms]  #: time constant of s

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0, 0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        return Coefficients(
            clock.dt / self.tau_rise,
            clock.dt / self.tau_fall,
            self.weight / self.tau_rise,
        )

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_rise": self.tau_rise, "tau_fall": self.tau_fall}

    def mean_current(self, rate: Hz) -> pA:
        """Return the mean current under events of a total rate."""
        return self.weight * rate * PER_MS

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events since the last one."""
        s = x.s + c.dt_per_tau_fall * (x.u - x.s)
        return State(x.u - c.dt_per_tau_rise * x.u + c.jump * kick, s)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA)."""
        return x.s


class TwoStageKinetics(NamedTuple):
    """The time constants of a synapse type whose weight depends on the target."""

    tau_rise: Positive[ms]  #: time constant of u
    tau_fall: Positive[ms]  #: time constant of s

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return self._asdict()

    def with_weight(self, weight: fC) -> TwoStageCurrent:
        """Return the synapse of a weight."""
        return TwoStageCurrent(weight, self.tau_rise, self.tau_fall)
