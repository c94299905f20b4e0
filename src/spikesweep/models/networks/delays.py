"""Delays from a spike to its arrival: of all connections alike, or distributions, in whole steps.

    UniformDelays  uniform on [low, high]
    NormalDelays   normal with a mean and an SD, clipped to [low, mean + 6 SD]

A delay that is one number must be a multiple of the time step. Those of a distribution are rounded to the
nearest step by definition (Potjans and Diesmann 2014, doi:10.1093/cercor/bhs358: 1.5 +- 0.75 ms, at least a
step).
"""

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.random.draws import uniform_rows
from spikesweep.units import NonNegative, ms

Array = NDArray[np.float64]

#: The longest delay in steps.
LONGEST = 2**16 - 1
_PART = 2**14  # numbers drawn at once: even, and a cache holds them
_SDS = 6.0


class UniformDelays(NamedTuple):
    """Uniform between two bounds, then rounded to the nearest step: bounds in steps get half a share."""

    low: NonNegative[ms]  #: shortest
    high: NonNegative[ms]  #: longest

    def check_dt(self, dt: ms) -> None:
        """Refuse bounds that no step resolves, or that are none; raise InputError."""
        if self.high < self.low:
            raise InputError(
                f"delay.high = {self.high} ms is refused; allowed: at least {self.low} ms, the shortest"
            )
        _check_bounds(self.low, self.bounds[1], dt)

    @property
    def bounds(self) -> tuple[ms, ms]:
        """Return the shortest and the longest delay, before rounding."""
        return self.low, self.high

    def delays(self, u: Array) -> Array:
        """Return delays (ms) of uniform numbers, before rounding."""
        return self.low + (self.high - self.low) * u


class NormalDelays(NamedTuple):
    """Normal, what lies outside of [low, mean + 6 SD] set to these, then rounded to the nearest step."""

    mean: NonNegative[ms]  #: of the normal distribution; clipping moves that of the delays
    sd: NonNegative[ms]  #: of the normal distribution
    low: NonNegative[ms]  #: shortest

    def check_dt(self, dt: ms) -> None:
        """Refuse bounds that no step resolves, or that are none; raise InputError."""
        if self.low > self.mean:
            raise InputError(
                f"delay.low = {self.low} ms is refused; allowed: at most {self.mean} ms, the mean"
            )
        _check_bounds(self.low, self.bounds[1], dt)

    @property
    def bounds(self) -> tuple[ms, ms]:
        """Return the shortest and the longest delay, before rounding."""
        return max(self.low, self.mean - _SDS * self.sd), self.mean + _SDS * self.sd

    def delays(self, u: Array) -> Array:
        """Return delays (ms) of uniform numbers, before rounding."""
        clipped: Array = np.clip(self.mean + self.sd * scipy.special.ndtri(u), *self.bounds)
        return clipped


def _check_bounds(low: ms, longest: ms, dt: ms) -> None:
    if 0.0 < low < dt * (1.0 - 1e-9):
        raise InputError(
            f"delay.low = {low} ms is less than a step, protocol.dt = {dt} ms; "
            f"allowed: 0 or at least {dt:.10g} ms"
        )
    _check_longest(longest, dt)


def _check_longest(delay: ms, dt: ms) -> None:
    if delay / dt > LONGEST + 0.4:
        raise InputError(
            f"a delay of {delay} ms is more than {LONGEST} steps of protocol.dt = {dt} ms; "
            f"allowed: at most {LONGEST * dt:.10g} ms"
        )


def in_steps(delay: ms, dt: ms) -> int:
    """Return the steps in a delay; raise InputError where it is no multiple of a step, or too long."""
    n = round(delay / dt)
    if abs(delay / dt - n) > 1e-6 + 1e-12 * n or (n == 0 and delay > 0.0):
        raise InputError(
            f"delay = {delay} ms is not a multiple of protocol.dt = {dt} ms; "
            f"allowed: {n * dt:.10g} or {(n + 1) * dt:.10g}, for example"
        )
    _check_longest(delay, dt)
    return n


def is_number(delay: Any) -> bool:
    """Return whether a delay is one number, not a distribution."""
    return isinstance(delay, (int, float, np.number))


def check_delay(delay: Any, dt: ms) -> None:
    """Refuse a delay that is no multiple of the step, a distribution that says so; raise InputError."""
    if is_number(delay):
        in_steps(float(delay), dt)
    else:
        delay.check_dt(dt)


def delay_bounds(delay: Any, dt: ms) -> tuple[ms, ms]:
    """Return the shortest and the longest delay (ms) there can be, in whole steps."""
    if is_number(delay):
        return float(delay), float(delay)
    low, high = (float(np.rint(bound / dt) * dt) for bound in delay.bounds)
    return low, high


def drawn_delays(delay: Any, key: np.uint64, n: int, dt: ms) -> NDArray[np.uint16]:
    """Return n delays in steps, delay i of number i of a key; one where all are equal."""
    if is_number(delay):
        return np.array([in_steps(float(delay), dt)], np.uint16)
    out, keys = np.empty(n, np.uint16), np.array([key], np.uint64)
    for first in range(0, n, _PART):
        u = uniform_rows(keys, first, min(_PART, n - first))[0]
        out[first : first + _PART] = np.rint(delay.delays(u) / dt)
    return out
