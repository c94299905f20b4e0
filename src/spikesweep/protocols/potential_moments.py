"""The fluctuations of single cells under Poisson input: moments of the potential, regularity of firing.

The input is that of `transfer_function`, and a constant current besides. `v_mean`, `v_sd` and `tau_v` are
those of the potential over the analysed time without `exclude` after each spike, in which it is held or
recovers: what mu_V, sigma_V and T_V of the semi-analytical transfer function (analysis.semi_analytical) stand
for.

    tau_v = integral of the autocorrelation from lag 0 to its first zero

which is T_V for the shot noise of that theory. It is taken from the longest stretch between two exclusions
where there are any. Synapses may have a share of their events in common (`models.inputs.shared_events`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import Axis, Variable
from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.kernels.cells.kept_rows import Rows
from spikesweep.kernels.cells.lanes import Drive, run_lanes
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import CellNetwork
from spikesweep.models.inputs import poisson, shared_events
from spikesweep.models.inputs.given import ConstantCurrent
from spikesweep.models.networks.base import in_degree_onto
from spikesweep.models.simulation.core import KINDS
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import (
    check_network,
    check_rates,
    check_shares,
    check_step,
    steps,
)
from spikesweep.protocols.keys import keys_of
from spikesweep.units import PER_MS, Fraction, NonNegative, Positive, Seed, ms

Array = NDArray[np.float64]

#: The stream of the constant current, in which nothing happens.
_CURRENT = "current"


@dataclass(frozen=True)
class PotentialMoments(Experiment):
    """Mean, SD and autocorrelation time of v, rate and CV of intervals, of one cell of each population."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("fe", "Hz", "excitatory presynaptic rate", 0.0),
        Axis("fi", "Hz", "inhibitory presynaptic rate", 0.0),
        Axis("i_ext", "pA", "constant current", -np.inf),
        Axis("seed", "1", "repetition", 0, integer=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("rate", ("population",), "Hz", "mean output rate"),
        Variable("v_mean", ("population",), "mV", "mean potential", optional=True),
        Variable("v_sd", ("population",), "mV", "standard deviation of the potential", optional=True),
        Variable("tau_v", ("population",), "ms", "autocorrelation time of the potential", optional=True),
        Variable("cv_isi", ("population",), "1", "coefficient of variation of intervals", optional=True),
    )

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    discard: NonNegative[ms]  #: time at the start that is not counted
    exclude: NonNegative[ms]  #: time after a spike in which the potential is not counted
    root_seed: Seed  #: of all random numbers
    common_random_numbers: bool  #: the same event trains at every point of a seed
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    share_exc: Fraction = 0.0  #: of its events that an excitatory synapse has in common with another
    share_inh: Fraction = 0.0  #: of its events that an inhibitory synapse has in common with another

    def check(self, network: CellNetwork) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        if self.discard >= self.duration:
            raise InputError(
                f"protocol.discard = {self.discard} ms is refused: "
                f"allowed is less than protocol.duration = {self.duration} ms"
            )
        check_network(network, CellNetwork, "fs_rs")
        check_step(network, self.dt)
        for name in ("duration", "discard", "exclude"):
            steps(f"protocol.{name}", getattr(self, name), self.dt)

    def check_grid(self, network: CellNetwork, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse rates that the time step does not resolve; raise InputError."""
        highest = {"exc": float(values["fe"].max()), "inh": float(values["fi"].max())}
        check_rates(network, highest, self.dt)
        check_shares(self._shares, highest, self.dt)

    def coordinates(self, network: CellNetwork) -> dict[str, list[str]]:
        """Return the names of the populations."""
        return {"population": list(network.populations)}

    def work(self, network: CellNetwork, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs, those of a recorded cell."""
        del whole
        return len(network.populations) * self.duration / self.dt * 4.0

    def prepare(self, network: CellNetwork) -> None:
        """Compile the kernels of every population."""
        points = {axis.name: np.zeros(1) for axis in self.axes}
        for name in network.populations:
            next(iter(self._potentials(network, name, points, 1)))

    def __call__(
        self, network: CellNetwork, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable, shape (population, point)."""
        del whole
        names = [variable.name for variable in self.variables]
        n_steps = steps("protocol.duration", self.duration, self.dt)
        found = {name: np.empty((len(network.populations), len(points["seed"]))) for name in names}
        for p, population in enumerate(network.populations):
            for k, (v, spiked) in enumerate(self._potentials(network, population, points, n_steps)):
                for name, value in self._measured(v, spiked).items():
                    found[name][p, k] = value
        return found

    @property
    def _shares(self) -> dict[str, float]:
        """Return the shares of events by kind of synapse."""
        return {"exc": self.share_exc, "inh": self.share_inh}

    def _potentials(
        self, network: CellNetwork, name: str, points: Mapping[str, NDArray[Any]], n_steps: int
    ) -> Any:
        """Yield the potential, and whether it spiked, of a cell at each step of each point."""
        clock, onto = Clock.of(self.dt, self.refractory), network.synapses_onto(name)
        degree = in_degree_onto(network, name)
        keys = derive(keys_of(self, points), f"population {name}", 0.0)
        for start in range(0, len(keys), LANES):  # so that a group is in memory at a time
            part = slice(start, start + LANES)
            rates = zip(KINDS, (points["fe"][part], points["fi"][part]), strict=True)
            events = {kind: rate * (degree[kind] * PER_MS * self.dt) for kind, rate in rates}
            events[_CURRENT] = np.zeros(len(keys[part]))
            own = np.zeros(len(keys[part]), np.int64)
            named, streams = (keys[part], own), (*KINDS, _CURRENT)
            drive = Drive(poisson.fill, poisson.trains_of(events, *named, streams))
            if any(self._shares.values()):
                trains = shared_events.trains_of(events, degree, self._shares, *named, streams)
                drive = Drive(shared_events.fill, trains)
            amplitude = points["i_ext"][part].astype(np.float64)
            current = ConstantCurrent(amplitude)  # type: ignore[arg-type]  # one a lane
            inputs = (*(onto[kind] for kind in KINDS), current)
            rows = Rows(((0, "v"), (0, "spiked")))
            run_lanes(network.cells[name], inputs, clock, len(own), n_steps, drive, rows, named=Named(*named))
            yield from rows.cells

    def _measured(self, v: Array, spiked: Array) -> dict[str, float]:
        """Return the variables of one cell."""
        first = steps("protocol.discard", self.discard, self.dt)
        held = steps("protocol.exclude", self.exclude, self.dt)
        # v stands as before a step, so that a reset shows in the next
        counted = _outside(np.flatnonzero(spiked) + 1, held, len(v))[first:]
        v, spikes = v[first:], np.flatnonzero(spiked[first:])
        intervals = np.diff(spikes) * self.dt
        free, (start, stop) = v[counted], _longest(counted)
        return {
            "rate": len(spikes) / (len(v) * self.dt * PER_MS),
            "v_mean": float(free.mean()) if len(free) else np.nan,
            "v_sd": float(free.std()) if len(free) else np.nan,
            "tau_v": autocorrelation_time(v[start:stop], self.dt),
            "cv_isi": float(intervals.std() / intervals.mean()) if len(intervals) > 1 else np.nan,
        }


def _outside(first: NDArray[np.int64], n: int, n_steps: int) -> NDArray[np.bool_]:
    """Return which of some steps are not among the n from each of `first` on."""
    change = np.zeros(n_steps + 1, np.int64)
    np.add.at(change, np.minimum(first, n_steps), 1)
    np.add.at(change, np.minimum(first + n, n_steps), -1)
    return np.asarray(np.cumsum(change)[:n_steps] == 0)


def _longest(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the bounds of the longest stretch that is True."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    if not len(edges):
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    k = int(np.argmax(stops - starts))
    return int(starts[k]), int(stops[k])


def autocorrelation_time(x: Array, dt: ms) -> ms:
    """Return the integral of the autocorrelation from lag 0 to its first zero; NaN without fluctuations.

    >>> import numpy as np
    >>> a, x = np.exp(-0.1 / 5.0), np.random.default_rng(0).normal(size=400_000)
    >>> for i in range(1, len(x)): x[i] = a * x[i - 1] + np.sqrt(1 - a * a) * x[i]
    >>> abs(autocorrelation_time(x, 0.1) - 5.0) < 0.3
    True
    """
    if len(x) < 2 or np.ptp(x) == 0.0:
        return float("nan")
    spectrum = np.fft.rfft(x - x.mean(), 2 * len(x))
    covariance = np.fft.irfft(np.abs(spectrum) ** 2)[: len(x)] / np.arange(len(x), 0, -1)
    beyond = covariance <= 0.0
    stop = int(np.argmax(beyond)) if beyond.any() else len(x)
    return float((covariance[:stop].sum() / covariance[0] - 0.5) * dt)
