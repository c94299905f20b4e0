"""Firing rate of single cells as a function of a constant current.

The current is on from the start, when the cell is at rest, to the end, and nothing else drives it: the
"ephys" protocol of Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.schema import Axis, Variable
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import run_lanes, undriven
from spikesweep.kernels.cells.spike_steps import FIRST, LAST, PREVIOUS, SECOND, SpikeSteps
from spikesweep.models.contracts import Network
from spikesweep.models.inputs.given import ConstantCurrent
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, check_own_steps, steps
from spikesweep.units import PER_MS, Positive, ms


@dataclass(frozen=True)
class FICurve(Experiment):
    """Rate, intervals and rheobase of one cell of each population.

    The `adaptation_index` is (last - first) / (last + first) of the intervals: none at 0, and NaN where
    there are not two intervals. Nothing is drawn, so every `seed` gives the same numbers.
    """

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("i_ext", "pA", "constant current", -np.inf),
        Axis("seed", "1", "repetition", 0, integer=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("rate", ("population",), "Hz", "firing rate"),
        Variable("first_isi", ("population",), "ms", "first interspike interval", optional=True),
        Variable("last_isi", ("population",), "ms", "last interspike interval", optional=True),
        Variable("adaptation_index", ("population",), "1", "adaptation of the intervals", optional=True),
        Variable("rheobase", ("population",), "pA", "analytic rheobase", optional=True),
    )
    parameters_per_point: ClassVar[bool] = True

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)

    def check(self, network: Network) -> None:
        """Refuse a time step that does not resolve the cells; raise InputError."""
        check_network(network, Network, "fs_rs")
        check_own_steps(network, self.dt)
        steps("protocol.duration", self.duration, self.dt)

    def reads(self, key: str) -> bool:
        """Return whether rates depend on a value: those of the cells and of this protocol, no connections."""
        return not key.startswith("network.")

    def coordinates(self, network: Network) -> dict[str, list[str]]:
        """Return the names of the populations."""
        return {"population": list(network.populations)}

    def work(self, network: Network, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs."""
        del whole
        return len(network.populations) * self.duration / self.dt

    def prepare(self, network: Network) -> None:
        """Compile the kernels of every population."""
        for cell in network.cells.values():
            self._cell(cell, np.zeros(1), 1)

    def __call__(
        self, network: Network, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable, shape (population, point)."""
        del whole
        n_steps = steps("protocol.duration", self.duration, self.dt)
        cells = [self._cell(cell, points["i_ext"], n_steps) for cell in network.cells.values()]
        return {name: np.stack([cell[name] for cell in cells]) for name in cells[0]}

    def _cell(self, cell: Any, i_ext: NDArray[np.float64], n_steps: int) -> dict[str, NDArray[np.float64]]:
        """Return the variables of one population, shape (point,)."""
        n = len(i_ext)
        inputs = (ConstantCurrent(i_ext),)  # type: ignore[arg-type]  # one a lane
        clock = Clock.of(self.dt, self.refractory)
        spikes = SpikeSteps()
        counts = run_lanes(cell, inputs, clock, n, n_steps, undriven(n), spikes)
        at = spikes.steps
        first_isi, last_isi = (at[SECOND] - at[FIRST]) * self.dt, (at[LAST] - at[PREVIOUS]) * self.dt
        change = np.where(at[PREVIOUS] > at[FIRST], last_isi - first_isi, np.nan)
        rheobase = cell.rheobase() if hasattr(cell, "rheobase") else np.nan
        return {
            "rate": counts / (n_steps * self.dt * PER_MS),
            "first_isi": first_isi,
            "last_isi": last_isi,
            "adaptation_index": change / (last_isi + first_isi),
            "rheobase": np.broadcast_to(np.float64(rheobase), n),
        }
