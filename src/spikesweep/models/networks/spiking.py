"""Networks of spiking neurons in which every neuron and every connection is simulated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from spikesweep.contract import lacking
from spikesweep.errors import InputError, nearest
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import Conducting, Connections, Leaky, Neuron, Noise, Synapse
from spikesweep.models.inputs.noise import PotentialNoise
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.networks.connections import Edges
from spikesweep.units import ms, pA


@dataclass(frozen=True)
class SpikingPopulation(Population):
    """Neurons of one kind, all of whose synapses have one kind too."""

    n: Annotated[int, "1", Ge(1)]  #: how many
    synapse: Synapse  #: what their spikes do to others, to be multiplied by the connections' weights
    i_ext: tuple[pA, ...]  #: constant current: one for all, or one a neuron
    noise: Noise | None  #: model (inputs.noise); none where null


@dataclass(frozen=True)
class SpikingNetwork(OfCells):
    """Populations of any number and size, and connections between any of them.

    Neurons are counted through all populations, in the order of the configuration.
    """

    populations: Annotated[Mapping[str, SpikingPopulation], MinLen(1)]  #: by name
    projections: Mapping[str, Mapping[str, Connections]]  #: by target, then source

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

    def sources(self, target: str) -> list[str]:
        """Return the populations that connect to one, in order."""
        return [name for name in self.populations if name in self.projections.get(target, {})]

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError."""
        for name, p in self.populations.items():
            if len(p.i_ext) not in (1, p.n):
                raise InputError(
                    f"network.populations.{name}.i_ext has {len(p.i_ext)} values; allowed: 1 or {p.n}"
                )
            if isinstance(p.noise, PotentialNoise) and (missing := lacking(p.cell, Leaky)):
                raise InputError(
                    f"network.populations.{name}.noise is a PotentialNoise, but its cell has no "
                    f"{', '.join(missing)}; allowed: cells with a leak, or CurrentNoise"
                )
        for target, source, connections in self._each():
            for name in (target, source):
                if name not in self.populations:
                    raise InputError(
                        f"network.projections.{target}.{source}: {name!r} is no population; "
                        f"{nearest(name, self.populations)}"
                    )
            connections.check(self._sizes(target, source))
            given = isinstance(connections.weights, tuple) and isinstance(connections.weights[0], tuple)
            if (
                given
                and not lacking(self.populations[source].synapse, Conducting)
                and np.min(connections.weights) < 0
            ):
                raise InputError(
                    f"network.projections.{target}.{source}.weights hold {np.min(connections.weights)}; "
                    "allowed: 0 or more, of a conductance"
                )

    def edges(self, key: NDArray[np.uint64]) -> list[Edges]:
        """Return the connections of each projection, with neurons counted through the network.

        `key` names the random ones.
        """
        first = self.first()
        found = []
        for target, source, connections in self._each():
            own = derive(key, f"connections {target} {source}", 0.0)
            e = connections.edges(self._sizes(target, source), source == target, own)
            moved = e.source + np.int32(first[source]), e.target + np.int32(first[target])
            found.append(e._replace(source=moved[0], target=moved[1]))
        return found

    def i_ext(self) -> NDArray[np.float64]:
        """Return the constant current (pA) of each neuron."""
        return np.concatenate([np.broadcast_to(p.i_ext, p.n) for p in self.populations.values()]).astype(
            float
        )

    def noise(self, dt: ms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and the SD (pA) of each neuron's noise in a step."""
        each = [p.noise.current(p.cell, dt) if p.noise else (0.0, 0.0) for p in self.populations.values()]
        mean, sd = np.repeat(np.array(each), [p.n for p in self.populations.values()], axis=0).T
        return mean, sd

    def _sizes(self, target: str, source: str) -> tuple[int, int]:
        return self.populations[source].n, self.populations[target].n

    def _each(self) -> Iterator[tuple[str, str, Any]]:
        for target, sources in self.projections.items():
            for source, connections in sources.items():
                yield target, source, connections
