"""A network in which any two cells connect with one probability, and what a cell of it receives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MinLen

from spikesweep.models.contracts import Synapse
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.units import Fraction, number


@dataclass(frozen=True)
class RandomNetwork(OfCells):
    """Excitatory and inhibitory cells that connect at random with one probability.

    All targets share the synapses: only the type of the presynaptic cell matters.
    """

    populations: Annotated[Mapping[str, Population], MinLen(1)]  #: by name
    N: Annotated[int, Ge(1)]  #: number of neurons
    inhibitory_fraction: Fraction  #: of the N neurons
    p_connect: Fraction  #: connection probability
    exc: Synapse  #: excitatory synapse
    inh: Synapse  #: inhibitory synapse

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
        """Return the synapses, which all targets share."""
        del population
        return self.synapses
