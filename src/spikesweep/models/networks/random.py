"""A network in which any two cells connect with one probability, and what a cell of it receives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, MinLen

from spikesweep.errors import InputError, nearest
from spikesweep.models.contracts import Drive, Noise, Start, Synapse
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.networks.connections import RandomConnections
from spikesweep.models.networks.spiking import SpikingNetwork, SpikingPopulation
from spikesweep.models.networks.weights import EqualWeights
from spikesweep.units import Fraction, NonNegative, ms, number


@dataclass(frozen=True)
class RandomNetwork(OfCells):
    """Excitatory and inhibitory cells that connect at random with one probability.

    All targets share the synapses, whose weights may differ by target. Short for the SpikingNetwork that
    `whole` is.
    """

    populations: Annotated[Mapping[str, Population], MinLen(1)]  #: by name
    N: Annotated[int, Ge(1)]  #: number of neurons
    inhibitory_fraction: Fraction  #: of the N neurons
    p_connect: Fraction  #: connection probability
    exc: Synapse  #: excitatory synapse
    inh: Synapse  #: inhibitory synapse
    delay: NonNegative[ms] = 0.0  #: from a spike to its arrival
    noise: Noise | None = None  #: of every cell
    start: Start | None = None  #: of potentials (inputs.start); at the cell's rest where null
    drives: Mapping[str, Drive] = field(default_factory=dict)  #: external inputs, by name
    #: of the weights of `exc` and `inh`, by target, then these; 1 where null or left out; not of drives
    factors: Mapping[str, Mapping[str, NonNegative[number]]] | None = None

    def check(self) -> None:
        """Refuse factors of populations and synapses that there are not; raise InputError."""
        for name, factors in (self.factors or {}).items():
            if name not in self.populations:
                raise InputError(
                    f"network.factors: {name!r} is no population; {nearest(name, self.populations)}"
                )
            for kind in factors:
                if kind not in self.synapses:
                    raise InputError(f"network.factors.{name} holds {kind!r}; {nearest(kind, self.synapses)}")

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the mean number of synapses onto a cell, by type."""
        return {
            "exc": self.N * (1.0 - self.inhibitory_fraction) * self.p_connect,
            "inh": self.N * self.inhibitory_fraction * self.p_connect,
        }

    @property
    def synapses(self) -> dict[str, Synapse]:
        """Return the synapses by type."""
        return {"exc": self.exc, "inh": self.inh}

    def synapses_onto(self, population: str) -> dict[str, Synapse]:
        """Return the synapses onto a cell of a population."""
        return {
            kind: synapse
            if (factor := self._factor(population, kind)) == 1.0
            else synapse._replace(weight=synapse.weight * factor)  # type: ignore[attr-defined]
            for kind, synapse in self.synapses.items()
        }

    @property
    def whole(self) -> SpikingNetwork:
        """Return all cells and connections: the first population excites, the second inhibits.

        With one population its cell is that of both, `exc` and `inh`. Raises InputError for more than two.
        """
        cells = (
            self.cells if len(self.populations) != 1 else dict.fromkeys(self.synapses, *self.cells.values())
        )
        if len(cells) > 2:
            raise InputError(
                f"network.populations = {list(cells)} is refused; allowed where the whole network is "
                "simulated: one cell, or an excitatory and an inhibitory one"
            )
        inhibitory = round(self.N * self.inhibitory_fraction)
        sizes = {"exc": self.N - inhibitory, "inh": inhibitory}
        if 0 in sizes.values():
            raise InputError(
                f"network.N = {self.N} with inhibitory_fraction = {self.inhibitory_fraction} gives "
                f"{sizes} cells; allowed where the whole network is simulated: some of both"
            )
        kinds = dict(zip(cells, self.synapses, strict=True))
        populations = {
            name: SpikingPopulation(
                cells[name], sizes[kind], self.synapses[kind], (0.0,), self.noise, self.start
            )
            for name, kind in kinds.items()
        }
        projections = {
            target: {
                source: RandomConnections(
                    self.p_connect, EqualWeights(self._factor(target, kind)), self.delay
                )
                for source, kind in kinds.items()
            }
            for target in cells
        }
        drives = {name: drive.told(kinds, self.in_degree["exc"]) for name, drive in self.drives.items()}
        return SpikingNetwork(populations, projections, drives)

    def _factor(self, target: str, kind: str) -> number:
        """Return the factor of a kind's weight onto a population, or onto its cells in the whole network."""
        name = target if target in self.populations else next(iter(self.populations))
        return (self.factors or {}).get(name, {}).get(kind, 1.0)
