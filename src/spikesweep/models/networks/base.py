"""What networks share: populations by name, and the cell of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spikesweep.contract import parts_of
from spikesweep.kernels.cells.driver import is_array
from spikesweep.models.contracts import Neuron
from spikesweep.units import ms, number


@dataclass(frozen=True)
class Population:
    """Cells of one kind."""

    cell: Neuron  #: a cell of the chosen neuron


class OfCells:
    """What every network has, from its populations."""

    populations: Mapping[str, Any]  #: by name, each with its `cell`

    @cached_property
    def cells(self) -> dict[str, Any]:
        """Return the cell of each population, by the population's name."""
        return {name: population.cell for name, population in self.populations.items()}

    def time_constants(self) -> dict[str, ms]:
        """Return every time constant that dt must resolve, by the key of the configuration."""
        # a population that is nothing but a cell bears the cell's name
        plain = {
            f"network.populations.{n}.cell": n for n, p in self.populations.items() if type(p) is Population
        }
        found: dict[str, ms] = {}
        for where, part in list(parts_of(self, "network")):
            if part is not self and hasattr(part, "time_constants"):
                key = f"neuron.{plain[where]}" if where in plain else where
                found |= {f"{key}.{name}": value for name, value in part.time_constants().items()}
        return found

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError. Nothing, unless a network overrides it."""


def in_degree_onto(network: Any, population: str) -> dict[str, number]:
    """Return the number of synapses onto a cell of a population, by kind.

    That is `in_degree` of a network that does not tell its populations apart.
    """
    found: dict[str, number] = (
        network.in_degree_onto(population) if hasattr(network, "in_degree_onto") else network.in_degree
    )
    return found


def per_neuron(component: Any, n: int) -> Any:
    """Return a component whose arrays of parameters, one entry a point, have `n` entries a point."""
    arrays = {name: np.repeat(v, n) for name, v in component._asdict().items() if is_array(v)}
    return component._replace(**arrays) if arrays else component
