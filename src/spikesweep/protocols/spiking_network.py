"""Activity of a network in which every neuron and every connection is simulated.

Connections come from `seed`, and are multiplied by `weight_scale`; `i_ext` is added to the constant current
of every neuron. After the prototype and the recurrent networks of Fiers' voltage-to-wiring-sim (code:
tfiers/phd). A spike has the time at which the neuron has spiked, the end of its step; without a delay it
arrives then.
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
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.random.philox import derive, point_keys
from spikesweep.models.networks.contracts import Whole
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.network import Recording, Simulated, known_signals, simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, check_step, steps
from spikesweep.protocols.keys import keys_of
from spikesweep.protocols.recorded import check_recorded, named, recorded_variable
from spikesweep.units import PER_MS, Positive, Seed, ms

#: Signals that every neuron has; others are NaN where a neuron has none.
_OF_ALL = ("v", "i_syn")


@dataclass(frozen=True)
class SpikingNetworkActivity(Experiment):
    """All spikes, the rate of every neuron, and chosen signals of chosen neurons over time."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("seed", "1", "of the connections and the noise", 0, integer=True),
        Axis("weight_scale", "1", "factor of all weights", 0.0),
        Axis("i_ext", "pA", "constant current, beside each neuron's own", -np.inf),
    )

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    record: tuple[str, ...]  #: signals of `neurons`, at every step (simulation.core): v, i_syn, g_E, ...
    neurons: tuple[
        Annotated[int, "1", Ge(0)], ...
    ]  #: whose signals are recorded, counted through the network
    root_seed: Seed  #: of all random numbers
    common_random_numbers: bool  #: the same noise at every point of a seed
    refractory: Literal["published", "steps"]  #: how held steps are counted (kernels.driver.Clock)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored."""
        return (
            Variable("spike_times", (), "ms", "spike times", ragged="spike"),
            Variable("spike_neuron", (), "1", "neuron that spiked", "int32", ragged="spike"),
            Variable("rate", ("neuron",), "Hz", "firing rate"),
            *(
                recorded_variable(name, ("recorded", "time"), optional=name not in _OF_ALL)
                for name in self.record
                if self.neurons
            ),
        )

    def on(self, network: Any) -> "SpikingNetworkActivity":
        """Return the protocol with the units and meanings of what it records of a network."""
        known = {} if lacking(network, Whole) else known_signals(network)
        return replace(self, record=named(self.record, known))

    def check(self, network: Any) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        check_network(network, Whole, "fiers_prototype")
        check_step(network, self.dt)
        steps("protocol.duration", self.duration, self.dt)
        for i in self.neurons:
            if i >= network.N:
                raise InputError(f"protocol.neurons holds {i}; allowed: 0 to {network.N - 1}")
        if len(set(self.neurons)) < len(self.neurons):
            raise InputError(f"protocol.neurons = {list(self.neurons)} is refused; allowed: each once")
        check_recorded(self.record, known_signals(network), "no neuron of this network has")
        for target, sources in network.projections.items():
            for source, connections in sources.items():
                steps(f"network.projections.{target}.{source}.delay", connections.delay, self.dt)

    def coordinates(self, network: SpikingNetwork) -> dict[str, Coordinate]:
        """Return the numbers and populations of the neurons, those recorded, and the times."""
        names = np.array([name for name, p in network.populations.items() for _ in range(p.n)])
        found = {
            "neuron": Coordinate(np.arange(network.N), "1", "neuron"),
            "population": Coordinate(names, "1", "population of the neuron", ("neuron",)),
        }
        if self.record and self.neurons:
            n_steps = steps("protocol.duration", self.duration, self.dt)
            found["recorded"] = Coordinate(np.array(self.neurons), "1", "recorded neuron")
            found["time"] = Coordinate(np.arange(n_steps) * self.dt, "ms", "time")
        return found

    def work(self, network: SpikingNetwork, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs."""
        del whole
        return float(network.N * self.duration / self.dt)

    def prepare(self, network: SpikingNetwork) -> None:
        """Compile the kernels."""
        points = {"seed": np.zeros(1, np.int64), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
        self._runs(network, points, 2)

    def __call__(
        self, network: SpikingNetwork, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any] | Ragged]:
        """Return every variable, shape (its dims, point)."""
        del whole
        n_steps = steps("protocol.duration", self.duration, self.dt)
        runs = self._runs(network, points, n_steps)
        sizes = np.array([len(run.step) for run in runs], np.int64)
        counts = np.stack([np.bincount(run.neuron, minlength=network.N) for run in runs], axis=-1)
        finite = np.stack([run.finite for run in runs], axis=-1)
        found: dict[str, NDArray[Any] | Ragged] = {
            "spike_times": Ragged(np.concatenate([run.step * self.dt for run in runs]), sizes),
            "spike_neuron": Ragged(np.concatenate([run.neuron.astype(np.int32) for run in runs]), sizes),
            "rate": np.where(finite, counts, np.nan) / (n_steps * self.dt * PER_MS),
        }
        for name in self.record if self.neurons else ():
            found[name] = np.stack([run.signals[name] for run in runs], axis=-1)
        return found

    def _runs(
        self, network: SpikingNetwork, points: Mapping[str, NDArray[Any]], n_steps: int
    ) -> list[Simulated]:
        """Return what the network of each point did."""
        clock, chosen = Clock.of(self.dt, self.refractory), Recording(self.record, self.neurons)
        number, keys = np.arange(network.N), keys_of(self, points)
        runs: dict[int, Simulated] = {}
        for seed in np.unique(points["seed"]).tolist():  # all points of a seed share its connections
            drawn = wire(network, network.edges(point_keys(self.root_seed, {"seed": seed})), self.dt)
            for i in np.flatnonzero(points["seed"] == seed).tolist():
                noise = derive(derive(keys[i], "noise", 0.0), "neuron", number)
                current, scale = network.i_ext() + points["i_ext"][i], points["weight_scale"][i]
                settings = {"weight_scale": scale, "noise_keys": noise}
                runs[i] = simulate(network, drawn, current, clock, n_steps, chosen, **settings)
        return [runs[i] for i in range(len(runs))]
