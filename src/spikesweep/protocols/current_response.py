"""What single cells do under a current that changes: steps, pulses, ramps.

The current is `i_ext` times a course, one for all populations or one for each, from the start, when a cell
is at rest, to the end; nothing else drives it. Firing patterns are told apart so: Izhikevich 2004,
doi:10.1109/TNN.2004.832719; Naud, Marcille, Clopath and Gerstner 2008, doi:10.1007/s00422-008-0264-7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.kept_rows import Rows
from spikesweep.kernels.cells.lanes import Drive, in_lanes, run_lanes
from spikesweep.models.contracts import Network
from spikesweep.models.inputs.currents import CurrentCourse, Scaled, kick_scaled
from spikesweep.models.inputs.given import GivenCurrent
from spikesweep.models.simulation.core import show_peaks
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, check_own_steps, steps
from spikesweep.protocols.keys import named_cells
from spikesweep.units import Positive, Seed, ms

Array = NDArray[np.float64]

_INTERVALS = (
    ("first_isi", "ms", "first interspike interval"),
    ("last_isi", "ms", "last interspike interval"),
    ("cv_isi", "1", "coefficient of variation of the intervals"),
    ("adaptation_index", "1", "(last - first) / (last + first) of the intervals"),
)


@dataclass(frozen=True)
class CurrentResponse(Experiment):
    """Spikes, intervals and traces of one cell of each population; only cells that draw are random."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("i_ext", "pA", "current where the course is 1", -np.inf),
        Axis("seed", "1", "repetition", 0, integer=True),
    )
    parameters_per_point: ClassVar[bool] = True

    course: CurrentCourse  #: of the current, of all populations that have none of their own
    courses: Mapping[str, CurrentCourse] | None  #: by population
    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    traces: bool  #: also v and the current at every step
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    root_seed: Seed = 0  #: of all random numbers, those of cells that draw any
    common_random_numbers: bool = False  #: the same numbers at every point of a seed

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        own = ("population",)
        found = [
            Variable("n_spikes", own, "1", "number of spikes"),
            Variable("latency", own, "ms", "time of the first spike", optional=True),
            *(Variable(name, own, unit, text, optional=True) for name, unit, text in _INTERVALS),
            Variable("spike_times", own, "ms", "spike times, ends of steps", ragged="spike"),
        ]
        if self.traces:
            found.append(Variable("v", (*own, "time"), "mV", "membrane potential"))
            found.append(Variable("current", (*own, "time"), "pA", "injected current"))
        return tuple(found)

    def check(self, network: Network) -> None:
        """Refuse courses of no population, and a time step that does not resolve the cells."""
        check_network(network, Network, "fs_rs")
        check_own_steps(network, self.dt)
        steps("protocol.duration", self.duration, self.dt)
        self.course.check("protocol.course")
        for name, course in (self.courses or {}).items():
            if name not in network.populations:
                raise InputError(
                    f"protocol.courses.{name} is of no population; {nearest(name, network.populations)}"
                )
            course.check(f"protocol.courses.{name}")

    def reads(self, key: str) -> bool:
        """Return whether results depend on a value: of the cells and of this protocol, no connections."""
        return not key.startswith("network.")

    def coordinates(self, network: Network) -> dict[str, list[str] | Coordinate]:
        """Return the names of the populations and, with traces, the times."""
        found: dict[str, list[str] | Coordinate] = {"population": list(network.populations)}
        if self.traces:
            found["time"] = Coordinate(self._times(), "ms", "time")
        return found

    def work(self, network: Network, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs."""
        del whole
        return len(network.populations) * self.duration / self.dt

    def prepare(self, network: Network) -> None:
        """Compile the kernels of every population."""
        for name, cell in network.cells.items():
            self._cell(name, cell, {"i_ext": np.zeros(1), "seed": np.zeros(1)}, self._times()[:1])

    def __call__(
        self, network: Network, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any] | Ragged]:
        """Return every variable, shape (population, its own dims, point)."""
        del whole
        cells = [self._cell(name, c, points, self._times()) for name, c in network.cells.items()]
        names = [x.name for x in self.variables if not x.ragged]
        found: dict[str, NDArray[Any] | Ragged] = {x: np.stack([cell[x] for cell in cells]) for x in names}
        trains = [train for cell in cells for train in cell["trains"]]
        sizes = np.array([len(train) for train in trains], np.int64).reshape(len(cells), -1)
        found["spike_times"] = Ragged(np.concatenate(trains), sizes)
        return found

    def _times(self) -> Array:
        """Return the beginning of each step (ms)."""
        return np.arange(steps("protocol.duration", self.duration, self.dt), dtype=np.float64) * self.dt

    def _cell(self, name: str, cell: Any, points: Mapping[str, NDArray[Any]], times: Array) -> dict[str, Any]:
        """Return the variables of one population, shape (its dims, point), and its `trains`."""
        i_ext, named = points["i_ext"], named_cells(self, points, name)
        n, n_steps = len(i_ext), len(times)
        course = (self.courses or {}).get(name, self.course).factor(times)
        sources = [Scaled(course, amplitude) for amplitude in in_lanes(i_ext.astype(np.float64), n)]
        rows = Rows(((0, "v"), (0, "spiked")))
        clock = Clock.of(self.dt, self.refractory)
        drive = Drive(kick_scaled, sources)
        counts = run_lanes(cell, (GivenCurrent(),), clock, n, n_steps, drive, rows, named=named)
        v, steps_of = np.empty((n_steps, n)), []
        for k, (potential, spiked) in enumerate(rows.cells):
            at = np.flatnonzero(spiked)
            show_peaks(cell, potential, at)
            v[:, k] = potential
            steps_of.append(np.asarray((at + 1) * self.dt, np.float64))
        measured = [_intervals(train) for train in steps_of]
        found = {x: np.array([one[x] for one in measured]) for x in measured[0]}
        current = course[:, np.newaxis] * i_ext
        return {"n_spikes": counts, **found, "v": v, "current": current, "trains": steps_of}


def _intervals(train: Array) -> dict[str, float]:
    """Return the latency of a spike train (ms) and the measures of its intervals, NaN without any."""
    isi = np.diff(train)
    first, last = (isi[0], isi[-1]) if len(isi) else (np.nan, np.nan)
    several = len(isi) > 1
    return {
        "latency": train[0] if len(train) else np.nan,
        "first_isi": first,
        "last_isi": last,
        "cv_isi": isi.std() / isi.mean() if several else np.nan,
        "adaptation_index": (last - first) / (last + first) if several else np.nan,
    }
