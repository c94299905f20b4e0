"""Distributions of synaptic weights, by their mean m.

    EqualWeights      m
    UniformWeights    uniform on [0, 2 m]
    NormalWeights     normal with mean m and SD m / 3, negative values set to 0
    LogNormalWeights  exp of a standard normal, scaled so that the *sample's* mean is m

Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code: Milstein-Lab/dentate_circuit_model,
get_weight_dict). `unit_weights` turns uniform numbers into weights of mean 1, to be multiplied by the
mean; `legacy` draws weights from NumPy's frozen RandomState as that code does, for comparison with it.
"""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.units import NonNegative, number

Array = NDArray[np.float64]


class EqualWeights(NamedTuple):
    """All weights are the mean."""

    mean: NonNegative[number]

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        return np.ones(u.shape)

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights; nothing is drawn."""
        del rng
        return np.full(shape, self.mean)


class UniformWeights(NamedTuple):
    """Uniform between zero and twice the mean."""

    mean: NonNegative[number]

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        return 2.0 * u

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        return rng.uniform(0.0, self.mean * 2.0, shape)


class NormalWeights(NamedTuple):
    """Normal, three SD above zero, and clipped there."""

    mean: NonNegative[number]

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        unit: Array = np.maximum(0.0, 1.0 + scipy.special.ndtri(u) / 3.0)
        return unit

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        return np.maximum(0.0, rng.normal(self.mean, self.mean / 3.0, shape))


class LogNormalWeights(NamedTuple):
    """Log-normal, rescaled to the mean."""

    mean: NonNegative[number]

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        drawn = np.exp(scipy.special.ndtri(u))
        unit: Array = drawn / drawn.mean(axis=(-2, -1), keepdims=True)
        return unit

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        drawn = rng.lognormal(size=shape)
        return self.mean * drawn / np.mean(drawn)
