"""Activity of a network in which every neuron and every connection is simulated.

Connections come from `seed` alone, so that all points of a seed have the same network, and are multiplied by
`weight_scale`; `i_ext` is added to the constant current of every neuron. Where the network has one external
drive, `grid.drive` sweeps its rate. A spike has the time at which the neuron has spiked, the end of its step;
without a delay it arrives then. Measures are those of kernels.statistics.activity.

A network whose busiest population is above `saturated_above` for a tenth of a second is stopped, as a result
with the status `saturated`: what it did until then. One with more spikes than `gate.rate` allows in all is
stopped, too: its mean rate would be above in any case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import MISSING, SATURATED, Axis, Coordinate, Variable
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.random.philox import point_keys
from spikesweep.models.networks.contracts import Whole
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.drawn import drawn, memory
from spikesweep.models.simulation.members import Recording
from spikesweep.models.simulation.network import Simulated, known_signals, simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, check_step, steps
from spikesweep.protocols.kept_connections import CONNECTIONS, check_kept, kept_connections
from spikesweep.protocols.keys import keys_of
from spikesweep.protocols.network_activity import Activity, Settings, activity_variables
from spikesweep.protocols.recorded import check_recorded, named, recorded_variable
from spikesweep.units import Hz, NonNegative, Positive, Seed, ms

#: Signals that every neuron has; others are NaN where a neuron has none.
_OF_ALL = ("v", "i_syn")


@dataclass(frozen=True)
class SpikingNetworkActivity(Experiment):
    """Rates, irregularity and synchrony of each population, all spikes, and signals of chosen neurons."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("seed", "1", "of the connections and the noise", 0, integer=True),
        Axis("weight_scale", "1", "factor of all weights", 0.0),
        Axis("i_ext", "pA", "constant current, beside each neuron's own", -np.inf),
    )

    whole_network: ClassVar[bool] = True

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    record: tuple[str, ...]  #: signals of `neurons`, at every step (simulation.core): v, i_syn, g_E, ...
    neurons: tuple[
        Annotated[int, "1", Ge(0)], ...
    ]  #: whose signals are recorded, counted through the network
    root_seed: Seed  #: of all random numbers
    common_random_numbers: bool  #: the same noise at every point of a seed
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    discard: NonNegative[ms] = 0.0  #: time at the start that only `population_rate` and `last_spike` count
    bin: Positive[ms] = 10.0  #: width of the time bins of `population_rate`, `synchrony` and `spectrum`
    spectrum: NonNegative[ms] = 0.0  #: length of the segments of the spectra; none where zero
    record_spikes: bool = True  #: keep the time and the neuron of every spike
    record_rates: bool = True  #: keep the rate of every neuron: not where a sweep changes how many there are
    saturated_above: Positive[Hz] = 500.0  #: rate of a population that stops a network
    stopped_above: Positive[Hz] | None = (
        None  #: mean rate of a population that ends a network, by `gate.rate`
    )
    record_connections: bool = False  #: keep who connects to whom, how strongly and how late

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored."""
        spikes = (
            Variable("spike_times", (), "ms", "spike times", ragged="spike"),
            Variable("spike_neuron", (), "1", "neuron that spiked", "int32", ragged="spike"),
        )
        return (
            *activity_variables(spectrum=self.spectrum > 0.0, each_neuron=self.record_rates),
            *(spikes if self.record_spikes else ()),
            *(CONNECTIONS if self.record_connections else ()),
            *(
                recorded_variable(name, ("recorded", "time"), optional=name not in _OF_ALL)
                for name in self.record
                if self.neurons
            ),
        )

    def on(self, network: Any) -> "SpikingNetworkActivity":
        """Return the protocol with the units and meanings of what it records; refuse a network as it does."""
        known = {}
        if not lacking(network, Whole):
            network.whole.check()
            known = known_signals(network.whole)
        return replace(self, record=named(self.record, known))

    def limited(self, gates: Mapping[str, tuple[float | None, ...]]) -> "SpikingNetworkActivity":
        """Return the protocol that ends a network once its spikes are more than `gate.rate` allows in all."""
        ends = gates.get("rate", ())
        high = ends[1] if len(ends) == 2 else None
        return replace(self, stopped_above=high) if high is not None and high > 0.0 else self

    def aliases(self, network: Any) -> dict[str, str]:
        """Return the keys that have an axis of a shorter name: that of the one rate of a drive is `drive`."""
        every = getattr(network, "drives", {})
        drives = [name for name, drive in every.items() if hasattr(drive, "rate")]
        return {"drive": f"network.drives.{drives[0]}.rate"} if len(drives) == 1 else {}

    def check(self, network: Any) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        check_network(network, Whole, "brunel2000")
        whole = network.whole
        check_step(whole, self.dt)
        whole.check_dt(self.dt)
        self._settings()
        for i in self.neurons:
            if i >= whole.N:
                raise InputError(f"protocol.neurons holds {i}; allowed: 0 to {whole.N - 1}")
        if len(set(self.neurons)) < len(self.neurons):
            raise InputError(f"protocol.neurons = {list(self.neurons)} is refused; allowed: each once")
        check_recorded(self.record, known_signals(whole), "no neuron of this network has")
        found = memory(whole, self.dt)
        found.check()
        if self.record_connections:
            check_kept(found)

    def coordinates(self, network: Any) -> dict[str, list[str] | Coordinate]:
        """Return the populations, the time bins, the neurons and the times of what is recorded."""
        whole, settings = network.whole, self._settings()
        names = np.array([name for name, p in whole.populations.items() for _ in range(p.n)])
        found: dict[str, list[str] | Coordinate] = {
            "population": list(whole.populations),
            **settings.coordinates(),
        }
        if self.record_rates:
            found["neuron"] = Coordinate(np.arange(whole.N), "1", "neuron")
            found["neuron_population"] = Coordinate(names, "1", "population of the neuron", ("neuron",))
        if self.record and self.neurons:
            found["recorded"] = Coordinate(np.array(self.neurons), "1", "recorded neuron")
            found["time"] = Coordinate(np.arange(settings.n_steps) * self.dt, "ms", "time")
        return found

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs."""
        del whole
        return float(network.whole.N * self.duration / self.dt)

    def size_of(self, network: Any) -> str:
        """Return the numbers of neurons and connections, and the memory that they take."""
        found = memory(network.whole, self.dt)
        size = f"about {found.connections:.2g} connections, {found.bytes / 1e9:.2g} GB"
        return f"{network.whole.N} neurons, {size}"

    def prepare(self, network: Any) -> None:
        """Compile the kernels: cells without connections call the same."""
        whole, clock = network.whole, Clock.of(self.dt, self.refractory)
        seen = Activity(whole, self._settings(), keep=False)
        chosen = Recording(self.record, self.neurons)
        simulate(whole, wire(whole, []), clock, 2, np.uint64(0), seen.told, chosen)

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any] | Ragged]:
        """Return every variable, shape (its dims, point)."""
        del whole
        runs = self._runs(network.whole, points, self._settings())
        found: dict[str, NDArray[Any] | Ragged] = {}
        measured = [seen.measured(run) for run, seen in runs]
        for name in [n for n in measured[0] if self.record_rates or n != "neuron_rate"]:
            found[name] = np.stack([values[name] for values in measured], axis=-1)
        if self.record_spikes:
            spikes = [seen.spikes() for _, seen in runs]
            sizes = np.array([len(step) for _, step in spikes], np.int64)
            found["spike_times"] = Ragged(np.concatenate([step * self.dt for _, step in spikes]), sizes)
            found["spike_neuron"] = Ragged(np.concatenate([neuron for neuron, _ in spikes]), sizes)
        if self.record_connections:
            found |= kept_connections(network.whole, self.root_seed, points["seed"], self.dt)
        for name in self.record if self.neurons else ():
            found[name] = np.stack([run.signals[name] for run, _ in runs], axis=-1)
        status = [SATURATED if seen.saturated else MISSING for _, seen in runs]
        return {**found, "status": np.array(status, np.uint8)}

    def _settings(self) -> Settings:
        n_steps = steps("protocol.duration", self.duration, self.dt)
        discard = steps("protocol.discard", self.discard, self.dt)
        bin_steps = steps("protocol.bin", self.bin, self.dt)
        segment = steps("protocol.spectrum", self.spectrum, self.bin, "protocol.bin")
        if discard >= n_steps:
            raise InputError(
                f"protocol.discard = {self.discard} ms is refused; allowed: less than protocol.duration = "
                f"{self.duration} ms"
            )
        if segment and not 2 <= segment <= (n_steps - discard) // bin_steps:
            raise InputError(
                f"protocol.spectrum = {self.spectrum} ms is refused; allowed: 0, or from two bins of "
                f"{self.bin} ms to the analysed {self.duration - self.discard} ms"
            )
        above = self.saturated_above, self.stopped_above
        return Settings(self.dt, n_steps, discard, bin_steps, segment, *above)

    def _runs(
        self, network: SpikingNetwork, points: Mapping[str, NDArray[Any]], settings: Settings
    ) -> list[tuple[Simulated, Activity]]:
        """Return what the network of each point did, and what was seen of it."""
        clock, chosen = Clock.of(self.dt, self.refractory), Recording(self.record, self.neurons)
        keys = keys_of(self, points)
        found: dict[int, tuple[Simulated, Activity]] = {}
        for seed in np.unique(points["seed"]).tolist():  # all points of a seed share its connections
            wired = drawn(network, point_keys(self.root_seed, {"seed": seed}), self.dt)
            for i in np.flatnonzero(points["seed"] == seed).tolist():
                seen = Activity(network, settings, keep=self.record_spikes)
                current, scale = points["i_ext"][i], points["weight_scale"][i]
                run = simulate(
                    network, wired, clock, settings.n_steps, keys[i], seen.told, chosen,
                    i_ext=current, weight_scale=scale,
                )  # fmt: skip
                found[i] = run, seen
        return [found[i] for i in range(len(found))]
