"""Courses in time: the factor of an external rate at each step.

Steps: a factor from each of some times on. Table: linear between given points. Ramp: linear from one to
another. GaussianFlanks: 0 to 1 to 0 with flanks exp(-(t - t0)^2 / (2 s^2)), as in Sacha, Tesler, Cofre and
Destexhe 2025 (code: mariasacha/paper_pipeline_hub).
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.units import NonNegative, Positive, ms, number

Array = NDArray[np.float64]


class Steps(NamedTuple):
    """Constant between some times; 0 before the first."""

    times: tuple[ms, ...]  #: from which on each factor counts, ascending
    factors: tuple[NonNegative[number], ...]  #: of the rate

    def check(self, where: str) -> None:
        """Refuse times without order, or another number of factors; raise InputError."""
        _check(self.times, self.factors, where)

    @property
    def highest(self) -> number:
        """Return the highest factor."""
        return max(self.factors)

    def factor(self, t: Array) -> Array:
        """Return the factor at each time."""
        return np.array([0.0, *self.factors])[np.searchsorted(self.times, t, side="right")]


class Table(NamedTuple):
    """Linear between given points, constant outside."""

    times: tuple[ms, ...]  #: of the points, ascending
    factors: tuple[NonNegative[number], ...]  #: at the points

    def check(self, where: str) -> None:
        """Refuse times without order, or another number of factors; raise InputError."""
        _check(self.times, self.factors, where)

    @property
    def highest(self) -> number:
        """Return the highest factor."""
        return max(self.factors)

    def factor(self, t: Array) -> Array:
        """Return the factor at each time."""
        return np.interp(t, self.times, self.factors)


class Ramp(NamedTuple):
    """Linear from one factor to another."""

    start: ms  #: of the change
    stop: ms  #: of the change
    before: NonNegative[number]  #: factor up to `start`
    after: NonNegative[number]  #: factor from `stop` on

    def check(self, where: str) -> None:
        """Refuse a stop that is not after the start; raise InputError."""
        _ordered(self.start, self.stop, where, strictly=True)

    @property
    def highest(self) -> number:
        """Return the highest factor."""
        return max(self.before, self.after)

    def factor(self, t: Array) -> Array:
        """Return the factor at each time."""
        return np.interp(t, (self.start, self.stop), (self.before, self.after))


class GaussianFlanks(NamedTuple):
    """One between two times, with Gaussian flanks on both sides."""

    start: ms  #: of the plateau
    stop: ms  #: of the plateau
    rise: Positive[ms]  #: SD of the flank before it
    fall: Positive[ms]  #: SD of the flank after it

    def check(self, where: str) -> None:
        """Refuse a plateau that ends before it begins; raise InputError."""
        _ordered(self.start, self.stop, where, strictly=False)

    @property
    def highest(self) -> number:
        """Return the highest factor."""
        return 1.0

    def factor(self, t: Array) -> Array:
        """Return the factor at each time."""
        early, late = np.minimum(t - self.start, 0.0) / self.rise, np.maximum(t - self.stop, 0.0) / self.fall
        return np.asarray(exp_each(-0.5 * (early * early + late * late)), np.float64)


def _ordered(start: ms, stop: ms, where: str, *, strictly: bool) -> None:
    if stop < start or (strictly and stop == start):
        raise InputError(f"{where}.stop = {stop} ms is refused; allowed: after {where}.start = {start} ms")


def _check(times: tuple[ms, ...], factors: tuple[number, ...], where: str) -> None:
    if not times or any(b <= a for a, b in pairwise(times)):
        raise InputError(f"{where}.times = {list(times)} is refused; allowed: at least one, ascending")
    if len(times) != len(factors):
        raise InputError(f"{where}.factors has {len(factors)} values; allowed: {len(times)}, one a time")
