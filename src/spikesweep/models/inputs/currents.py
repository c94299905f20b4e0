"""Courses of an injected current: straight lines between points, of either sign, with jumps.

Steps, pulses and ramps are all of this kind, as are the stimuli of Izhikevich 2004.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled
from spikesweep.units import ms, number, pA

Array = NDArray[np.float64]


class CurrentCourse(NamedTuple):
    """Linear between given points, constant outside; a time that stands twice is a jump, from it on."""

    times: tuple[ms, ...]  #: of the points, ascending; each twice at most
    factors: tuple[number, ...]  #: of the current, at the points

    def check(self, where: str) -> None:
        """Refuse times without order, or another number of factors; raise InputError."""
        twice = any(a == c for a, c in zip(self.times, self.times[2:], strict=False))
        if not self.times or twice or any(b < a for a, b in pairwise(self.times)):
            raise InputError(
                f"{where}.times = {list(self.times)} is refused; allowed: at least one, ascending, each at "
                "most twice"
            )
        if len(self.times) != len(self.factors):
            n = len(self.times)
            raise InputError(f"{where}.factors has {len(self.factors)} values; allowed: {n}, one a time")

    def factor(self, t: Array) -> Array:
        """Return the factor at each time (ms)."""
        x, y = np.array(self.times), np.array(self.factors)
        k = np.searchsorted(x, t, side="right")  # so that a jump counts from its time on
        left, right = np.clip(k - 1, 0, len(x) - 1), np.clip(k, 0, len(x) - 1)
        width = x[right] - x[left]
        part = np.where(width > 0.0, (t - x[left]) / np.where(width > 0.0, width, 1.0), 0.0)
        return np.asarray(y[left] + part * (y[right] - y[left]), np.float64)


class InjectedCurrent(NamedTuple):
    """A current of all cells of a population, beside its constant one."""

    amplitude: pA  #: where the course is 1
    course: CurrentCourse  #: factor of the amplitude over time

    def check(self, where: str) -> None:
        """Refuse what no course can be; raise InputError."""
        self.course.check(f"{where}.course")

    def current(self, t: Array) -> Array:
        """Return the current (pA) in the steps that begin at t (ms)."""
        return self.amplitude * self.course.factor(t)


class Scaled(NamedTuple):
    """One course for all lanes, and the amplitude of each."""

    samples: Any  #: shape (steps,)
    amplitude: Any  #: shape (LANES,)


@compiled
def kick_scaled(source, kicks, n, first):
    """Kick each lane with its multiple of the same samples."""
    for s in range(n):
        sample = source.samples[first + s]
        for lane in range(LANES):
            kicks[s * LANES + lane] = sample * source.amplitude[lane]
