"""Factors of clamped rates over time, for integrators with steps of one length.

A step sees three of them: at its start, in its middle and at its end. A jump at the end of a step belongs to
the next one: its factors are those just after its start and just before its end.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.rates.system import System
from spikesweep.units import ms

Array = NDArray[np.float64]

#: Where just before and after are, as a part of a step: beyond the rounding of times.
_NEAR = 1e-6
#: Of the three factors of a step.
START, MIDDLE, END = range(3)


class Courses(NamedTuple):
    """The factors of all clamped units in all steps."""

    of_unit: NDArray[
        np.int64
    ]  #: course of each clamped unit, in the order of their rows; none where nothing changes
    factors: Array  #: shape (steps + 1, 3, courses); the last one is that of the end


def courses_of(system: System, n_steps: int, h: ms) -> Courses:
    """Return the factors of a system's clamped units in steps of h."""
    if not any(link.course is not None for link in system.links):
        return Courses(np.empty(0, np.int64), np.empty((0, 3, 0)))
    clamped = [link for link in system.links if link.pre is None]
    start = np.arange(n_steps + 1) * h
    near = np.stack([start + _NEAR * h, start + 0.5 * h, start + (1.0 - _NEAR) * h], axis=1)
    factors = np.ones((n_steps + 1, 3, len(clamped)))
    for k, link in enumerate(clamped):
        if link.course is not None:
            factors[:, :, k] = link.course.factor(near.ravel()).reshape(near.shape)
    factors[-1] = factors[-1, START]
    sizes = [link.weights.shape[1] for link in clamped]
    return Courses(np.repeat(np.arange(len(clamped)), sizes).astype(np.int64), factors)
