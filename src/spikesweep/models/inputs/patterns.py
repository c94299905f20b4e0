"""Patterns of clamped input rates: pattern k of a population of n units.

UniformPatterns: every unit's rate uniform on [0, high]; any number of patterns.
BinaryPatterns: all 2^n combinations of silent and `high`, sorted by the number of active units and, among
equals, by the binary number whose lowest digit is unit 0 (Galloni et al. 2022,
doi:10.3389/fncom.2022.826278, code: Milstein-Lab/dentate_circuit_model, whose order among equals is
that of an unstable sort).
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Interval
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.kernels.random.philox import derive, uniforms
from spikesweep.units import Hz, NonNegative

Array = NDArray[np.float64]


class UniformPatterns(NamedTuple):
    """Rates drawn independently for every unit and pattern."""

    n: Annotated[int, "units", Ge(1)]  #: units
    high: NonNegative[Hz]  #: highest rate

    @property
    def n_patterns(self) -> int | None:
        """Return how many patterns there are, None for any number."""
        return None

    def rates(self, key: NDArray[np.uint64], pattern: NDArray[np.int64]) -> Array:
        """Return the rates (Hz) of each pattern, shape (pattern, n); `key` names the population."""
        return self.high * uniforms(derive(key, "pattern", pattern), self.n)

    def legacy(self, rng: RandomState, n_patterns: int) -> Array:
        """Return the rates (Hz) of the first patterns, drawn one pattern after the other."""
        return rng.uniform(0.0, self.high, (n_patterns, self.n))


class BinaryPatterns(NamedTuple):
    """Every combination of silent and active units, once."""

    n: Annotated[int, "units", Interval(ge=1, le=20)]  #: units
    high: NonNegative[Hz]  #: rate of an active unit

    @property
    def n_patterns(self) -> int | None:
        """Return how many patterns there are."""
        return int(2**self.n)

    def rates(self, key: NDArray[np.uint64], pattern: NDArray[np.int64]) -> Array:
        """Return the rates (Hz) of each pattern, shape (pattern, n); nothing is drawn."""
        del key
        numbers = np.arange(2**self.n)
        bits = (numbers[:, np.newaxis] >> np.arange(self.n)) & 1
        order = np.argsort(bits.sum(axis=1), kind="stable")
        rates: Array = self.high * bits[order][pattern].astype(np.float64)
        return rates

    def legacy(self, rng: RandomState, n_patterns: int) -> Array:
        """Return the rates (Hz) of the first patterns; nothing is drawn."""
        del rng
        return self.rates(np.zeros(1, np.uint64), np.arange(n_patterns))
