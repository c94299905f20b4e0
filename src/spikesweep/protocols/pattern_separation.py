"""How a rate network represents all of its input patterns, and how far that is from what was aimed at.

A point is one network under every pattern, so what it is measured by can be optimised: mean weights of
circuits were found so by Galloni et al. 2022, doi:10.3389/fncom.2022.826278. Measures and losses are defined
at the top of `kernels.rates.representation`. Each pattern starts with every unit at rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.rates.representation import AIMS, MEASURES, represent
from spikesweep.models.networks.contracts import Rates
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network
from spikesweep.protocols.rate_dynamics import RateDynamics
from spikesweep.units import NonNegative, Positive, Seed, ms, number

Array = NDArray[np.float64]

#: Values of a solution that are held at a time: 80 MB.
_MOST_HELD = 10_000_000
_LONG_NAMES = {
    "mean_activity": "mean rate of all units over all patterns",
    "selectivity_index": "1 - mean / highest of a unit's responses, mean over units with a response",
    "sparsity": "active units, mean over patterns",
    "similarity": "cosine of responses to two patterns, mean over pairs; 1 where one is silent",
    "selectivity": "active patterns, mean over units",
    "active_patterns": "part of the patterns with a response",
    "active_units": "part of the units with a response",
    "loss": "sum of the losses",
}


def _measure(name: str) -> Variable:
    units = "Hz" if name == "mean_activity" else "1"
    text = _LONG_NAMES.get(name) or f"squared distance of {name.removesuffix('_loss')} from its target"
    return Variable(name, ("population",), units, text, optional=name in ("selectivity_index", "similarity"))


@dataclass(frozen=True)
class PatternSeparation(Experiment):
    """Measures of the responses to all patterns, and these responses on demand."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("seed", "1", "of the weights", 0, integer=True),
        Axis("weight_scale", "1", "factor of all weights", 0.0),
    )

    n_patterns: Annotated[int, "patterns", Ge(1)] | None  #: all that the network has, where null
    duration: Positive[ms]  #: of a presentation
    n_samples: Annotated[int, "samples", Ge(2)]  #: equally spaced, both ends included
    discard: NonNegative[ms]  #: time at the start that `activity` leaves out
    targets: Mapping[str, number]  #: of sparsity, similarity, selectivity, active_patterns, active_units
    ranges: Mapping[str, Positive[number]]  #: distance from each target that counts as 1
    record: tuple[str, ...]  #: `activity`: the responses themselves
    integrator: Literal["adaptive", "fixed"]  #: both compiled
    dt: Positive[ms]  #: largest step of `fixed`
    rtol: Positive[number]  #: relative tolerance of `adaptive`
    atol: Positive[number]  #: absolute tolerance of `adaptive`, in each state's unit
    root_seed: Seed  #: of all random numbers that are keyed by labels

    #: What `record` may name.
    recorded: ClassVar[Mapping[str, Variable]] = {
        "activity": Variable("activity", ("cell", "pattern"), "Hz", "mean rate after `discard`"),
    }

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored: the measures, and what is recorded."""
        return (*map(_measure, MEASURES), *(self.recorded[name] for name in self.record))

    def check(self, network: Any) -> None:
        """Refuse a network or a step that cannot be simulated, and aims that are none; raise InputError."""
        for key, values in (("targets", self.targets), ("ranges", self.ranges)):
            for name in (*values, *AIMS):
                if name not in AIMS or name not in values:
                    raise InputError(
                        f"protocol.{key}.{name} is {'missing' if name in AIMS else 'not known'}; "
                        f"{nearest(name, AIMS)}, each once"
                    )
        if wrong := [name for name in self.record if name not in self.recorded]:
            raise InputError(f"protocol.record holds {wrong[0]!r}; {nearest(wrong[0], self.recorded)}")
        if len(set(self.record)) < len(self.record):
            raise InputError(f"protocol.record = {list(self.record)} is refused; allowed: each name once")
        check_network(network, Rates, "feedforward_rate")
        self._dynamics.check(network)
        if getattr(network, "courses", None):
            raise InputError(
                "network.courses are refused with this protocol: a response is that to a constant pattern; "
                "allowed: null, or protocol=rate_dynamics"
            )
        if not network.inputs:
            raise InputError("network.inputs = {} has no patterns; allowed: an input at least")
        if self.n_patterns is None and network.n_patterns is None:
            raise InputError(
                "protocol.n_patterns = null is refused: this network draws any number of patterns; allowed: "
                "how many"
            )
        if self.n_patterns is not None and self.n_patterns > (network.n_patterns or self.n_patterns):
            raise InputError(
                f"protocol.n_patterns = {self.n_patterns} is refused; allowed: up to {network.n_patterns}, "
                "the network's patterns"
            )

    def coordinates(self, network: Any) -> dict[str, list[str] | Coordinate]:
        """Return the names of the populations; where responses are recorded, of the cells and patterns."""
        found: dict[str, list[str] | Coordinate] = {"population": list(network.integrated())}
        dims = {dim for name in self.record for dim in self.recorded[name].dims}
        if "cell" in dims:
            names = np.repeat(network.integrated(), [network.size(name) for name in network.integrated()])
            found["cell"] = Coordinate(np.arange(len(names)), "1", "cell")
            found["cell_population"] = Coordinate(names, "1", "population of the cell", ("cell",))
        if "pattern" in dims:
            found["pattern"] = Coordinate(np.arange(self._number(network)), "1", "input pattern")
        return found

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the updates that one point costs."""
        return self._dynamics.work(network, whole) * self._number(network)

    def prepare(self, network: Any) -> None:
        """Compile the kernels."""
        self._dynamics.prepare(network)
        represent(np.zeros((1, 1, 1)), [1], np.ones(len(AIMS)), np.ones(len(AIMS)))

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable, shape (its dims, point)."""
        del whole
        weights, rates = self._drawn(network, points)
        activity = self._responses(network, weights, rates)
        found = dict(zip(MEASURES, self._measured(network, activity), strict=True))
        return {**found, **({"activity": activity} if "activity" in self.record else {})}

    @property
    def _dynamics(self) -> RateDynamics:
        return RateDynamics(
            self.duration,
            self.n_samples,
            self.discard,
            (),
            self.integrator,
            self.dt,
            "RK45",
            self.rtol,
            self.atol,
            self.root_seed,
        )

    def _number(self, network: Any) -> int:
        return int(self.n_patterns or network.n_patterns)

    def _drawn(self, network: Any, points: Mapping[str, NDArray[Any]]) -> tuple[Any, dict[str, Array]]:
        """Return weights (post, pre, point) by post and pre, and rates (unit, pattern, point) of inputs."""
        n, seed = self._number(network), points["seed"]
        weights, _ = network.draw(seed, np.full(len(seed), n - 1), self.root_seed)
        for sources in weights.values():
            for pre in sources:
                sources[pre] = sources[pre] * points["weight_scale"]
        pattern = np.repeat(np.arange(n), len(seed))
        _, flat = network.draw(np.tile(seed, n), pattern, self.root_seed)
        return weights, {name: x.reshape(len(x), n, len(seed)) for name, x in flat.items()}

    def _responses(self, network: Any, weights: Any, rates: Mapping[str, Array]) -> Array:
        """Return the activity of all cells, shape (cell, pattern, point); rates (unit, pattern, point)."""
        n_patterns, n_points = next(iter(rates.values())).shape[1:]
        n_cells = sum(network.size(name) for name in network.integrated())
        most = max(1, _MOST_HELD // (3 * n_cells * self.n_samples))
        found = np.empty((n_cells, n_patterns * n_points))
        flat = {name: x.reshape(len(x), -1) for name, x in rates.items()}
        for start in range(0, n_patterns * n_points, most):
            at = np.arange(start, min(start + most, n_patterns * n_points))
            own = {
                post: {pre: np.ascontiguousarray(w[..., at % n_points]) for pre, w in sources.items()}
                for post, sources in weights.items()
            }
            chosen = {name: np.ascontiguousarray(x[:, at]) for name, x in flat.items()}
            found[:, at] = self._dynamics.solve(network, own, chosen)["activity"]
        return found.reshape(n_cells, n_patterns, n_points)

    def _measured(self, network: Any, activity: Array) -> Array:
        """Return MEASURES of each population, shape (measures, populations, points)."""
        sizes = [network.size(name) for name in network.integrated()]
        targets, ranges = (np.array([x[name] for name in AIMS]) for x in (self.targets, self.ranges))
        return represent(activity, sizes, targets, ranges)
