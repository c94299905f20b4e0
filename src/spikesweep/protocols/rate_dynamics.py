"""Time course of a rate network under clamped input patterns.

A point is one network: its weights come from `seed`, its input rates from `pattern`, and all weights are
multiplied by `weight_scale`. Every unit starts at rest, all synapses at zero. The model is at the top
of `neurons.rate_unit` and `inputs.rate_synapses`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.rates.measures import measure
from spikesweep.kernels.rates.solution import Solution, from_scipy, from_states
from spikesweep.kernels.rates.solvers import solve_adaptive, solve_fixed
from spikesweep.kernels.rates.system import System
from spikesweep.models.networks.contracts import Rates
from spikesweep.models.networks.rate import RateNetwork
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, numbers
from spikesweep.units import NonNegative, Positive, Seed, ms, number

Array = NDArray[np.float64]

_TRACES = {
    "v": Variable("v", ("cell", "time"), "mV", "membrane potential"),
    "rate": Variable("rate", ("cell", "time"), "Hz", "output rate"),
    "current": Variable("current", ("cell", "time"), "nA", "synaptic current, summed"),
    "projection_current": Variable(
        "projection_current", ("projection", "cell", "time"), "nA", "synaptic current of a projection, summed"
    ),
    "synapse_current": Variable("synapse_current", ("synapse", "time"), "nA", "synaptic current"),
    "input_rate": Variable("input_rate", ("input_unit",), "Hz", "rate of an input unit, at a factor of 1"),
}
_MEASURES = (
    Variable("activity", ("cell",), "Hz", "mean rate after `discard`"),
    Variable("v_end", ("cell",), "mV", "potential at the end"),
    Variable("v_peak", ("cell",), "mV", "highest potential"),
    Variable("settling_time", ("cell",), "ms", "time after which the potential stays near its last value"),
)
#: Settled: this near to the last value, as a fraction of its distance from rest.
SETTLED = 0.02
_ROUNDING = 1e-9  # ms, of the times of samples
#: A stored number costs about as much as this many updates of a state variable.
_STORED = 3.0
_STEPS_GUESS = 100.0  # of the adaptive integrator, with the six evaluations of each
#: A step of an adaptive integrator that nothing moves (ms).
_LONG_STEP = 50.0


@dataclass(frozen=True)
class RateDynamics(Experiment):
    """Potentials, rates and currents over time, and what is measured of them."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("pattern", "1", "input pattern", 0, integer=True),
        Axis("seed", "1", "of the weights", 0, integer=True),
        Axis("weight_scale", "1", "factor of all weights", 0.0),
    )

    duration: Positive[ms]  #: simulated time
    n_samples: Annotated[int, "samples", Ge(2)]  #: equally spaced, both ends included
    discard: NonNegative[ms]  #: time at the start that `activity` leaves out
    record: tuple[Literal["v", "rate", "current", "projection_current", "synapse_current", "input_rate"], ...]
    integrator: Literal["adaptive", "fixed", "scipy"]  #: the first two compiled
    dt: Positive[ms]  #: largest step of `fixed`
    method: Literal["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"]  #: of `scipy`
    rtol: Positive[number]  #: relative tolerance of `adaptive` and `scipy`
    atol: Positive[number]  #: absolute tolerance of `adaptive` and `scipy`, in each state's unit
    root_seed: Seed  #: of all random numbers that are keyed by labels

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored: the recorded traces and the measures."""
        return (*(_TRACES[name] for name in self.record), *_MEASURES)

    def check(self, network: Any) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        check_network(network, Rates, "feedforward_rate")
        if self.discard >= self.duration:
            raise InputError(
                f"protocol.discard = {self.discard} ms is refused: "
                f"allowed is less than protocol.duration = {self.duration} ms"
            )
        if not len(self._counted()):
            raise InputError(
                f"protocol.discard = {self.discard} ms leaves no sample before the end of "
                f"protocol.n_samples = {self.n_samples}; allowed: more samples, or less to discard"
            )
        if len(set(self.record)) < len(self.record):
            raise InputError(f"protocol.record = {list(self.record)} is refused; allowed: each name once")
        if self.integrator == "adaptive" and getattr(network, "courses", None):
            raise InputError(
                "protocol.integrator = 'adaptive' is refused with network.courses: its steps may pass over "
                "what they do; allowed: fixed, scipy"
            )
        name, smallest = min(network.time_constants().items(), key=lambda item: item[1])
        if self.integrator == "fixed" and self.dt >= smallest:
            raise InputError(
                f"protocol.dt = {self.dt} ms is refused: allowed is less than the smallest time constant, "
                f"{smallest:.10g} ms ({name})"
            )

    def check_grid(self, network: RateNetwork, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse a pattern that the network's inputs do not have; raise InputError."""
        last, allowed = int(values["pattern"].max()), network.n_patterns
        if allowed is not None and last >= allowed:
            raise InputError(
                f"grid.pattern holds {last}; allowed: 0 to {allowed - 1}, the network's patterns"
            )

    def coordinates(self, network: RateNetwork) -> dict[str, Coordinate]:
        """Return the labels of cells, times, and of projections and synapses where they are recorded."""
        names = [name for name in network.integrated() for _ in range(network.size(name))]
        found = {
            "cell": Coordinate(np.arange(len(names)), "1", "cell"),
            "population": Coordinate(np.array(names), "1", "population of the cell", ("cell",)),
        }
        if any("time" in _TRACES[name].dims for name in self.record):
            found["time"] = Coordinate(self.times, "ms", "time")
        if "input_rate" in self.record:
            units = [name for name in sorted(network.inputs) for _ in range(network.size(name))]
            found["input_unit"] = Coordinate(np.arange(len(units)), "1", "input unit")
            found["input"] = Coordinate(np.array(units), "1", "population of inputs", ("input_unit",))
        if "projection_current" in self.record:
            links = np.array([f"{post}<-{pre}" for post, pre in network.links()])
            found["projection"] = Coordinate(links, "1", "projection, post<-pre")
        if "synapse_current" in self.record:
            found |= synapse_coordinates(network, network.links())
        return found

    @property
    def times(self) -> Array:
        """Return the times of the samples (ms)."""
        numbers("protocol.n_samples", self.n_samples, self.n_samples)
        return np.linspace(0.0, self.duration, self.n_samples)

    def work(self, network: RateNetwork, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the updates that one point costs."""
        del whole
        sizes = {v: n for v, n in self._sizes(network).items()}
        stored = sum(np.prod([sizes[dim] for dim in v.dims]) for v in self.variables)
        synapses = sum(network.size(post) * network.size(pre) for post, pre in network.links())
        steps = self.duration / self.dt if self.integrator == "fixed" else self._steps_guess
        return float(steps * (sizes["cell"] + synapses) + _STORED * stored)

    @property
    def _steps_guess(self) -> float:
        """Return about how many steps an adaptive integrator takes: no fewer than a cell's time constants."""
        return max(_STEPS_GUESS, self.duration / _LONG_STEP)

    def _sizes(self, network: RateNetwork) -> dict[str, int]:
        sizes = {name: len(labels) for name, labels in self.coordinates(network).items()}
        return {"time": self.n_samples, **sizes}

    def prepare(self, network: RateNetwork) -> None:
        """Compile the kernels."""
        point = {"pattern": np.zeros(1, np.int64), "seed": np.zeros(1, np.int64), "weight_scale": np.ones(1)}
        replace(self, duration=1e-3, n_samples=2, discard=0.0)(network, point, {})

    def __call__(
        self, network: RateNetwork, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable, shape (its dims, point)."""
        del whole
        weights, rates = network.draw(points["seed"], points["pattern"], self.root_seed)
        for sources in weights.values():
            for pre in sources:
                sources[pre] = sources[pre] * points["weight_scale"]
        return self.solve(network, weights, rates)

    def solve(self, network: RateNetwork, weights: Any, rates: Any) -> dict[str, Array]:
        """Return every variable, shape (its dims, point), of networks with given weights and rates."""
        solution = self._solution(network.system(weights, rates, synapses="synapse_current" in self.record))
        found = {"v": solution.v, "rate": solution.rate, "current": solution.total}
        if "projection_current" in self.record:
            found["projection_current"] = self._by_projection(network, solution)
        if "synapse_current" in self.record:
            flat = [x.reshape(len(x), -1, self.n_samples) for x in solution.synapses]
            found["synapse_current"] = np.concatenate(flat, axis=1)
        if "input_rate" in self.record:
            found["input_rate"] = np.concatenate([rates[name] for name in sorted(rates)]).T
        found |= self._measures(solution)
        return {x.name: np.moveaxis(found[x.name], 0, -1) for x in self.variables}

    def _solution(self, system: System) -> Solution:
        if self.integrator == "scipy":
            scipy = (self.duration, self.n_samples, self.method, self.rtol, self.atol)
            return from_scipy(system, *scipy)
        links = "projection_current" in self.record or system.synapses
        if self.integrator == "fixed":
            rows = solve_fixed(system, self.duration, self.n_samples, self.dt, links=links)
        else:
            settings = (self.duration, self.n_samples, self.rtol, self.atol)
            rows = solve_adaptive(system, *settings, links=links)
        return from_states(system, rows)

    def _by_projection(self, network: RateNetwork, solution: Solution) -> Array:
        """Return the currents of each projection at every cell, 0 where it does not lead."""
        n_points, n_cells, n_samples = solution.v.shape
        found = np.zeros((n_points, len(solution.links), n_cells, n_samples))
        first = dict(zip(network.integrated(), network.first_cells(), strict=True))
        for k, ((post, _), currents) in enumerate(zip(network.links(), solution.links, strict=True)):
            found[:, k, first[post] : first[post] + network.size(post)] = currents
        return found

    def _measures(self, solution: Solution) -> dict[str, Array]:
        counted = self._counted()
        window = slice(int(counted[0]), int(counted[-1]) + 1)
        return measure(solution.v, solution.rate, self.times, window, SETTLED)._asdict()

    def _counted(self) -> NDArray[np.int64]:
        """Return the samples that `activity` is the mean of."""
        inside = (self.times > self.discard - _ROUNDING) & (self.times < self.duration - _ROUNDING)
        return np.flatnonzero(inside)


def synapse_coordinates(network: RateNetwork, links: list[tuple[str, str]]) -> dict[str, Coordinate]:
    """Return the labels of all synapses of projections, (post, pre) each."""
    names: list[str] = []
    post_cells: list[int] = []
    pre_cells: list[int] = []
    for post, pre in links:
        for i in range(network.size(post)):
            names += [f"{post}<-{pre}"] * network.size(pre)
            post_cells += [i] * network.size(pre)
            pre_cells += range(network.size(pre))
    along = ("synapse",)
    return {
        "synapse": Coordinate(np.arange(len(names)), "1", "synapse"),
        "synapse_projection": Coordinate(np.array(names), "1", "projection of the synapse, post<-pre", along),
        "post_cell": Coordinate(np.array(post_cells), "1", "cell, counted in its population", along),
        "pre_cell": Coordinate(np.array(pre_cells), "1", "presynaptic unit, in its population", along),
    }
