"""Rules by which the weights of a rate network change with the rates of the units that they connect.

With the rate x of a presynaptic and y of a postsynaptic unit (Hz), after each pattern:

    Hebb             dw = eta x y
    NormalisedHebb   the same, then all weights onto a cell times total / their sum
    Oja              dw = eta y (x - y w)
    BCM              dw = eta x y (y - theta)    theta += (y^2 / k - theta) / tau_theta

Oja 1982, doi:10.1007/BF00275687: where y = a w.x, the weights become the first eigenvector of the mean of
x x', of length 1 / sqrt(a). Bienenstock, Cooper and Munro 1982, doi:10.1523/JNEUROSCI.02-01-00032.1982, with
the threshold of Intrator and Cooper 1992, doi:10.1016/S0893-6080(05)80003-6: of linearly independent patterns
that come with probability p each, a cell selects one, with y = k / p, and is silent at the others. Names,
start (theta = k) and the normalisation are those of Milstein-Lab/EIANN (rules/hebbian.py,
weight_functions.py).

A rule of your own has the same three members. Its sums go over one axis after another, in order, so that
numbers do not depend on what else is computed.
"""

from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.units import Hz, NonNegative, Positive, number

Array = NDArray[np.float64]
#: Changes of weights (post, pre, points) and of the threshold (post, points).
Changes = tuple[Array, Array]


class Hebb(NamedTuple):
    """Growth by coincidence, between bounds."""

    eta: NonNegative[number]  #: learning rate, per Hz^2
    w_min: number  #: no weight falls below
    w_max: number | None  #: no weight grows above; null: no bound

    def threshold(self, shape: tuple[int, ...]) -> Array:
        """Return the threshold of cells at the start: there is none."""
        return np.full(shape, np.nan)

    def change(self, w: Array, x: Array, y: Array, theta: Array) -> Changes:
        """Return the changes of weights and threshold at the rates x (pre, points) and y (post, points)."""
        return self.eta * _product(y, x), np.zeros_like(theta)

    def bounded(self, w: Array) -> Array:
        """Return weights between the bounds."""
        return np.clip(w, self.w_min, self.w_max)


class NormalisedHebb(NamedTuple):
    """Growth by coincidence, the sum of all weights onto a cell being kept."""

    eta: NonNegative[number]  #: learning rate, per Hz^2
    total: Positive[number]  #: sum of the weights onto a cell

    def threshold(self, shape: tuple[int, ...]) -> Array:
        """Return the threshold of cells at the start: there is none."""
        return np.full(shape, np.nan)

    def change(self, w: Array, x: Array, y: Array, theta: Array) -> Changes:
        """Return the changes of weights and threshold at the rates x (pre, points) and y (post, points)."""
        return self.eta * _product(y, x), np.zeros_like(theta)

    def bounded(self, w: Array) -> Array:
        """Return weights with the sum `total` onto each cell; a cell whose weights are 0 keeps them."""
        size = reduce(np.add, np.abs(np.moveaxis(w, 1, 0)))
        return w * np.where(size > 0.0, self.total / np.where(size > 0.0, size, 1.0), 1.0)[:, np.newaxis]


class Oja(NamedTuple):
    """Growth by coincidence, and a decay that keeps the length of a cell's weights."""

    eta: NonNegative[number]  #: learning rate, per Hz^2

    def threshold(self, shape: tuple[int, ...]) -> Array:
        """Return the threshold of cells at the start: there is none."""
        return np.full(shape, np.nan)

    def change(self, w: Array, x: Array, y: Array, theta: Array) -> Changes:
        """Return the changes of weights and threshold at the rates x (pre, points) and y (post, points)."""
        return self.eta * (_product(y, x) - (y * y)[:, np.newaxis] * w), np.zeros_like(theta)

    def bounded(self, w: Array) -> Array:
        """Return the weights."""
        return w


class BCM(NamedTuple):
    """Growth above and decay below a threshold that slides with the mean square of the rate."""

    eta: NonNegative[number]  #: learning rate, per Hz^3
    k: Positive[Hz]  #: the threshold is the mean of y^2 / k; where it starts, too
    tau_theta: Positive[number]  #: patterns over which the threshold slides
    w_min: number | None  #: no weight falls below; null: no bound
    w_max: number | None  #: no weight grows above; null: no bound

    def threshold(self, shape: tuple[int, ...]) -> Array:
        """Return the threshold of cells (Hz) at the start."""
        return np.full(shape, self.k)

    def change(self, w: Array, x: Array, y: Array, theta: Array) -> Changes:
        """Return the changes of weights and threshold at the rates x (pre, points) and y (post, points)."""
        return self.eta * _product(y * (y - theta), x), (y * y / self.k - theta) / self.tau_theta

    def bounded(self, w: Array) -> Array:
        """Return weights between the bounds."""
        low = -np.inf if self.w_min is None else self.w_min
        return np.clip(w, low, np.inf if self.w_max is None else self.w_max)


def _product(post: Array, pre: Array) -> Array:
    """Return post_i pre_j, shape (post, pre, points)."""
    return post[:, np.newaxis] * pre[np.newaxis]
