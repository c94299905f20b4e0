"""What networks share: populations by name, and the cell of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spikesweep.contract import parts_of
from spikesweep.kernels.cells.driver import is_array
from spikesweep.models.contracts import Neuron
from spikesweep.units import ms


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
        found: dict[str, ms] = {}
        for where, part in parts_of(self, "network"):
            if part is not self and hasattr(part, "time_constants"):
                own = part.time_constants()
                found |= {f"{self._key(where)}.{name}": value for name, value in own.items()}
        return found

    def _key(self, where: str) -> str:
        """Return the key of a part; a population that is nothing but a cell bears the cell's name."""
        _, group, name, *rest = [*where.split("."), "", ""][:4]
        plain = group == "populations" and type(self.populations[name]) is Population
        return f"neuron.{name}" if plain and rest == ["cell"] else where

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError. Nothing, unless a network overrides it."""


def per_neuron(component: Any, n: int) -> Any:
    """Return a component whose arrays of parameters, one entry a point, have `n` entries a point."""
    arrays = {name: np.repeat(v, n) for name, v in component._asdict().items() if is_array(v)}
    return component._replace(**arrays) if arrays else component
