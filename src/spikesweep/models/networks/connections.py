"""Which cell of one population connects to which of another, how strongly, and after how long.

RandomConnections: each pair on its own with one probability. GivenConnections: a matrix.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.random.draws import chosen_pairs, uniform_numbers
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import Weights
from spikesweep.units import Fraction, NonNegative, ms, number


class Edges(NamedTuple):
    """Connections of one projection, sorted by their source and then by their target.

    A connection costs 16 bytes, and 8 more where delays differ.
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.float64]  #: multiple of the synapse's weight
    delay: NDArray[np.float64]  #: ms


class RandomConnections(NamedTuple):
    """Each cell to each other one with the same probability; none to itself."""

    p_connect: Fraction  #: connection probability
    weights: Weights  #: distribution (inputs.weights), of multiples of the synapse's weight
    delay: NonNegative[ms]  #: from a spike to its arrival

    def check(self, sizes: tuple[int, int]) -> None:
        """Refuse nothing: any two populations can be connected."""

    def edges(self, sizes: tuple[int, int], same: bool, key: NDArray[np.uint64]) -> Edges:
        """Return connections of sizes[0] to sizes[1] cells; `same` says that they are the same cells."""
        own = np.uint64(derive(key, "pairs", 0.0))
        source, target = chosen_pairs(own, *sizes, float(self.p_connect), same)
        n = len(source)
        u = uniform_numbers(np.uint64(derive(key, "weights", 0.0)), n)
        weight = self.weights.mean * self.weights.unit_weights(u[np.newaxis])[0] if n else np.empty(0)
        return Edges(source, target, weight, np.broadcast_to(float(self.delay), n))


class GivenConnections(NamedTuple):
    """A matrix: what is not zero is a connection."""

    weights: tuple[tuple[number, ...], ...]  #: rows from, columns to; multiples of the synapse's weight
    delay: NonNegative[ms]  #: from a spike to its arrival

    def check(self, sizes: tuple[int, int]) -> None:
        """Refuse a matrix of another shape than two populations; raise InputError."""
        if {len(row) for row in self.weights} != {sizes[1]} or len(self.weights) != sizes[0]:
            raise InputError(
                f"a matrix of weights has {len(self.weights)} rows; "
                f"allowed: {sizes[0]} (from) of {sizes[1]} (to)"
            )

    def edges(self, sizes: tuple[int, int], same: bool, key: NDArray[np.uint64]) -> Edges:
        """Return the connections; nothing is drawn. Raises InputError for another shape."""
        del same, key
        self.check(sizes)
        return edges_of(np.array(self.weights), float(self.delay))


def edges_of(weights: Any, delay: Any) -> Edges:
    """Return the connections of a matrix (from, to), dense or of scipy.sparse, with one delay or a matrix."""
    if hasattr(weights, "tocsr"):
        rows = weights.tocsr(copy=True)
        rows.sort_indices()
        rows.eliminate_zeros()
        source, target = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices
        weight = rows.data
    else:
        weights = np.asarray(weights, np.float64)
        source, target = np.nonzero(weights)
        weight = weights[source, target]
    delays = np.asarray(delay[source, target] if np.ndim(delay) == 2 else delay, np.float64)
    each = np.broadcast_to(delays.ravel() if delays.ndim else delays, len(source))
    return Edges(source.astype(np.int32), target.astype(np.int32), weight.astype(np.float64), each)
