"""A network of excitatory and inhibitory cells whose weights are shared out among their synapses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, MinLen

from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.models.contracts import Drive, Leaky, Noise, Start, Synapse
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.networks.connections import FixedInDegree
from spikesweep.models.networks.spiking import SpikingNetwork, SpikingPopulation
from spikesweep.models.networks.weights import EqualWeights
from spikesweep.models.synapses.two_stage import TwoStageKinetics
from spikesweep.units import Fraction, NonNegative, ms, number, pA


@dataclass(frozen=True)
class EINetwork(OfCells):
    """Excitatory and inhibitory cells whose mean input does not depend on how many cells connect.

    An event from a cell of type Y brings to a cell of type X the charge

        J_XY scale_XY tau_m / n

    with tau_m = C_m / g_L of the target and n its in-degree from Y, whole numbers both of cells and of
    synapses. Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119. `N` may be an array of sizes.
    """

    populations: Annotated[Mapping[str, Population], MinLen(2)]  #: the excitatory one, then the inhibitory
    N: Annotated[int, Ge(1)]  #: number of neurons
    inhibitory_fraction: Fraction  #: of the N neurons
    p_connect: Fraction  #: connection probability
    exc: TwoStageKinetics  #: synapses of excitatory cells
    inh: TwoStageKinetics  #: synapses of inhibitory cells
    J_EE: NonNegative[pA]  #: total weight of excitatory synapses onto an excitatory cell
    J_EI: NonNegative[pA]  #: total weight of inhibitory synapses onto an excitatory cell
    J_IE: NonNegative[pA]  #: total weight of excitatory synapses onto an inhibitory cell
    J_II: NonNegative[pA]  #: total weight of inhibitory synapses onto an inhibitory cell
    scale_EE: NonNegative[number]  #: factor of J_EE
    scale_EI: NonNegative[number]  #: factor of J_EI
    scale_IE: NonNegative[number]  #: factor of J_IE
    scale_II: NonNegative[number]  #: factor of J_II
    delay: NonNegative[ms] = 0.0  #: from a spike to its arrival
    noise: Noise | None = None  #: of every cell
    start: Start | None = None  #: of potentials (inputs.start); at the cell's rest where null
    drives: Mapping[str, Drive] = field(default_factory=dict)  #: external inputs, by name

    def __post_init__(self) -> None:
        """Refuse what has no weights; raise InputError."""
        if len(self.populations) != 2:
            raise InputError(
                f"network.populations = {list(self.populations)} is refused; "
                "allowed: the excitatory cell and the inhibitory cell"
            )
        for name, cell in self.cells.items():
            if missing := lacking(cell, Leaky):
                raise InputError(
                    f"network.populations: {name} is a {type(cell).__name__}, which has no "
                    f"{', '.join(missing)}; allowed: cells with a leak, whose time constant scales weights"
                )
        for kind, n in self.in_degree.items():
            if np.any(np.asarray(n) < 1):
                raise InputError(
                    f"network.N = {np.min(self.N)} with p_connect = {self.p_connect} and inhibitory_fraction"
                    f" = {self.inhibitory_fraction} gives no {kind} synapses; allowed: at least one a cell"
                )

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the number of synapses onto a cell, by the type of the presynaptic cell."""
        inhibitory = _whole(self.inhibitory_fraction * np.asarray(self.N))
        return {
            "exc": _whole(self.p_connect * (self.N - inhibitory)),
            "inh": _whole(self.p_connect * inhibitory),
        }

    def synapses_onto(self, population: str) -> dict[str, Synapse]:
        """Return the synapses onto a cell of a population, with their weights."""
        cell: Any = self.cells[population]
        if population == next(iter(self.populations)):
            exc, inh = self.J_EE * self.scale_EE, self.J_EI * self.scale_EI
        else:
            exc, inh = self.J_IE * self.scale_IE, self.J_II * self.scale_II
        tau_m = cell.C_m / cell.g_L
        n = self.in_degree
        return {
            "exc": self.exc.with_weight(exc / n["exc"] * tau_m),
            "inh": self.inh.with_weight(-inh / n["inh"] * tau_m),
        }

    @property
    def whole(self) -> SpikingNetwork:
        """Return all cells and connections, as many onto each cell as `in_degree` says."""
        names, n = list(self.populations), self.in_degree
        inhibitory = int(_whole(self.inhibitory_fraction * self.N))
        sizes = dict(zip(names, (int(self.N) - inhibitory, inhibitory), strict=True))
        kinds = dict(zip(names, n, strict=True))
        populations = {
            name: SpikingPopulation(self.cells[name], sizes[name], None, (0.0,), self.noise, self.start)
            for name in names
        }
        projections = {
            target: {
                source: FixedInDegree(
                    int(n[kind]),
                    EqualWeights(1.0),
                    self.delay,
                    False,
                    False,
                    self.synapses_onto(target)[kind],
                )
                for source, kind in kinds.items()
            }
            for target in names
        }
        drives = {name: drive.told(kinds, n["exc"]) for name, drive in self.drives.items()}
        return SpikingNetwork(populations, projections, drives)


def _whole(x: Any) -> Any:
    """Return the whole part, where rounding below a whole number does not count."""
    return np.floor(x + 1e-9)
