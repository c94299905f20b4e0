"""Output rate of single cells as a function of their presynaptic rates, on a regular grid.

A cell receives Poisson events at the rates fe times the excitatory and fi times the inhibitory
in-degree; the superposition of independent Poisson trains is one Poisson train. Zerlaut et al. 2018,
doi:10.1007/s10827-017-0668-2. Departures from the original script: independent streams for excitation
and inhibition and for every point, and the rate over the analysed time itself. Synapses may have a share of
their events in common (`models.inputs.shared_events`).

Above 250 lines because a protocol is one file, from its checks to its results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Variable
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import Counts, Drive, run_lanes
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.kernels.cells.spike_trains import SpikeTrains
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import CellNetwork
from spikesweep.models.inputs import legacy, poisson, shared_events
from spikesweep.models.inputs.given import ConstantCurrent
from spikesweep.models.networks.base import in_degree_onto, per_neuron
from spikesweep.models.simulation.cell import trace_cell
from spikesweep.models.simulation.core import KINDS
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import (
    check_draws_nothing,
    check_network,
    check_rates,
    check_shares,
    check_step,
    steps,
)
from spikesweep.protocols.keys import keys_of
from spikesweep.units import PER_MS, Fraction, NonNegative, Positive, Seed, ms, pA

if TYPE_CHECKING:
    import xarray as xr

#: The original has one neuron for each seed; with `rng` legacy_shared neuron i has seed + i times this.
LEGACY_NEURONS = 2**20


@dataclass(frozen=True)
class TransferFunction(Experiment):
    """Mean rate of `pop_size` independent neurons of each population.

    Sizes are nested: the rate of 10 is the mean over the first 10 of 100. With `record_spikes` also the
    spikes that the rate of the largest size counts, neuron after neuron.
    """

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("fe", "Hz", "excitatory presynaptic rate", 0.0),
        Axis("fi", "Hz", "inhibitory presynaptic rate", 0.0),
        Axis("seed", "1", "repetition", 0, integer=True),
        Axis("pop_size", "1", "neurons averaged", 1, integer=True, whole=True),
    )
    parameters_per_point: ClassVar[bool] = True

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    discard: NonNegative[ms]  #: time at the start that is not counted
    root_seed: Seed  #: of all random numbers
    common_random_numbers: bool  #: the same event trains at every point of a seed
    rng: Literal["philox", "legacy_shared"]  #: legacy_shared: one train for exc and inh, as the original
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    record_spikes: bool  #: keep the time and the neuron of every spike
    share_exc: Fraction = 0.0  #: of its events that an excitatory synapse has in common with another
    share_inh: Fraction = 0.0  #: of its events that an inhibitory synapse has in common with another
    i_ext: pA = 0.0  #: constant current

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        population = ("population",)
        rate = Variable("rate", population, "Hz", "mean output rate")
        if not self.record_spikes:
            return (rate,)
        spikes = partial(Variable, dims=population, without=("pop_size",), ragged="spike")
        return (
            rate,
            spikes("spike_times", units="ms", long_name="spike times"),
            spikes("spike_neuron", units="1", long_name="number of the neuron", dtype="int32"),
        )

    def check(self, network: CellNetwork) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        if self.discard >= self.duration:
            raise InputError(
                f"protocol.discard = {self.discard} ms is refused: "
                f"allowed is less than protocol.duration = {self.duration} ms"
            )
        if self.rng == "legacy_shared" and (self.refractory != "published" or self.discard):
            raise InputError(
                "protocol.rng = 'legacy_shared' is refused with protocol.refractory = "
                f"{self.refractory!r} and protocol.discard = {self.discard} ms; allowed: published, 0.0 ms"
            )
        for name in ("share_exc", "share_inh", "i_ext"):
            if self.rng == "legacy_shared" and (value := getattr(self, name)):
                raise InputError(
                    f"protocol.{name} = {value} is refused with protocol.rng = 'legacy_shared'; allowed: 0.0"
                )
        check_network(network, CellNetwork, "fs_rs")
        check_step(network, self.dt)
        if self.rng == "legacy_shared":
            check_draws_nothing(network, "protocol.rng = 'legacy_shared'")
        steps("protocol.duration", self.duration, self.dt)
        steps("protocol.discard", self.discard, self.dt)

    def check_grid(self, network: CellNetwork, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse rates that the time step does not resolve, and what legacy numbers have no seed for."""
        highest = {"exc": float(values["fe"].max()), "inh": float(values["fi"].max())}
        check_rates(network, highest, self.dt)
        check_shares(self._shares, highest, self.dt)
        last = int(values["seed"].max()) + (int(values["pop_size"].max()) - 1) * LEGACY_NEURONS
        if self.rng == "legacy_shared" and last >= 2**32:
            raise InputError(
                f"grid.pop_size = {values['pop_size'].max()} is refused with protocol.rng = 'legacy_shared', "
                f"which has {2**32 // LEGACY_NEURONS} neurons; allowed: fewer, or philox"
            )

    def coordinates(self, network: CellNetwork) -> dict[str, list[str]]:
        """Return the names of the populations."""
        return {"population": list(network.populations)}

    def work(self, network: CellNetwork, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs."""
        return len(network.populations) * float(whole["pop_size"].max()) * self.duration / self.dt

    def prepare(self, network: CellNetwork) -> None:
        """Compile the kernels of every population."""
        points, one = {name: np.zeros(1) for name in ("fe", "fi", "seed")}, np.ones(1, np.int64)
        self._run(network, tuple(network.populations), points, one, 0, 0)

    def __call__(
        self,
        network: CellNetwork,
        points: Mapping[str, NDArray[Any]],
        whole: Mapping[str, NDArray[Any]],
    ) -> dict[str, Any]:
        """Return `rate` (Hz), shape (population, point, pop_size), and the spikes if they are recorded."""
        return self.only(tuple(network.populations), network, points, whole["pop_size"])

    def only(
        self,
        names: Sequence[str],
        network: CellNetwork,
        points: Mapping[str, NDArray[Any]],
        sizes: NDArray[np.int64],
    ) -> dict[str, Any]:
        """Return the results of some populations, `rate` of shape (name, point, size)."""
        n_steps = steps("protocol.duration", self.duration, self.dt)
        n_discard = steps("protocol.discard", self.discard, self.dt)
        return self._run(network, names, points, sizes, n_steps, n_discard)

    def trace(
        self, network: CellNetwork, point: Mapping[str, float], population: str, neuron: int = 0
    ) -> "xr.Dataset":
        """Return the traces and spikes of one neuron at one point, as they were when it was computed."""
        key = derive(keys_of(self, point), f"population {population}", 0.0)
        clock = Clock.of(self.dt, self.refractory)
        n_steps = steps("protocol.duration", self.duration, self.dt)
        cell, points = network.cells[population], {k: np.array([v]) for k, v in point.items()}
        degree = in_degree_onto(network, population)
        drive = self._drive(degree, points, np.array([key]), np.array([neuron]), clock, n_steps)
        onto = network.synapses_onto(population)
        named = Named(key, np.array([neuron]))
        return trace_cell(cell, onto, drive, clock, n_steps, others=self._others, named=named)

    def _run(
        self,
        network: CellNetwork,
        names: Sequence[str],
        points: Mapping[str, NDArray[Any]],
        sizes: NDArray[np.int64],
        n_steps: int,
        n_discard: int,
    ) -> dict[str, Any]:
        n_points, n_neurons = len(points["fe"]), int(sizes.max())
        keys = keys_of(self, points)
        clock = Clock.of(self.dt, self.refractory)
        rates = np.empty((len(names), n_points, len(sizes)))
        trains = []
        for p, name in enumerate(names):
            cell = per_neuron(network.cells[name], n_neurons)
            onto = network.synapses_onto(name)
            synapses = [per_neuron(onto[kind], n_neurons) for kind in KINDS]
            synapses += self._others.values()
            own = derive(keys, f"population {name}", 0.0)
            degree = in_degree_onto(network, name)
            drive = self._drive(degree, points, own, np.arange(n_neurons), clock, n_steps)
            recording = SpikeTrains(n_discard) if self.record_spikes else Counts()
            n = n_points * n_neurons
            named = Named(np.repeat(own, n_neurons), np.tile(np.arange(n_neurons), n_points))
            counts = run_lanes(cell, synapses, clock, n, n_steps, drive, recording, n_discard, named)
            if isinstance(recording, SpikeTrains):
                trains.append(recording.trains)
            total = counts.reshape(n_points, n_neurons).cumsum(axis=1)
            analysed = (n_steps - n_discard) * (PER_MS * self.dt)
            with np.errstate(invalid="ignore"):  # 0 / 0 where nothing was simulated: only in prepare
                rates[p] = total[:, sizes - 1] / sizes / np.float64(analysed)
        return {"rate": rates, **(self._spikes(trains, n_points) if self.record_spikes else {})}

    def _events_per_step(self, degree: Mapping[str, Any], points: Mapping[str, Any]) -> dict[str, Any]:
        """Return the mean number of events in a step, by kind of synapse, at a point or at many."""
        rates = zip(KINDS, (points["fe"], points["fi"]), strict=True)
        return {kind: rate * (degree[kind] * (PER_MS * self.dt)) for kind, rate in rates}

    def _drive(
        self,
        degree: Mapping[str, Any],
        points: Mapping[str, NDArray[Any]],
        keys: NDArray[np.uint64],
        of_point: NDArray[np.int64],
        clock: Clock,
        n_steps: int,
    ) -> Drive:
        """Return what kicks the synapses of the neurons `of_point` of a population, point after point."""
        n_neurons, neurons = len(of_point), np.tile(of_point, len(keys))
        of_points = self._events_per_step(degree, points)
        events = {kind: np.repeat(values, n_neurons) for kind, values in of_points.items()}
        if self.rng == "legacy_shared":
            in_Hz = {kind: values / (PER_MS * self.dt) for kind, values in events.items()}
            seeds = np.repeat(points["seed"], n_neurons).astype(np.int64) + neurons * LEGACY_NEURONS
            return Drive(legacy.fill, legacy.legacy_trains(in_Hz, seeds, KINDS, clock, n_steps))
        events |= {name: np.zeros(len(neurons)) for name in self._others}  # nothing kicks a constant current
        named, streams = (np.repeat(keys, n_neurons), neurons), (*KINDS, *self._others)
        if not any(self._shares.values()):
            return Drive(poisson.fill, poisson.trains_of(events, *named, streams))
        sources = {kind: np.repeat(np.broadcast_to(degree[kind], len(keys)), n_neurons) for kind in KINDS}
        trains = shared_events.trains_of(events, sources, self._shares, *named, streams)
        return Drive(shared_events.fill, trains)

    @property
    def _shares(self) -> dict[str, float]:
        """Return the shares of events by kind of synapse."""
        return {"exc": self.share_exc, "inh": self.share_inh}

    @property
    def _others(self) -> dict[str, ConstantCurrent]:
        """Return the inputs beside the synapses."""
        return {"current": ConstantCurrent(self.i_ext)} if self.i_ext else {}

    def _spikes(self, trains: list[Ragged], n_points: int) -> dict[str, Ragged]:
        """Return the spikes of neurons as those of points, shape (population, point)."""
        sizes = np.stack([train.sizes.reshape(n_points, -1) for train in trains])
        by_point = sizes.sum(axis=-1)
        neurons = np.tile(np.arange(sizes.shape[-1], dtype=np.int32), by_point.size)
        times = (np.concatenate([train.values for train in trains]) + 1) * self.dt
        return {
            "spike_times": Ragged(times, by_point),
            "spike_neuron": Ragged(np.repeat(neurons, sizes.ravel()), by_point),
        }
