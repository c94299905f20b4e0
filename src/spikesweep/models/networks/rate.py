"""Rate networks: populations of rate units, populations of clamped rates, and projections between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, MinLen
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.kernels.random.philox import derive, uniforms
from spikesweep.kernels.rates.system import Link, System
from spikesweep.kernels.rates.system import Population as Units
from spikesweep.models.contracts import Patterns, Shape, Weights
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.neurons.rate_unit import RateUnit
from spikesweep.models.synapses.rate_synapses import FilteredCurrent, SaturatingConductance

Array = NDArray[np.float64]
#: Weights (post, pre, points) by the names of the post- and the presynaptic population.
WeightsOf = Mapping[str, Mapping[str, Array]]

_CELL_FIELDS = ("v_rest", "tau", "R", "v_th", "v_pk", "peak")


@dataclass(frozen=True)
class RatePopulation(Population):
    """Units of one kind."""

    cell: RateUnit  # type: ignore[assignment]  #: a unit of the chosen neuron, which has no spikes
    n: Annotated[int, "cells", Ge(1)]  #: how many


@dataclass(frozen=True)
class Projection:
    """All synapses from one population to another."""

    weights: Weights  #: distribution (inputs.weights)
    synapse: FilteredCurrent | SaturatingConductance  #: model (inputs.rate_synapses)


@dataclass(frozen=True)
class RateNetwork(OfCells):
    """Populations of any number and size, each cell of one connected to each of another.

    A population does not connect a cell to itself. Answers do not depend on the order of the names,
    except that of the projections where `rng` is legacy.
    """

    populations: Annotated[Mapping[str, RatePopulation], MinLen(1)]  #: by name
    inputs: Mapping[str, Patterns]  #: populations of clamped rates, by name (inputs.patterns)
    projections: Annotated[Mapping[str, Mapping[str, Projection]], MinLen(1)]  #: by post, then pre
    rng: Literal["labels", "legacy"]  #: labels: of the seed and names; legacy: RandomState(seed) in order
    rows: Literal["post", "pre"]  #: whose cells are the rows in which legacy draws weights
    driving_force: Literal["own", "pre_index"]  #: pre_index: the slip of the published script
    courses: Mapping[str, Shape] | None = None  #: of input rates, constant where there is none

    @property
    def n_patterns(self) -> int | None:
        """Return how many input patterns there are, None for any number."""
        numbers = [n for n in (x.n_patterns for x in self.inputs.values()) if n is not None]
        return min(numbers, default=None)

    def size(self, name: str) -> int:
        """Return the number of cells or clamped units of a population."""
        return int((self.populations.get(name) or self.inputs[name]).n)

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        for name, population in self.populations.items():
            cell = population.cell
            if not isinstance(cell, RateUnit):
                raise InputError(f"network.populations.{name}.cell is a {_kind(cell)}; allowed: a RateUnit")
            if np.any(np.asarray(cell.v_pk) <= cell.v_th):
                raise InputError(
                    f"v_pk = {cell.v_pk} mV of {name} is refused; allowed: above v_th, {cell.v_th} mV"
                )
            if name in self.inputs:
                raise InputError(f"network.inputs.{name} is also a population; allowed: each name once")
        if not self.integrated():
            raise InputError("network.projections leads to no population; allowed: at least one projection")
        drawn = [name for name, x in self.inputs.items() if x.n_patterns is None]
        if self.rng == "legacy" and len(drawn) > 1:
            raise InputError(
                f"network.rng = 'legacy' is refused with the inputs {', '.join(drawn)}, whose patterns are "
                "drawn one after the other; allowed: one of them, or labels"
            )
        for name, course in (self.courses or {}).items():
            if name not in self.inputs:
                raise InputError(f"network.courses.{name} is of no input; {nearest(name, self.inputs)}")
            course.check(f"network.courses.{name}")
        known = [*self.populations, *self.inputs]
        for post, pre, projection in self._each():
            where = f"network.projections.{post}.{pre}"
            if post not in self.populations:
                raise InputError(f"{where}: {post!r} is no population; {nearest(post, self.populations)}")
            if pre not in known:
                raise InputError(f"{where}: {pre!r} is no population and no input; {nearest(pre, known)}")
            if not isinstance(projection.synapse, (FilteredCurrent, SaturatingConductance)):
                raise InputError(
                    f"{where}.synapse is a {_kind(projection.synapse)}; allowed: a synapse of rates"
                )
            if self.driving_force == "pre_index" and not isinstance(projection.synapse, FilteredCurrent):
                raise InputError(
                    f"network.driving_force = 'pre_index' is refused: {where}.synapse is a "
                    f"{_kind(projection.synapse)}; allowed: FilteredCurrent, or 'own'"
                )
            if self.driving_force == "pre_index" and self.size(pre) != self.size(post):
                raise InputError(
                    f"network.driving_force = 'pre_index' is refused: {post} has {self.size(post)} cells, "
                    f"{pre} {self.size(pre)}; allowed: equal sizes, or 'own'"
                )

    def draw(self, seed: NDArray[np.int64], pattern: NDArray[np.int64], root_seed: int) -> tuple[Any, Any]:
        """Return the weights, and the rates (unit, points) of every input, of each point's seed and pattern.

        `root_seed` has no part in legacy numbers.
        """
        seeds, index = np.unique(seed, return_inverse=True)
        if self.rng == "legacy":
            weights, rates = self._legacy(seeds, pattern, index)
        else:
            root = np.asarray(np.uint64(root_seed))
            keys = derive(root, "seed", seeds)
            weights = {post: {} for post in self.projections}
            for post, pre, projection in self._each():
                shape = (len(seeds), self.size(post), self.size(pre))
                u = uniforms(derive(keys, f"weights {post} {pre}", 0.0), shape[1] * shape[2])
                unit = projection.weights.unit_weights(u.reshape(shape))[index]
                weights[post][pre] = projection.weights.mean * np.moveaxis(unit, 0, -1)
            rates = {
                name: x.rates(derive(root, f"input {name}", 0.0), pattern).T
                for name, x in self.inputs.items()
            }
        for post, pre, _ in self._each():
            if post == pre:
                weights[post][pre][np.diag_indices(self.size(post))] = 0.0
        return weights, rates

    def _legacy(self, seeds: NDArray[Any], pattern: NDArray[Any], index: NDArray[Any]) -> tuple[Any, Any]:
        weights: dict[str, dict[str, Array]] = {post: {} for post in self.projections}
        for post, pre, _ in self._each():
            weights[post][pre] = np.empty((self.size(post), self.size(pre), len(index)))
        rates = {name: np.empty((x.n, len(index))) for name, x in self.inputs.items()}
        for s, seed in enumerate(seeds):
            rng, here = RandomState(int(seed)), np.flatnonzero(index == s)
            for post, pre, projection in self._each():
                sizes = self.size(post), self.size(pre)
                if self.rows == "post":
                    drawn = projection.weights.legacy(rng, sizes)
                else:
                    drawn = projection.weights.legacy(rng, sizes[::-1]).T
                weights[post][pre][:, :, here] = drawn[:, :, np.newaxis]
            for name, x in self.inputs.items():
                rates[name][:, here] = x.legacy(rng, int(pattern.max()) + 1)[pattern[here]].T
        return weights, rates

    def integrated(self) -> list[str]:
        """Return the populations that receive anything, sorted; the others stay at rest for ever."""
        return sorted(post for post, sources in self.projections.items() if sources)

    def first_cells(self) -> list[int]:
        """Return the index of the first cell of each integrated population, all counted in turn."""
        sizes = [self.size(name) for name in self.integrated()]
        return [sum(sizes[:k]) for k in range(len(sizes))]

    def links(self) -> list[tuple[str, str]]:
        """Return the post- and the presynaptic population of every projection, sorted."""
        return sorted((post, pre) for post, pre, _ in self._each())

    def system(self, weights: WeightsOf, rates: Mapping[str, Array], *, synapses: bool = False) -> System:
        """Return the system of points with these weights and input rates (Hz; unit, points)."""
        names = self.integrated()
        n_points = next(iter(next(iter(weights.values())).values())).shape[-1]

        def each(value: Any) -> Array:
            return np.broadcast_to(np.asarray(value, np.float64), (n_points,))

        populations = tuple(
            Units(self.size(name), *(each(getattr(self.populations[name].cell, f)) for f in _CELL_FIELDS))
            for name in names
        )
        links = []
        for post, pre in self.links():
            synapse: Any = self.projections[post][pre].synapse
            saturating = isinstance(synapse, SaturatingConductance)
            if pre in rates:
                clamped = rates[pre]
            elif pre in names:
                clamped = np.empty((0, n_points))
            else:  # a population that receives nothing
                cell = self.populations[pre].cell
                clamped = np.broadcast_to(each(cell.rate(cell.v_rest)), (self.size(pre), n_points))
            links.append(
                Link(
                    names.index(post),
                    names.index(pre) if pre in names else None,
                    clamped,
                    weights[post][pre],
                    each(synapse.g),
                    each(synapse.E_rev),
                    each(synapse.tau_decay if saturating else synapse.tau),
                    each(synapse.tau_rise) if saturating else None,
                    (self.courses or {}).get(pre),
                )
            )
        return System(populations, tuple(links), self.driving_force == "pre_index", synapses)

    def _each(self) -> Iterator[tuple[str, str, Projection]]:
        for post, sources in self.projections.items():
            for pre, projection in sources.items():
                yield post, pre, projection


def _kind(part: Any) -> str:
    return type(part).__name__
