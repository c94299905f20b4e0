"""Connections in rows, and what the rules of connection share.

Weights and delays are drawn one a connection, in the order of the rows.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.random.philox import derive
from spikesweep.models.networks.delays import check_delay, delay_bounds, drawn_delays, in_steps, is_number
from spikesweep.models.networks.weights import check_weights, drawn_weights, is_uniform, shortest_floats
from spikesweep.units import ms

#: Rows and targets of connections, see `Edges`.
Pairs = tuple[NDArray[np.int64], NDArray[np.uint32]]


class Edges(NamedTuple):
    """Connections of one projection in rows, one row a source, targets ascending within a row.

    A connection costs 4 bytes, 4 or 8 more where weights differ, 2 more where delays do.
    """

    rows: NDArray[np.int64]  #: shape (n_source + 1,): those of source i are rows[i] to rows[i + 1]
    target: NDArray[np.uint32]  #: of each connection, numbered within its population
    #: multiples of the synapse's weight: shape (1,) where all are equal, else one a connection; float32 where
    #: drawn, float64 where given, unless float32 holds all of them exactly
    weight: NDArray[np.float32] | NDArray[np.float64]
    #: whole steps from a spike to its arrival: shape (1,) where all are equal, else one a connection
    delay: NDArray[np.uint16]


class BitRows(NamedTuple):
    """Connections of one projection that all have one weight and one delay, and connect a pair once: bits."""

    bits: NDArray[np.uint64]  #: shape (n_source, words): bit j % 64 of word j // 64 is that of target j
    weight: NDArray[np.float32] | NDArray[np.float64]  #: as in `Edges`, shape (1,)
    delay: NDArray[np.uint16]  #: as in `Edges`, shape (1,)


class Rule:
    """What rules share: weights and delays, drawn for the pairs that a rule chooses.

    A rule of your own has the fields of `RandomConnections` and the methods `pairs`, `expected` and `check`,
    which calls that of this class.
    """

    weights: Any
    delay: Any
    pairs_once = True  #: no pair has two connections

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets of the connections."""
        raise NotImplementedError

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the mean number of connections."""
        raise NotImplementedError

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse sizes (from, to) that cannot be connected so, and weights; raise InputError."""
        del sizes, same
        check_weights(self.weights)

    def check_dt(self, dt: ms) -> None:
        """Refuse a delay that the time step does not resolve; raise InputError."""
        check_delay(self.delay, dt)

    def edges(self, sizes: tuple[int, int], same: bool, key: NDArray[np.uint64], dt: ms) -> Edges:
        """Return connections of sizes[0] to sizes[1] cells; `same` says that they are the same cells.

        Raises InputError for what `check` and `check_dt` refuse.
        """
        self.check(sizes, same)
        self.check_dt(dt)
        rows, target = self.pairs(sizes, same, stream(key, "pairs"))
        weight = drawn_weights(self.weights, stream(key, "weights"), len(target))
        return Edges(rows, target, weight, drawn_delays(self.delay, stream(key, "delays"), len(target), dt))

    def bits(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> NDArray[np.uint64] | None:
        """Return the connections of `pairs` as those of `BitRows`, None where that is no faster."""
        del sizes, same, key
        return None

    def bit_rows(self, sizes: tuple[int, int], same: bool, key: NDArray[np.uint64], dt: ms) -> BitRows | None:
        """Return the connections of `edges` as rows of bits, None where they are no such or it is no faster.

        Raises InputError as `edges` does.
        """
        self.check(sizes, same)
        self.check_dt(dt)
        alike = self.uniform_weight and self.uniform_delay and self.pairs_once
        bits = self.bits(sizes, same, stream(key, "pairs")) if alike else None
        if bits is None:
            return None
        own = stream(key, "weights"), stream(key, "delays")
        return BitRows(bits, drawn_weights(self.weights, own[0], 0), drawn_delays(self.delay, own[1], 0, dt))

    @property
    def uniform_weight(self) -> bool:
        """Whether all weights are equal."""
        return is_uniform(self.weights)

    @property
    def uniform_delay(self) -> bool:
        """Whether all delays are equal."""
        return is_number(self.delay)

    def longest_delay(self, dt: ms) -> ms:
        """Return a bound that no delay exceeds."""
        return delay_bounds(self.delay, dt)[1]

    def shortest_delay(self, dt: ms) -> ms:
        """Return a bound that no delay goes below."""
        return delay_bounds(self.delay, dt)[0]


def stream(key: Any, name: str) -> np.uint64:
    """Return the key of what has a name in a projection."""
    return np.uint64(derive(key, name, 0.0))


def edges_of(weights: Any, delay: Any, dt: ms) -> Edges:
    """Return the connections of a matrix (from, to), dense or of scipy.sparse, with one delay or a matrix.

    Raises InputError for delays (ms) that are no multiples of the time step.
    """
    if hasattr(weights, "tocsr"):
        matrix = weights.tocsr(copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        rows, target, weight = matrix.indptr, matrix.indices, np.asarray(matrix.data, np.float64)
    else:
        weights = np.asarray(weights, np.float64)
        source, target = np.nonzero(weights)
        rows, weight = np.searchsorted(source, np.arange(len(weights) + 1)), weights[source, target]
    equal = np.all(weight == weight[:1])
    weight = np.append(weight, 0.0)[:1] if equal else weight
    if np.ndim(delay) == 2:
        source = np.repeat(np.arange(len(rows) - 1), np.diff(rows))
        each = delay.tocsr()[source, target] if hasattr(delay, "tocsr") else np.asarray(delay)[source, target]
        each = np.asarray(each.toarray() if hasattr(each, "toarray") else each, np.float64).ravel()
        values, which = np.unique(each, return_inverse=True)
        own = np.array([in_steps(value, dt) for value in values.tolist()], np.uint16)
        lag = own[which] if len(own) > 1 else np.append(own, np.uint16(0))[:1]
    else:
        lag = np.array([in_steps(float(delay), dt)], np.uint16)
    return Edges(rows.astype(np.int64), target.astype(np.uint32), shortest_floats(weight), lag)
