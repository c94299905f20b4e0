"""What is asked for in rounds: more seeds until means are sure, points where they tell most, or are best."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.designs import unit_points
from spikesweep.grid.mesh import MOST_AXES
from spikesweep.grid.points import Table
from spikesweep.grid.priors import sampled, values_of
from spikesweep.grid.schema import Axis
from spikesweep.grid.trials import optuna

#: Repetitions of a point, and points that are chosen.
_MOST_SEEDS, _MOST_POINTS = 100_000, 1_000_000
#: Axes that are ranges, by key.
Ranges = Mapping[str, tuple[Axis, Mapping[str, Any]]]


@dataclass(frozen=True)
class Replicate:
    """More seeds until the standard error of a mean over them is small enough at every point."""

    variable: str
    sem: Annotated[float, Gt(0)]  #: in the unit of the variable
    first: Annotated[int, Ge(2), Le(_MOST_SEEDS)] = 10  #: seeds that are there before anything is decided
    batch: Annotated[int, Ge(1), Le(_MOST_SEEDS)] = 8  #: seeds that a round adds at least
    most: Annotated[int, Ge(2), Le(_MOST_SEEDS)] = 1000  #: seeds

    def seeds(self, given: NDArray[Any], asked: int | None) -> list[int]:
        """Return the seeds of a round: those that were given, and the numbers after them."""
        least = max(self.first, len(given))
        if self.most < least:
            raise InputError(
                f"replicate.most = {self.most} is below the first {least} seeds; allowed: {least} or more"
            )
        n, last = asked or least, int(np.max(given))
        return [*given.tolist(), *range(last + 1, last + 1 + n - len(given))]


@dataclass(frozen=True)
class Chosen:
    """Points of the axes that are ranges, chosen in batches from what came out."""

    key: ClassVar[str]  #: of the configuration
    undecided: ClassVar[tuple[str, ...]] = ("budget", "axes")  #: fields that do not decide which points

    variable: str
    budget: Annotated[int, Ge(1), Le(_MOST_POINTS)]  #: points
    at: Mapping[str, str | float] = field(
        default_factory=dict
    )  #: labels of its other dimensions: {population: RS}
    first: Annotated[int, Ge(2), Le(_MOST_POINTS)] = 32  #: points that are there before any is chosen
    batch: Annotated[int, Ge(1), Le(_MOST_POINTS)] = 32  #: points of a round; a fifth of those there if more
    axes: tuple[str, ...] | None = None  #: the axes that are ranges, if one wants to say so

    def __post_init__(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        if self.budget < self.first:
            raise InputError(
                f"{self.key}.budget = {self.budget} is below the first {self.first} points; allowed: "
                f"{self.first} or more, or another {self.key}.first"
            )

    def after(self, n: int) -> int:
        """Return how many points there are after the round that chooses from n."""
        return n + max(self.batch, n // 5)

    def rounds(self, n: int) -> int:
        """Return how many points the last whole round has, of n that are there."""
        found = self.first
        while self.after(found) <= n:
            found = self.after(found)
        return found

    def drawn(self, ranges: Ranges, points: NDArray[Any] | None) -> tuple[Table, dict[str, Any]]:
        """Return the points of a round, or the first, by key of their axes, and their record."""
        priors = {axis.name: self._prior(axis, spec) for axis, spec in ranges.values()}
        self._check_axes(len(ranges))
        named = [axis.name for axis, _ in ranges.values()]
        if self.axes is not None and sorted(self.axes) not in (sorted(named), sorted(ranges)):
            raise InputError(
                f"{self.key}.axes = {list(self.axes)} are not the ranges, {named}; allowed: null, or "
                "grid.KEY = {low: ..., high: ...} for each of them alone"
            )
        if points is None:
            points = values_of(priors, self._first(len(ranges)))
        rule = {k: v for k, v in asdict(self).items() if k not in self.undecided}
        record = {"method": self.key, "priors": {}, "axes": priors, self.key: rule}
        return {key: points[:, i] for i, key in enumerate(ranges)}, record

    def _check_axes(self, d: int) -> None:
        """Refuse a number of axes; raise InputError."""
        raise NotImplementedError

    def _first(self, d: int) -> NDArray[np.float64]:
        """Return the first points in the unit cube."""
        raise NotImplementedError

    def _prior(self, axis: Axis, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return a range as samples record it; raise InputError for one that cannot be halved."""
        recorded = sampled(axis, spec, np.array([0.5]))[1]
        if recorded["dist"] not in ("uniform", "loguniform") or recorded["integer"]:
            raise InputError(
                f"{axis.where} = {dict(spec)} cannot be {self.key}d; allowed: {{low, high, spacing}}"
            )
        return recorded


@dataclass(frozen=True)
class Refine(Chosen):
    """Points of the axes that are ranges where they tell most, chosen in batches from what came out."""

    key: ClassVar[str] = "refine"

    loss: Literal["gradient", "boundary", "uncertainty"] = "gradient"
    level: float | None = None  #: of the boundary, in the unit of the variable

    def __post_init__(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        if (self.level is None) == (self.loss == "boundary"):
            allowed = "a number" if self.loss == "boundary" else "null"
            raise InputError(
                f"refine.level = {self.level} with loss = {self.loss} is refused; allowed: {allowed}"
            )
        super().__post_init__()

    def _check_axes(self, d: int) -> None:
        if not 1 <= d <= MOST_AXES:
            raise InputError(f"refine has {d} ranges; allowed: 1 to {MOST_AXES} axes of {{low, high}}")
        if self.first < 2**d + 1:
            raise InputError(
                f"refine.first = {self.first} is below the corners of {d} axes; allowed: {2**d + 1} or more"
            )

    def _first(self, d: int) -> NDArray[np.float64]:
        """Return the first points in the unit cube: its corners, and some that fill it evenly."""
        corners = np.array(list(product((0.0, 1.0), repeat=d)))
        return np.concatenate([corners, _filling(self.first - len(corners), d, 0)])


@dataclass(frozen=True)
class Optimise(Chosen):
    """Points of the axes that are ranges where a number is least, most, or next to a target."""

    key: ClassVar[str] = "optimise"

    direction: Literal["minimise", "maximise"] | None = None
    target: float | None = None  #: in the unit of the variable, in place of a direction
    seed: Annotated[int, Ge(0), Le(2**31)] = 0  #: of what is drawn

    def __post_init__(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        if (self.direction is None) == (self.target is None):
            raise InputError(
                f"optimise.direction = {self.direction} with target = {self.target} is refused; "
                "allowed: minimise or maximise, or a target in its place"
            )
        super().__post_init__()

    def after(self, n: int) -> int:
        """Return how many points there are after the round that chooses from n."""
        return n + self.batch

    def _check_axes(self, d: int) -> None:
        optuna("optimise")

    def _first(self, d: int) -> NDArray[np.float64]:
        """Return the first points in the unit cube, which fill it evenly."""
        return _filling(self.first, d, self.seed)


def _filling(n: int, d: int, seed: int) -> NDArray[np.float64]:
    return unit_points("nested_latin_hypercube", 1 << (n - 1).bit_length(), d, seed)[:n]


@dataclass(frozen=True, eq=False)
class Round:
    """What a round asks for, after the first."""

    seeds: int | None = None  #: how many
    points: NDArray[Any] | None = None  #: chosen ones, shape (points, axes)
