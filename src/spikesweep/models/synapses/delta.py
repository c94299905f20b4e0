"""Delta synapse: an event moves the potential at once, and no current flows.

    v <- v + weight at an event

Brunel 2000, doi:10.1023/A:1008925309027. Events inside (t[i-1], t[i]] act in the step that begins at
sample i: they are added to what the cell does in it before the threshold is looked at, as in NEST's
iaf_psc_delta; events of several synapses in one step add up first. Those that arrive at a cell that is
held are lost.
"""

from typing import Any, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import ms, mV


class State(NamedTuple):
    """What changes from step to step."""

    dv: mV  #: jump of the potential


class Coefficients(NamedTuple):
    """What a step needs."""

    weight: Any


class DeltaPotential(NamedTuple):
    """Parameters of a synapse type."""

    weight: mV  #: jump of the potential at one event, negative where it inhibits

    def initial(self) -> State:
        """Return the state without any past event."""
        return State(0.0)

    def coefficients(self, clock: Clock) -> Coefficients:
        """Return what a step needs."""
        del clock
        return Coefficients(self.weight)

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that dt must resolve: none."""
        return {}

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the number of events that arrive at it."""
        return State(c.weight * kick)

    @staticmethod
    @compiled
    def jump(c, x):
        """Return by how much the potential moves in this step (mV)."""
        return x.dv

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA) besides: none."""
        return 0.0
