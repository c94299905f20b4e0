"""Networks of spiking neurons: every cell, every connection and every external input of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from spikesweep.kernels.random.draws import uniform_numbers
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import Connections, Drive, Neuron, Noise, Start, Synapse
from spikesweep.models.inputs.currents import InjectedCurrent
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.networks.edges import BitRows, Edges, Rule
from spikesweep.models.networks.received import in_degree_of, of_population, received
from spikesweep.models.networks.whole_checks import (
    check_population,
    check_projection,
    check_projection_dt,
    check_reached,
)
from spikesweep.units import ms, number, pA


@dataclass(frozen=True)
class SpikingPopulation(Population):
    """Neurons of one kind, all of whose synapses have one kind too."""

    n: Annotated[int, "1", Ge(1)]  #: how many
    synapse: Synapse | None  #: what their spikes do to others, to be multiplied by the connections' weights
    i_ext: tuple[pA, ...]  #: constant current: one for all, or one a neuron
    noise: Noise | None  #: model (inputs.noise); none where null
    start: Start | None = None  #: of potentials (inputs.start); at the cell's rest where null
    injected: InjectedCurrent | None = None  #: current that changes in time, of every neuron


class Link(NamedTuple):
    """A projection, or the connections of a shared drive."""

    target: str
    source: str  #: population or drive
    connections: Any
    synapse: Any


@dataclass(frozen=True)
class SpikingNetwork(OfCells):
    """Populations of any number and size, connections between any of them, and external drives.

    Neurons are counted through all populations, in the order of the configuration.
    """

    populations: Annotated[Mapping[str, SpikingPopulation], MinLen(1)]  #: by name
    projections: Mapping[str, Mapping[str, Connections]]  #: by target, then source
    drives: Mapping[str, Drive] = field(default_factory=dict)  #: external inputs (inputs.drive), by name
    parameters: Mapping[str, number] = field(default_factory=dict)  #: numbers that others are made of

    @property
    def whole(self) -> "SpikingNetwork":
        """Return the network itself: it says all there is."""
        return self

    @property
    def N(self) -> int:
        """Return the number of neurons."""
        return sum(p.n for p in self.populations.values())

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the mean number of synapses onto a cell, by kind (`received`)."""
        return in_degree_of(self)

    def in_degree_onto(self, population: str) -> dict[str, number]:
        """Return the mean number of synapses onto a cell of a population, by kind (`received`)."""
        return of_population(self, population)

    def synapses_onto(self, population: str) -> dict[str, Any]:
        """Return the synapses onto a cell of a population, by kind (`received`)."""
        return {kind: synapse for kind, (_, synapse) in received(self, population).items()}

    def first(self) -> dict[str, int]:
        """Return the number of the first neuron of each population."""
        sizes = [p.n for p in self.populations.values()]
        return {name: sum(sizes[:k]) for k, name in enumerate(self.populations)}

    def cell_of(self, neuron: int) -> Neuron:
        """Return the cell of a neuron, counted through the network."""
        found = np.searchsorted(list(self.first().values()), neuron, side="right") - 1
        return list(self.populations.values())[int(found)].cell

    def links(self) -> list[Link]:
        """Return all projections, by their targets, then sources; then the connections of shared drives."""
        found = [
            Link(target, source, connections, connections.synapse or self.populations[source].synapse)
            for target in self.populations
            for source, connections in self._onto(target).items()
        ]
        for name in self.pools():
            drive: Any = self.drives[name]
            synapse = self.drive_synapse(name)
            found += [Link(target, name, drive.connections_onto(target), synapse) for target in drive.onto]
        return found

    def pools(self) -> dict[str, int]:
        """Return the number of sources of each drive whose sources cells share."""
        return {name: drive.pool for name, drive in self.drives.items() if drive.pool is not None}

    def draw(self, key: NDArray[np.uint64], dt: ms) -> list[tuple[Link, Edges]]:
        """Return each link with its connections, neurons counted in their populations; `key` names them."""
        return [(link, link.connections.edges(*self._drawing(link, key), dt)) for link in self.links()]

    def draw_compact(
        self, key: NDArray[np.uint64], dt: ms, dense: Callable[[float, tuple[int, int]], bool]
    ) -> list[tuple[Link, Edges | BitRows]]:
        """Return what `draw` does; as bits where that is faster and so many of all pairs are `dense`."""
        found: list[tuple[Link, Edges | BitRows]] = []
        for link in self.links():
            sizes, same, own = self._drawing(link, key)
            rule, rows = link.connections, None
            if isinstance(rule, Rule) and dense(rule.expected(sizes, same), sizes):
                rows = rule.bit_rows(sizes, same, own, dt)
            found.append((link, rule.edges(sizes, same, own, dt) if rows is None else rows))
        return found

    def sizes(self, link: Link) -> tuple[int, int]:
        """Return how many cells, or sources of a shared drive, a link leads from, and how many to."""
        drive: Any = self.drives.get(link.source)
        n = self.populations[link.source].n if drive is None else drive.pool
        return n, self.populations[link.target].n

    def inputs(self, target: str) -> dict[str, Any]:
        """Return the synapses onto a population, by the first population or drive that has each.

        Sources with the same synapse share it: their events add up.
        """
        found: dict[str, Any] = {}
        for name, synapse in self._synapses(target):
            if synapse not in found.values():
                found[name] = synapse
        return found

    def input_of(self, target: str, synapse: Any) -> int:
        """Return the number of the input of a population that has a synapse."""
        return list(self.inputs(target).values()).index(synapse)

    def drive_synapse(self, name: str) -> Any:
        """Return the synapse that the events of a drive reach."""
        drive = self.drives[name]
        return drive.synapse if drive.like is None else self.populations[drive.like].synapse

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        for name, p in self.populations.items():
            check_population(f"network.populations.{name}", p)
        for target, sources in self.projections.items():
            for source, connections in sources.items():
                check_projection(self, target, source, connections)
        for name, drive in self.drives.items():
            check_reached(self, f"network.drives.{name}", name, drive)

    def check_dt(self, dt: ms) -> None:
        """Refuse delays and rates that a time step does not resolve; raise InputError."""
        for link in self.links():
            if link.source not in self.drives:
                where = f"network.projections.{link.target}.{link.source}"
                check_projection_dt(where, link, self.populations[link.target].n, dt)
        for name, drive in self.drives.items():
            drive.check_dt(f"network.drives.{name}", dt)

    def i_ext(self) -> NDArray[np.float64]:
        """Return the constant current (pA) of each neuron."""
        each = [np.broadcast_to(p.i_ext, p.n) for p in self.populations.values()]
        return np.concatenate(each).astype(float)

    def noise(self, dt: ms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and the SD (pA) of each neuron's noise in a step."""
        each = [p.noise.current(p.cell, dt) if p.noise else (0.0, 0.0) for p in self.populations.values()]
        mean, sd = np.repeat(np.array(each), [p.n for p in self.populations.values()], axis=0).T
        return mean, sd

    def started(self, name: str, key: NDArray[np.uint64]) -> NDArray[np.float64] | None:
        """Return the potential (mV) at which each neuron of a population starts, None at rest."""
        p = self.populations[name]
        own = np.uint64(derive(key, f"start {name}", 0.0))
        return None if p.start is None else p.start.potentials(uniform_numbers(own, p.n))

    def _drawing(
        self, link: Link, key: NDArray[np.uint64]
    ) -> tuple[tuple[int, int], bool, NDArray[np.uint64]]:
        """Return what a link's connections are drawn for: sizes, whether they are the same cells, key."""
        own = derive(key, f"connections {link.target} {link.source}", 0.0)
        return self.sizes(link), link.source == link.target, own

    def _onto(self, target: str) -> Mapping[str, Connections]:
        """Return the connections onto a population, in the order of their sources."""
        onto = self.projections.get(target, {})
        return {name: onto[name] for name in self.populations if name in onto}

    def _synapses(self, target: str) -> Iterator[tuple[str, Any]]:
        for source, connections in self._onto(target).items():
            yield source, connections.synapse or self.populations[source].synapse
        for name, drive in self.drives.items():
            if target in drive.onto:
                yield name, self.drive_synapse(name)
