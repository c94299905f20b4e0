"""Inputs that are given sample by sample: sample i acts on step i."""

from typing import Any, NamedTuple

from spikesweep.kernels.driver import Clock
from spikesweep.kernels.jit import compiled
from spikesweep.units import mV


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
    """A current (pA)."""

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
        """Return the current into the cell (pA)."""
        return x.value
