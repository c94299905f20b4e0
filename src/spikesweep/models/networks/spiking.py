"""Networks of spiking neurons: every cell, every connection and every external input of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from spikesweep.contract import lacking
from spikesweep.errors import InputError, nearest
from spikesweep.kernels.random.draws import uniform_numbers
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import Conducting, Connections, Drive, Leaky, Neuron, Noise, Start, Synapse
from spikesweep.models.inputs.drive import PoissonDrive, SharedDrive, check_drive
from spikesweep.models.inputs.noise import PotentialNoise
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.networks.edges import Edges
from spikesweep.units import ms, number, pA


@dataclass(frozen=True)
class SpikingPopulation(Population):
    """Neurons of one kind, all of whose synapses have one kind too."""

    n: Annotated[int, "1", Ge(1)]  #: how many
    synapse: Synapse | None  #: what their spikes do to others, to be multiplied by the connections' weights
    i_ext: tuple[pA, ...]  #: constant current: one for all, or one a neuron
    noise: Noise | None  #: model (inputs.noise); none where null
    start: Start | None = None  #: of potentials (inputs.start); at the cell's rest where null


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

    def first(self) -> dict[str, int]:
        """Return the number of the first neuron of each population."""
        sizes = [p.n for p in self.populations.values()]
        return {name: sum(sizes[:k]) for k, name in enumerate(self.populations)}

    def cell_of(self, neuron: int) -> Neuron:
        """Return the cell of a neuron, counted through the network."""
        found = np.searchsorted(list(self.first().values()), neuron, side="right") - 1
        return list(self.populations.values())[int(found)].cell

    def links(self) -> list[Link]:
        """Return all projections, in the order of their targets, then sources; then those of shared drives."""
        found = [
            Link(target, source, connections, connections.synapse or self.populations[source].synapse)
            for target in self.populations
            for source, connections in self._onto(target).items()
        ]
        for name, drive in self.drives.items():
            if isinstance(drive, SharedDrive):
                synapse = self.drive_synapse(name)
                each = ((target, drive.connections_onto(target)) for target in drive.onto)
                found += [Link(target, name, connections, synapse) for target, connections in each]
        return found

    def draw(self, key: NDArray[np.uint64], dt: ms) -> list[tuple[Link, Edges]]:
        """Return each link with its connections, neurons counted in their populations; `key` names them."""
        return [(link, self._drawn(link, key, dt)) for link in self.links()]

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
            self._check_population(f"network.populations.{name}", p)
        for target, sources in self.projections.items():
            for source, connections in sources.items():
                self._check_projection(target, source, connections)
        for name, drive in self.drives.items():
            self._check_drive(f"network.drives.{name}", name, drive)

    def check_dt(self, dt: ms) -> None:
        """Refuse delays and rates that a time step does not resolve; raise InputError."""
        for link in self.links():
            if link.source in self.drives:
                continue
            try:
                link.connections.check_dt(dt)
            except InputError as error:
                where = f"network.projections.{link.target}.{link.source}"
                raise InputError(f"{where}.{error}") from error
        for name, drive in self.drives.items():
            check_drive(drive, f"network.drives.{name}", dt)

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

    def _drawn(self, link: Link, key: NDArray[np.uint64], dt: ms) -> Edges:
        own = derive(key, f"connections {link.target} {link.source}", 0.0)
        return link.connections.edges(self.sizes(link), link.source == link.target, own, dt)

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

    def _check_population(self, where: str, p: SpikingPopulation) -> None:
        if len(p.i_ext) not in (1, p.n):
            raise InputError(f"{where}.i_ext has {len(p.i_ext)} values; allowed: 1 or {p.n}")
        if isinstance(p.noise, PotentialNoise) and (missing := lacking(p.cell, Leaky)):
            raise InputError(
                f"{where}.noise is a PotentialNoise, but its cell has no "
                f"{', '.join(missing)}; allowed: cells with a leak, or CurrentNoise"
            )
        if p.start is not None:
            try:
                p.start.check()
            except InputError as error:
                raise InputError(f"{where}.start: {error}") from error

    def _known(self, where: str, *names: str) -> None:
        for name in names:
            if name not in self.populations:
                raise InputError(f"{where}: {name!r} is no population; {nearest(name, self.populations)}")

    def _check_projection(self, target: str, source: str, connections: Any) -> None:
        where = f"network.projections.{target}.{source}"
        self._known(where, target, source)
        try:
            sizes = self.populations[source].n, self.populations[target].n
            connections.check(sizes, source == target)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        synapse = connections.synapse or self.populations[source].synapse
        if synapse is None:
            raise InputError(
                f"{where} has no synapse: network.populations.{source}.synapse is null; "
                "allowed: a synapse there or here"
            )
        given = isinstance(connections.weights, tuple) and isinstance(connections.weights[0], tuple)
        if given and not lacking(synapse, Conducting) and np.min(connections.weights) < 0.0:
            raise InputError(
                f"{where}.weights hold {np.min(connections.weights):g}; allowed: 0 or more, of a conductance"
            )

    def _check_drive(self, where: str, name: str, drive: Any) -> None:
        for population in drive.onto:
            self._known(where, population)
        if drive.like is not None:
            self._known(f"{where}.like", drive.like)
        if (drive.like is None) == (drive.synapse is None) or self.drive_synapse(name) is None:
            raise InputError(
                f"{where} has like = {drive.like} and synapse = {drive.synapse}; allowed: one of them, "
                "a population that has a synapse, or a synapse"
            )
        if not lacking(self.drive_synapse(name), Conducting) and drive.weight < 0.0:
            raise InputError(f"{where}.weight = {drive.weight:g}; allowed: 0 or more, of a conductance")
        factors = getattr(drive, "factors", None)
        if factors is not None and set(factors) != set(drive.onto):
            raise InputError(f"{where}.factors is of {list(factors)}; allowed: null, or {list(drive.onto)}")


def driven(drive: Any, kinds: Mapping[str, str], in_degree: number) -> Any:
    """Return the drive of a network of excitatory and inhibitory cells, told what stands for these.

    `kinds` has the kind of each population. `like` may be a kind, and `n` null: as many as `in_degree`.
    """
    named = {kind: name for name, kind in kinds.items()}
    changes: dict[str, Any] = {"like": named.get(drive.like, drive.like)}
    if isinstance(drive, PoissonDrive) and drive.n is None:
        changes["n"] = dict.fromkeys(kinds, float(in_degree))
    if isinstance(drive, SharedDrive):
        changes["onto"] = tuple(named.get(name, name) for name in drive.onto)
        if drive.factors is not None:
            changes["factors"] = {named.get(name, name): factor for name, factor in drive.factors.items()}
    return replace(drive, **changes)
