"""Distributions of synaptic weights, by their mean m.

    EqualWeights      m
    UniformWeights    uniform on [0, 2 m]
    NormalWeights     normal with mean m and SD m / 3, negative values set to 0
    LogNormalWeights  exp of a standard normal, scaled so that the *sample's* mean is m
    ClippedNormalWeights   normal with mean m and a given SD, clipped
    GivenLogNormalWeights  log-normal with mean m and a given SD

Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code: Milstein-Lab/dentate_circuit_model,
get_weight_dict). `unit_weights` turns uniform numbers into weights of mean 1, to be multiplied by the
mean; `legacy` draws weights from NumPy's frozen RandomState as that code does, for comparison with it.
Potjans and Diesmann 2014, doi:10.1093/cercor/bhs358: clipped at 0, SD a tenth of the mean.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.kernels.random.draws import uniform_rows
from spikesweep.units import NonNegative, Positive, number

Array = NDArray[np.float64]


class EqualWeights(NamedTuple):
    """All weights are the mean."""

    mean: NonNegative[number]  #: of the weights, beside that of their synapse

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        return np.ones(u.shape)

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights; nothing is drawn."""
        del rng
        return np.full(shape, self.mean)


class UniformWeights(NamedTuple):
    """Uniform between zero and twice the mean."""

    mean: NonNegative[number]  #: of the weights, beside that of their synapse

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        return 2.0 * u

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        return rng.uniform(0.0, self.mean * 2.0, shape)


class NormalWeights(NamedTuple):
    """Normal, three SD above zero, and clipped there."""

    mean: NonNegative[number]  #: of the weights, beside that of their synapse

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        unit: Array = np.maximum(0.0, 1.0 + scipy.special.ndtri(u) / 3.0)
        return unit

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        return np.maximum(0.0, rng.normal(self.mean, self.mean / 3.0, shape))


class LogNormalWeights(NamedTuple):
    """Log-normal, rescaled to the mean."""

    mean: NonNegative[number]  #: of the weights, beside that of their synapse

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; the last two dimensions are one sample."""
        drawn = np.exp(scipy.special.ndtri(u))
        unit: Array = drawn / drawn.mean(axis=(-2, -1), keepdims=True)
        return unit

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        drawn = rng.lognormal(size=shape)
        return self.mean * drawn / np.mean(drawn)


class ClippedNormalWeights(NamedTuple):
    """Normal, and what lies outside of two bounds set to them: none is negative."""

    mean: Positive[number]  #: of the normal distribution; clipping moves that of the weights
    sd: NonNegative[number]  #: of the normal distribution
    low: NonNegative[number]  #: no weight is smaller
    high: NonNegative[number] | None  #: no weight is larger; null for any

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; each depends on its own number alone."""
        drawn = self._clipped(self.mean + self.sd * scipy.special.ndtri(u))
        return drawn / self.mean

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        return self._clipped(rng.normal(self.mean, self.sd, shape))

    def _clipped(self, drawn: Array) -> Array:
        return np.clip(drawn, self.low, np.inf if self.high is None else self.high)


class GivenLogNormalWeights(NamedTuple):
    """Log-normal with a given mean and SD: exp(mu + sigma z) with sigma^2 = log(1 + (SD / mean)^2)."""

    mean: Positive[number]  #: of all weights that could be drawn, not of the sample
    sd: NonNegative[number]  #: of all weights that could be drawn

    def unit_weights(self, u: Array) -> Array:
        """Return weights of mean 1, shape of `u`; each depends on its own number alone."""
        return self._unit(scipy.special.ndtri(u))

    def legacy(self, rng: RandomState, shape: tuple[int, int]) -> Array:
        """Return weights drawn row by row."""
        return self.mean * self._unit(rng.standard_normal(shape))

    def _unit(self, z: Array) -> Array:
        variance = np.log1p((self.sd / self.mean) ** 2)
        unit: Array = exp_each((np.sqrt(variance) * z - 0.5 * variance).ravel()).reshape(z.shape)
        return unit


#: Those whose every number depends on its own uniform number alone: they can be drawn in parts.
_EACH = (UniformWeights, NormalWeights, ClippedNormalWeights, GivenLogNormalWeights)
_PART = 2**14  # numbers drawn at once: even, and a cache holds them


def check_weights(weights: Any) -> None:
    """Refuse a distribution whose mean lies outside of its bounds; raise InputError."""
    if isinstance(weights, ClippedNormalWeights):
        m, low, high = weights.mean, weights.low, weights.high
        if m < low:
            raise InputError(f"weights.low = {low} is refused; allowed: at most {m}, the mean")
        if high is not None and m > high:
            raise InputError(f"weights.high = {high} is refused; allowed: at least {m}, the mean")


def is_uniform(weights: Any) -> bool:
    """Return whether all weights of a distribution are equal."""
    return isinstance(weights, EqualWeights)


def shortest_floats(values: Array) -> NDArray[np.float32] | Array:
    """Return the values in float32 where it holds all of them exactly."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    return short if np.array_equal(short, values) else values


def drawn_weights(weights: Any, key: np.uint64, n: int) -> NDArray[np.float32] | Array:
    """Return n weights in float32, weight i from number i of a key; one where all are equal."""
    if is_uniform(weights):
        return shortest_floats(np.array([weights.mean], np.float64))
    out, keys = np.empty(n, np.float32), np.array([key], np.uint64)
    if isinstance(weights, LogNormalWeights):  # the sample's mean is that of all parts
        total = 0.0
        for first in range(0, n, _PART):
            z = scipy.special.ndtri(uniform_rows(keys, first, min(_PART, n - first))[0])
            part = exp_each(z)
            total += part.sum()
            out[first : first + _PART] = part
        out *= np.float32(weights.mean * n / total) if n else np.float32(1.0)
        return out
    size = _PART if isinstance(weights, _EACH) else max(n, 1)
    for first in range(0, n, size):
        u = uniform_rows(keys, first, min(size, n - first))
        out[first : first + size] = weights.mean * weights.unit_weights(u)[0]
    return out
