"""Which cell of one population connects to which of another, how strongly, and after how long.

The rules of Senk et al. 2022, doi:10.1371/journal.pcbi.1010086, with and without autapses (connections of a
cell to itself) and multapses (several of one cell to another):

    RandomConnections  each pair on its own with one probability ("pairwise Bernoulli")
    FixedInDegree      n onto every target, from random sources
    FixedOutDegree     n from every source, to random targets
    FixedNumber        n in all, between random pairs
    OneToOne, AllToAll
    GivenConnections   a matrix

A projection is the same wherever it is drawn: everything follows from its key.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.random.pairs import (
    chosen_pairs,
    in_degree_bits,
    in_degree_pairs,
    number_pairs,
    out_degree_pairs,
)
from spikesweep.models.contracts import Delays, Synapse, Weights
from spikesweep.models.networks.delays import drawn_delays
from spikesweep.models.networks.edges import Edges as Edges
from spikesweep.models.networks.edges import Pairs, Rule, stream
from spikesweep.models.networks.edges import edges_of as edges_of
from spikesweep.units import Fraction, NonNegative, ms, number

Count = Annotated[int, "1", Ge(0)]


@dataclass(frozen=True)
class RandomConnections(Rule):
    """Each pair on its own with the same probability."""

    p_connect: Fraction  #: connection probability
    weights: Weights  #: distribution, of multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    autapses: bool = False  #: also of cells to themselves
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets; whether two cells connect does not depend on the sizes."""
        rows, target = chosen_pairs(key, *sizes, float(self.p_connect), same and not self.autapses)
        return rows, target

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the mean number of connections."""
        return self.p_connect * sizes[0] * _partners(sizes[1], same and not self.autapses)


class _Fixed(Rule):
    """Rules with a fixed number of connections."""

    n: int
    autapses: bool
    multapses: bool

    @property
    def pairs_once(self) -> bool:  # type: ignore[override]
        """Whether no pair has two connections."""
        return not self.multapses

    def _check_n(self, possible: int, where: str) -> None:
        if self.n > possible and (possible == 0 or not self.multapses):
            without = [f"{name}=false" for name in ("autapses", "multapses") if not getattr(self, name)]
            raise InputError(
                f"n = {self.n} is refused with {', '.join(without)}; allowed: at most {possible}{where}"
            )


@dataclass(frozen=True)
class FixedInDegree(_Fixed):
    """The same number of connections onto every target, from random sources."""

    n: Count  #: connections onto a cell
    weights: Weights  #: distribution, of multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    autapses: bool  #: also of cells to themselves
    multapses: bool  #: also several of one cell to another
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse more sources than there are; raise InputError."""
        super().check(sizes, same)
        self._check_n(_partners(sizes[0], same and not self.autapses), ", the cells to choose from")

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets; the sources of a target do not depend on how many targets there are."""
        rows, target = in_degree_pairs(key, *sizes, self.n, same and not self.autapses, self.multapses)
        return rows, target

    def bits(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> NDArray[np.uint64] | None:
        """Return the connections of `pairs` as bits, None with multapses."""
        return None if self.multapses else in_degree_bits(key, *sizes, self.n, same and not self.autapses)

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the number of connections."""
        del same
        return float(self.n * sizes[1])


@dataclass(frozen=True)
class FixedOutDegree(_Fixed):
    """The same number of connections from every source, to random targets."""

    n: Count  #: connections from a cell
    weights: Weights  #: distribution, of multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    autapses: bool  #: also of cells to themselves
    multapses: bool  #: also several of one cell to another
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse more targets than there are; raise InputError."""
        super().check(sizes, same)
        self._check_n(_partners(sizes[1], same and not self.autapses), ", the cells to choose from")

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets; the targets of a source do not depend on how many sources there are."""
        rows, target = out_degree_pairs(key, *sizes, self.n, same and not self.autapses, self.multapses)
        return rows, target

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the number of connections."""
        del same
        return float(self.n * sizes[0])


@dataclass(frozen=True)
class FixedNumber(_Fixed):
    """A number of connections in all, between random pairs."""

    n: Count  #: connections in all
    weights: Weights  #: distribution, of multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    autapses: bool  #: also of cells to themselves
    multapses: bool  #: also several of one cell to another
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse more pairs than there are; raise InputError."""
        super().check(sizes, same)
        each = _partners(sizes[1], same and not self.autapses)
        self._check_n(sizes[0] * each, ", the pairs that there are")

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets."""
        sources = stream(key, "sources")
        rows, target = number_pairs(sources, key, *sizes, self.n, same and not self.autapses, self.multapses)
        return rows, target

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the number of connections."""
        del sizes, same
        return float(self.n)


@dataclass(frozen=True)
class OneToOne(Rule):
    """Each cell to the one of its number."""

    weights: Weights  #: distribution, of multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse populations of different sizes; raise InputError."""
        super().check(sizes, same)
        if sizes[0] != sizes[1]:
            raise InputError(f"one to one has {sizes[0]} sources and {sizes[1]} targets; allowed: as many")

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets; nothing is drawn."""
        del same, key
        return np.arange(sizes[0] + 1), np.arange(sizes[1], dtype=np.uint32)

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the number of connections."""
        del same
        return float(sizes[0])


@dataclass(frozen=True)
class AllToAll(Rule):
    """Each cell to each."""

    weights: Weights  #: distribution, of multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    autapses: bool  #: also of cells to themselves
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def pairs(self, sizes: tuple[int, int], same: bool, key: np.uint64) -> Pairs:
        """Return rows and targets; nothing is drawn."""
        rows, target = chosen_pairs(key, *sizes, 1.0, same and not self.autapses)
        return rows, target

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the number of connections."""
        return float(sizes[0] * _partners(sizes[1], same and not self.autapses))


def _partners(size: int, no_autapses: bool) -> int:
    return size - 1 if no_autapses else size


@dataclass(frozen=True)
class GivenConnections(Rule):
    """A matrix: what is not zero is a connection."""

    weights: tuple[tuple[number, ...], ...]  #: rows from, columns to; multiples of the synapse's weight
    delay: NonNegative[ms] | Delays  #: from a spike to its arrival: a number of ms, or a distribution
    synapse: Synapse | None = None  #: what a spike does; that of the source's population where null

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse a matrix of another shape than two populations; raise InputError."""
        del same
        if {len(row) for row in self.weights} != {sizes[1]} or len(self.weights) != sizes[0]:
            raise InputError(
                f"a matrix of weights has {len(self.weights)} rows; "
                f"allowed: {sizes[0]} (from) of {sizes[1]} (to)"
            )

    def edges(self, sizes: tuple[int, int], same: bool, key: NDArray[np.uint64], dt: ms) -> Edges:
        """Return the connections; only delays are drawn. Raises InputError as `check` and `check_dt` do."""
        self.check(sizes, same)
        self.check_dt(dt)
        found = edges_of(np.array(self.weights), 0.0, dt)
        own = drawn_delays(self.delay, stream(key, "delays"), len(found.target), dt)
        return found._replace(delay=own)

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the number of connections."""
        del sizes, same
        return float(np.count_nonzero(self.weights))

    @property
    def uniform_weight(self) -> bool:
        """Whether all weights are equal."""
        return len({w for row in self.weights for w in row if w != 0.0}) <= 1
