"""Inputs that are given: sample by sample, where sample i acts on step i, or once for all steps."""

from typing import Any, NamedTuple

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import mV, pA


class State(NamedTuple):
    """The sample in force."""

    value: Any


class ConductanceCoefficients(NamedTuple):
    """What a step needs."""

    E_rev: Any


class NoCoefficients(NamedTuple):
    """Nothing."""


class GivenConductance(NamedTuple):
    """A conductance (nS) with a reversal potential."""

    E_rev: mV

    def initial(self) -> State:
        """Return the state before the first sample."""
        return State(0.0)

    def coefficients(self, clock: Clock) -> ConductanceCoefficients:
        """Return what a step needs."""
        del clock
        return ConductanceCoefficients(self.E_rev)

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the conductance."""
        return State(kick)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA)."""
        return x.value * (c.E_rev - v)


class GivenCurrent(NamedTuple):
    """A current, in the unit that the cell takes (pA; dimensionless cells: threshold)."""

    def initial(self) -> State:
        """Return the state before the first sample."""
        return State(0.0)

    def coefficients(self, clock: Clock) -> NoCoefficients:
        """Return what a step needs."""
        del clock
        return NoCoefficients()

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state at this sample; `kick` is the current."""
        return State(kick)

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell."""
        return x.value


class NoState(NamedTuple):
    """Nothing."""


class ConstantCoefficients(NamedTuple):
    """What a step needs."""

    amplitude: Any


class ConstantCurrent(NamedTuple):
    """A current that never changes; nothing kicks it."""

    amplitude: pA  #: the current

    def initial(self) -> NoState:
        """Return the state, which is empty."""
        return NoState()

    def coefficients(self, clock: Clock) -> ConstantCoefficients:
        """Return what a step needs."""
        del clock
        return ConstantCoefficients(self.amplitude)

    @staticmethod
    @compiled
    def advance(c, x, kick):
        """Return the state."""
        return x

    @staticmethod
    @compiled
    def current(c, x, v):
        """Return the current into the cell (pA)."""
        return c.amplitude
