"""Firing rate of single cells as a function of a constant current.

The current is on from the start, when the cell is at rest, to the end, and nothing else drives it but
what it draws for itself: the "ephys" protocol of Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119.
`replay` of a point and a population has the traces of all that changes in the cell, its adaptation too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Variable
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import run_lanes, undriven
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.kernels.cells.spike_steps import FIRST, LAST, PREVIOUS, SECOND, SpikeSteps
from spikesweep.kernels.cells.spike_trains import SpikeTrains
from spikesweep.models.contracts import Network
from spikesweep.models.inputs.given import ConstantCurrent
from spikesweep.models.simulation.cell import trace_cell
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, check_own_steps, steps
from spikesweep.protocols.keys import named_cells
from spikesweep.units import PER_MS, Positive, Seed, ms

if TYPE_CHECKING:
    import xarray as xr

_VARIABLES = (
    Variable("rate", ("population",), "Hz", "firing rate"),
    Variable("first_isi", ("population",), "ms", "first interspike interval", optional=True),
    Variable("last_isi", ("population",), "ms", "last interspike interval", optional=True),
    Variable("adaptation_index", ("population",), "1", "adaptation of the intervals", optional=True),
    Variable("rheobase", ("population",), "pA", "analytic rheobase", optional=True),
)
_SPIKES = Variable("spike_times", ("population",), "ms", "spike times, ends of steps", ragged="spike")
#: What a cell is named by while its kernel is compiled.
_NAMED = Named(np.zeros(1, np.uint64), np.zeros(1, np.int64))


@dataclass(frozen=True)
class FICurve(Experiment):
    """Rate, intervals and rheobase of one cell of each population.

    The `adaptation_index` is (last - first) / (last + first) of the intervals: none at 0, and NaN where
    there are not two intervals. Every `seed` gives the same numbers, but for cells that draw
    some of their own (GIF).
    """

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("i_ext", "pA", "constant current", -np.inf),
        Axis("seed", "1", "repetition", 0, integer=True),
    )
    parameters_per_point: ClassVar[bool] = True
    stored_without_population: ClassVar[bool] = True

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    record_spikes: bool = False  #: keep the time of every spike
    root_seed: Seed = 0  #: of all random numbers, those of cells that draw any
    common_random_numbers: bool = False  #: the same numbers at every point of a seed

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        return (*_VARIABLES, _SPIKES) if self.record_spikes else _VARIABLES

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
            self._cell(cell, np.zeros(1), 1, _NAMED)

    def __call__(
        self, network: Network, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any] | Ragged]:
        """Return every variable, shape (population, point)."""
        del whole
        n_steps = steps("protocol.duration", self.duration, self.dt)
        cells, trains = zip(
            *(
                self._cell(cell, points["i_ext"], n_steps, named_cells(self, points, name))
                for name, cell in network.cells.items()
            ),
            strict=True,
        )
        found: dict[str, NDArray[Any] | Ragged] = {
            name: np.stack([cell[name] for cell in cells]) for name in cells[0]
        }
        if self.record_spikes:
            times = (np.concatenate([train.values for train in trains]) + 1) * self.dt
            found["spike_times"] = Ragged(times, np.stack([train.sizes for train in trains]))
        return found

    def trace(
        self, network: Network, point: Mapping[str, float], population: str, neuron: int = 0
    ) -> "xr.Dataset":
        """Return all that changes in a cell at one point over time, and its spikes."""
        del neuron
        current = ConstantCurrent(np.array([point["i_ext"]]))  # type: ignore[arg-type]  # one a lane
        clock, n_steps = (
            Clock.of(self.dt, self.refractory),
            steps("protocol.duration", self.duration, self.dt),
        )
        cell = network.cells[population]
        named = named_cells(self, {name: np.array([value]) for name, value in point.items()}, population)
        others = {"current": current}
        return trace_cell(cell, {}, undriven(1), clock, n_steps, others=others, named=named)

    def _cell(
        self, cell: Any, i_ext: NDArray[np.float64], n_steps: int, named: Named
    ) -> tuple[dict[str, NDArray[np.float64]], Ragged]:
        """Return the variables of one population, shape (point,), and the steps of its recorded spikes."""
        n = len(i_ext)
        inputs = (ConstantCurrent(i_ext),)  # type: ignore[arg-type]  # one a lane
        clock = Clock.of(self.dt, self.refractory)
        recording = SpikeTrains() if self.record_spikes else SpikeSteps()
        counts = run_lanes(cell, inputs, clock, n, n_steps, undriven(n), recording, named=named)
        trains = Ragged(np.empty(0, np.int64), np.zeros(n, np.int64))
        if isinstance(recording, SpikeTrains):
            trains = recording.trains
            at = _ends(trains)
        else:
            at = recording.steps
        first_isi, last_isi = (at[SECOND] - at[FIRST]) * self.dt, (at[LAST] - at[PREVIOUS]) * self.dt
        change = np.where(at[PREVIOUS] > at[FIRST], last_isi - first_isi, np.nan)
        rheobase = cell.rheobase() if hasattr(cell, "rheobase") else np.nan
        return {
            "rate": counts / (n_steps * self.dt * PER_MS),
            "first_isi": first_isi,
            "last_isi": last_isi,
            "adaptation_index": change / (last_isi + first_isi),
            "rheobase": np.broadcast_to(np.float64(rheobase), n),
        }, trains


def _ends(trains: Ragged) -> NDArray[np.float64]:
    """Return the steps, from 1, of the first two and the last two spikes of trains as `SpikeSteps` does."""
    at = np.full((4, len(trains.sizes)), np.nan)
    stop = np.cumsum(trains.sizes)
    for row, place, fewest in (
        (FIRST, stop - trains.sizes, 1),
        (SECOND, stop - trains.sizes + 1, 2),
        (PREVIOUS, stop - 2, 2),
        (LAST, stop - 1, 1),
    ):
        there = trains.sizes >= fewest
        at[row, there] = trains.values[place[there]] + 1
    return at
