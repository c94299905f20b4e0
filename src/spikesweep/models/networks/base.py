"""What networks of single cells share: populations by name, and what a protocol asks a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from spikesweep.units import ms, number

#: A neuron or a synapse: a NamedTuple of parameters (kernels.driver.Component).
Component = Any


@dataclass(frozen=True)
class Population:
    """Cells of one kind."""

    cell: Component  #: the neuron, a cell of the chosen neuron


class OfCells:
    """What every network with populations has."""

    populations: Mapping[str, Any]  #: by name, each with its `cell`

    @property
    def cells(self) -> dict[str, Component]:
        """Return the cell of each population, by the population's name."""
        return {name: population.cell for name, population in self.populations.items()}


class Network(Protocol):
    """What every network of single cells tells a protocol."""

    @property
    def populations(self) -> Mapping[str, Any]:
        """The populations, by name, each with its `cell`."""

    @property
    def cells(self) -> dict[str, Component]:
        """The cell of each population, by the population's name."""

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the number of synapses onto a cell, by the type of the presynaptic cell."""

    def synapses_onto(self, population: str) -> dict[str, Component]:
        """Return the synapses onto a cell of a population, by the type of the presynaptic cell."""

    def time_constants(self) -> dict[str, ms]:
        """Return every time constant that dt must resolve, by the key of the configuration."""


def per_neuron(component: Component, n: int) -> Component:
    """Return a component whose arrays of parameters, one entry a point, have `n` entries a point."""
    arrays = {name: np.repeat(v, n) for name, v in component._asdict().items() if np.ndim(v)}
    return component._replace(**arrays)


def time_constants_of(cells: Mapping[str, Component], synapses: Mapping[str, Component]) -> dict[str, ms]:
    """Return every time constant of cells and synapses, by the key of the configuration."""
    found = {}
    for cell, parameters in cells.items():
        for name, value in parameters.time_constants().items():
            found[f"neuron.{cell}.{name}"] = value
    for kind, synapse in synapses.items():
        for name, value in synapse.time_constants().items():
            found[f"network.{kind}.{name}"] = value
    return found
