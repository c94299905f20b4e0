"""External Poisson input of the populations of a network.

PoissonDrive: each cell has `n` synapses of its own, all events of which are one Poisson process. SharedDrive:
a finite pool of sources, each connected at random, so that cells share events; in a step a source has one
event with probability rate * dt, as in Brian2's PoissonGroup. Events at given times are in inputs.kicks.

The rate may follow a course in time: `rate` times the factor of a `shape` (models.inputs.shapes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.compile.jit import compiled
from spikesweep.models.contracts import Shape, Synapse
from spikesweep.models.inputs.given import NoCoefficients
from spikesweep.models.inputs.poisson import MOST_EVENTS
from spikesweep.models.networks.connections import FixedOutDegree, RandomConnections
from spikesweep.models.networks.weights import EqualWeights
from spikesweep.units import PER_MS, Fraction, Hz, NonNegative, ms, number


@dataclass(frozen=True)
class PoissonDrive:
    """Independent Poisson input of each cell."""

    rate: NonNegative[Hz]  #: of a source
    shape: Shape | None  #: factor of the rate over time; constant where null
    #: sources of a cell, by population; null in a network of exc and inh: as many as excitatory synapses
    n: Annotated[Mapping[str, NonNegative[number]] | None, MinLen(1)]
    like: str | None  #: population whose synapse its events reach; `synapse` where null
    synapse: Synapse | None  #: a synapse of its own
    weight: number  #: multiple of the synapse's weight

    pool: ClassVar[None] = None  #: cells share no source
    given: ClassVar[bool] = False  #: events are drawn

    @property
    def onto(self) -> tuple[str, ...]:
        """Return the populations that it reaches."""
        return tuple(self.n or ())

    @property
    def _n(self) -> Mapping[str, number]:
        return self.n or {}

    def events(self, population: str, t: NDArray[np.float64], dt: ms) -> NDArray[np.float64]:
        """Return the mean number of events of a cell in the steps that begin at t (ms)."""
        return _rate(self, t) * (self._n[population] * PER_MS * dt)

    def highest_events(self, population: str, dt: ms) -> number:
        """Return the highest of these numbers."""
        return _highest(self) * (self._n[population] * PER_MS * dt)

    def told(self, kinds: Mapping[str, str], in_degree: number) -> "PoissonDrive":
        """Return it with the names of populations; where `n` is null, with as many sources as in_degree."""
        like = None if self.like is None else names_of(kinds, self.like)[0]
        n = dict.fromkeys(kinds, float(in_degree)) if self.n is None else self.n
        return replace(self, like=like, n=n)

    def check_dt(self, where: str, dt: ms) -> None:
        """Refuse rates that a step does not resolve, or too many events of a cell; raise InputError."""
        _check_rate(self, where, dt)
        for population in self.onto:
            if (events := self.highest_events(population, dt)) > MOST_EVENTS:
                n = self._n[population]
                raise InputError(
                    f"{where}.n.{population} = {n:g} gives {events:.3g} events in a step of {dt:g} ms; "
                    f"allowed: at most {n * MOST_EVENTS / events:g}"
                )


class Shared:
    """What drives whose sources the cells of some populations share have in common."""

    onto: tuple[str, ...]
    like: str | None
    weight: number
    p_connect: Fraction | None
    n: int | None
    factors: Mapping[str, number] | None

    def told(self, kinds: Mapping[str, str], in_degree: number) -> Self:
        """Return it with the names of populations in place of kinds."""
        del in_degree
        changes: dict[str, Any] = {"onto": names_of(kinds, *self.onto)}
        if self.like is not None:
            changes["like"] = names_of(kinds, self.like)[0]
        if self.factors is not None:
            changes["factors"] = dict(zip(names_of(kinds, *self.factors), self.factors.values(), strict=True))
        own: Any = self
        found: Self = replace(own, **changes)
        return found

    def weights_onto(self, population: str) -> EqualWeights:
        """Return the weights of the connections onto a population."""
        return EqualWeights(self.weight * (1.0 if self.factors is None else self.factors[population]))

    def connections_onto(self, population: str) -> Any:
        """Return which cells of a population its sources reach."""
        weights = self.weights_onto(population)
        if self.n is None:
            return RandomConnections(float(self.p_connect or 0.0), weights, 0.0)
        return FixedOutDegree(self.n, weights, 0.0, autapses=True, multapses=False)

    def check_reach(self, where: str) -> None:
        """Refuse both a probability and a number of cells, or neither; raise InputError."""
        if (self.p_connect is None) == (self.n is None):
            raise InputError(
                f"{where} has p_connect = {self.p_connect} and n = {self.n}; allowed: one of them, the other "
                "null"
            )


@dataclass(frozen=True)
class SharedDrive(Shared):
    """Poisson sources that the cells of some populations share."""

    rate: NonNegative[Hz]  #: of a source
    shape: Shape | None  #: factor of the rate over time; constant where null
    pool: Annotated[int, "1", Ge(1)]  #: sources
    p_connect: Fraction | None  #: that a source connects to a cell; null with `n`
    onto: Annotated[tuple[str, ...], MinLen(1)]  #: populations
    like: str | None  #: population whose synapse its events reach; `synapse` where null
    synapse: Synapse | None  #: a synapse of its own
    weight: number  #: multiple of the synapse's weight
    #: factor of `weight` by population; 1 where null
    factors: Annotated[Mapping[str, NonNegative[number]] | None, MinLen(1)] = None
    n: Annotated[int, "1", Ge(1)] | None = None  #: cells of each population that a source reaches

    given: ClassVar[bool] = False  #: events are drawn

    def events(self, t: NDArray[np.float64], dt: ms) -> NDArray[np.float64]:
        """Return the probability that a source has an event in each of the steps that begin at t (ms)."""
        return _rate(self, t) * (PER_MS * dt)

    def check_dt(self, where: str, dt: ms) -> None:
        """Refuse both `p_connect` and `n`, and rates that a step does not resolve; raise InputError."""
        self.check_reach(where)
        _check_rate(self, where, dt)


def names_of(kinds: Mapping[str, str], *given: str) -> tuple[str, ...]:
    """Return the population of each kind that is given; what is no kind is itself.

    `kinds` has the kind of each population, exc or inh.
    """
    named = {kind: name for name, kind in kinds.items()}
    return tuple(named.get(name, name) for name in given)


def _rate(drive: Any, t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(drive.rate * (np.ones(len(t)) if drive.shape is None else factor_of(drive.shape, t)))


def factor_of(shape: Shape, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factors of a shape, which may be anybody's; raise InputError for what no rate can have."""
    found = np.asarray(shape.factor(t), np.float64)
    kind, highest = type(shape).__name__, shape.highest
    if found.shape != t.shape:
        raise InputError(f"{kind}.factor gives the shape {found.shape}; allowed: {t.shape}, one a time")
    wrong = ~((found >= 0.0) & (found <= highest * (1.0 + 1e-9)))  # of nan, too
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"{kind}.factor gives {found[first]:g} at {t[first]:g} ms; allowed: 0 to its highest, {highest:g}"
        )
    return found


def _highest(drive: Any) -> Hz:
    return float(drive.rate * (1.0 if drive.shape is None else drive.shape.highest))


def _check_rate(drive: Any, where: str, dt: ms) -> None:
    """Refuse more than one event of a source in a step; raise InputError."""
    if drive.shape is not None:
        drive.shape.check(f"{where}.shape")
    highest = _highest(drive)
    if highest * PER_MS * dt >= 1.0:
        raise InputError(
            f"{where}.rate = {drive.rate:g} Hz reaches {highest:g} Hz, which a step of {dt:g} ms does not "
            f"resolve; allowed: below {1.0 / (PER_MS * dt):g} Hz"
        )


class SourceState(NamedTuple):
    """What changes from step to step: nothing."""

    v: number  #: internal: a source has no potential


class Source(NamedTuple):
    """A source of a pool, as a cell that spikes whenever it is kicked."""

    def initial(self) -> SourceState:
        """Return the state."""
        return SourceState(0.0)

    def coefficients(self, clock: Clock) -> NoCoefficients:
        """Return what a step needs."""
        del clock
        return NoCoefficients()

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        """Return the state, and 1.0 where there is an event."""
        return x, 1.0 if current > 0.0 else 0.0
