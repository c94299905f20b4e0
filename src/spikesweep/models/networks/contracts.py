"""What a network must have for each of the protocols that simulate more of it than one cell.

A network of a user's own that has these members runs there, whatever its class.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.models.contracts import CellNetwork, Network
from spikesweep.units import Hz, ms, number


class Whole(Network, Protocol):
    """A SpikingNetwork, or another that says which one it is short for: every cell and every connection."""

    @property
    def whole(self) -> Any:
        """The SpikingNetwork."""


class Homogeneous(CellNetwork, Protocol):
    """A RandomNetwork, or another of excitatory and inhibitory cells with the same synapses on all."""

    @property
    def N(self) -> int:
        """The number of cells."""

    @property
    def inhibitory_fraction(self) -> number:
        """Of the cells."""

    @property
    def exc(self) -> Any:
        """The synapse of excitatory cells."""

    @property
    def inh(self) -> Any:
        """The synapse of inhibitory cells."""


class Rates(Network, Protocol):
    """A RateNetwork, or another of rate units with clamped inputs."""

    @property
    def n_patterns(self) -> int | None:
        """How many input patterns there are, None for any number."""

    def size(self, name: str) -> int:
        """Return the number of units of a population."""

    def integrated(self) -> list[str]:
        """Return the populations that receive anything, sorted."""

    def first_cells(self) -> list[int]:
        """Return the index of the first cell of each integrated population."""

    def links(self) -> list[tuple[str, str]]:
        """Return the post- and the presynaptic population of every projection, sorted."""

    def draw(self, seed: Any, pattern: Any, root_seed: int) -> tuple[Any, Any]:
        """Return the weights and the input rates of each point."""

    def system(self, weights: Any, rates: Any, *, synapses: bool = False) -> Any:
        """Return the system of points with these weights and input rates."""


class Inputs(CellNetwork, Protocol):
    """Inputs onto one neuron: some of them connected, the others not."""

    @property
    def N(self) -> int:
        """The number of inputs."""

    @property
    def spike_rate(self) -> Hz:
        """The mean rate of an input."""

    @property
    def rate_spread(self) -> number:
        """The SD of the logarithm of an input's rate."""

    @property
    def synapses(self) -> dict[str, Any]:
        """The synapses by type."""

    def draw(self, key: Any, duration: ms, dt: ms) -> Any:
        """Return the experiment of a key."""

    def legacy(self, seed: int, duration: ms, dt: ms) -> Any:
        """Return the original's experiment of a seed."""

    def drive(self, experiments: Any) -> Any:
        """Return what kicks the neuron in each experiment."""


class Line(Network, Protocol):
    """Afferents, or other cells that share a stimulus and whose spikes come late to one reader."""

    @property
    def cell(self) -> Any:
        """The cell."""

    def conduction(self, condition: str) -> Any:
        """Return what a condition stands for."""

    def drawn_cells(self, keys: NDArray[np.uint64]) -> Any:
        """Return cells, one a key."""

    def order(self, key: Any, n: int) -> NDArray[np.int64]:
        """Return which of n cells stands at each position."""

    def shifts(self, conduction: Any, key: Any, n: int, dt: ms) -> NDArray[np.int64]:
        """Return by how many steps the spikes from each position are late."""
