"""The keys of the random numbers of points, and of the own numbers of their cells."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.kernels.random.philox import derive, point_keys


class Drawing(Protocol):
    """A protocol that draws random numbers."""

    @property
    def root_seed(self) -> int:
        """Of all random numbers."""

    @property
    def common_random_numbers(self) -> bool:
        """Whether all points of a seed have the same random numbers."""


def keys_of(protocol: Drawing, points: Mapping[str, Any]) -> NDArray[np.uint64]:
    """Return the key of each point, shape of its labels, of which `seed` is one."""
    labels = {"seed": points["seed"]} if protocol.common_random_numbers else points
    return np.broadcast_to(point_keys(protocol.root_seed, labels), np.shape(points["seed"]))


def named_cells(protocol: Drawing, points: Mapping[str, Any], population: str) -> Named:
    """Return what the own numbers of one cell of a population a point are keyed by."""
    keys = derive(keys_of(protocol, points), f"population {population}", 0.0)
    return Named(keys, np.zeros(np.shape(keys), np.int64))
