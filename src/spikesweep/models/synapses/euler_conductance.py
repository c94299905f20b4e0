"""Exponential conductance that decays by forward Euler: an event adds `weight`, a step takes g dt / tau_syn.

    dg/dt = -g / tau_syn,  g <- g + weight at an event;  I = g (E_rev - v)

As in Fiers' voltage-to-wiring-sim (code: tfiers/phd), in one of its two orders: `package` lets an event
arrive at full height at its sample; `prototype` lets it decay once before it acts.
"""

from typing import Any, Literal, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.models.synapses.conductance import State
from spikesweep.units import NonNegative, Positive, ms, mV, nS


class Coefficients(NamedTuple):
    """What a step needs."""

    lost: Any  #: part of g lost in a step
    weight: Any
    E_rev: Any
    decays_first: Any  #: 1 where an event decays before it acts, else 0


class EulerConductance(NamedTuple):
    """Parameters of a synapse type."""

    weight: NonNegative[nS]  #: conductance added by one event
    tau_syn: Positive[ms]  #: decay time constant
    E_rev: mV  #: reversal potential
    order: Literal["package", "prototype"]  #: of decay and events, see the top of the file

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        first = 1.0 if self.order == "prototype" else 0.0
        return Coefficients(clock.dt / self.tau_syn, self.weight, self.E_rev, first)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve."""
        return {"tau_syn": self.tau_syn}

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events that arrive at it."""
        added = c.weight * kick
        start = x.g + added if c.decays_first > 0.0 else x.g
        g = start - c.lost * start
        return State(g if c.decays_first > 0.0 else g + added)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA)."""
        return x.g * (c.E_rev - v)
