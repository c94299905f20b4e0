"""What networks share: populations by name, and the cell of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesweep.models.contracts import Neuron
from spikesweep.units import ms


@dataclass(frozen=True)
class Population:
    """Cells of one kind."""

    cell: Neuron  #: a cell of the chosen neuron


class OfCells:
    """What every network has, from its populations."""

    populations: Mapping[str, Any]  #: by name, each with its `cell`

    @property
    def cells(self) -> dict[str, Any]:
        """Return the cell of each population, by the population's name."""
        return {name: population.cell for name, population in self.populations.items()}

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError. Nothing, unless a network overrides it."""


def per_neuron(component: Any, n: int) -> Any:
    """Return a component whose arrays of parameters, one entry a point, have `n` entries a point."""
    arrays = {name: np.repeat(v, n) for name, v in component._asdict().items() if np.ndim(v)}
    return component._replace(**arrays)


def time_constants_of(cells: Mapping[str, Any], synapses: Mapping[str, Any]) -> dict[str, ms]:
    """Return every time constant of cells and synapses, by the key of the configuration."""
    found = {}
    for cell, parameters in cells.items():
        for name, value in parameters.time_constants().items():
            found[f"neuron.{cell}.{name}"] = value
    for kind, synapse in synapses.items():
        for name, value in synapse.time_constants().items():
            found[f"network.{kind}.{name}"] = value
    return found
