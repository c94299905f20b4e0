"""A protocol of no work: what remains is the sweep itself. In a module of its own: its code is hashed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Variable
from spikesweep.protocols.base import Experiment


def difference(a, b, seed):
    """Return the result of one point, or of arrays of them."""
    return a - b + seed


@dataclass(frozen=True)
class Trivial(Experiment):
    """The difference of two axes plus the third."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("a", "1", "first", 0.0),
        Axis("b", "1", "second", 0.0),
        Axis("seed", "1", "third", 0, integer=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (Variable("rate", (), "1", "the difference"),)

    def check(self, network):
        """Refuse nothing."""

    def coordinates(self, network):
        """Return no labels beyond the grid's."""
        return {}

    def work(self, network, whole):
        """Return next to no work."""
        return 1.0

    def prepare(self, network):
        """Compile nothing."""

    def __call__(self, network, points, whole):
        """Return `rate`, shape (point,)."""
        return {"rate": difference(points["a"], points["b"], points["seed"])}


@dataclass(frozen=True)
class TrivialSpikes(Trivial):
    """The same with as many values as the point's number says, modulo 21."""

    variables: ClassVar[tuple[Variable, ...]] = (
        *Trivial.variables,
        Variable("spike_times", (), "ms", "spike times", ragged="spike"),
    )

    def __call__(self, network, points, whole):
        """Return `rate` and `spike_times`."""
        sizes = np.arange(len(points["a"])) % 21
        times = np.arange(sizes.sum()) * 0.1
        return {**super().__call__(network, points, whole), "spike_times": Ragged(times, sizes)}
