"""Charges that an excitatory and an inhibitory cell receive from the sources of an Up state.

A cell of each population, alone, is driven by as many excitatory and inhibitory sources as it has synapses
in the network, at the rates of the set points fe and fi; the very same events reach all populations.
Soldado-Magraner et al. 2022, doi:10.1073/pnas.2200621119 (notebooks/actual-balance-clean.ipynb of their
code). Departures: charges in pC and not a thousandth of what they are called, and `fixed_scaled`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.cells.current_sums import CurrentSums
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import Drive, in_lanes, run_lanes
from spikesweep.kernels.cells.spike_trains import SpikeTrains
from spikesweep.kernels.random.philox import derive
from spikesweep.models.contracts import CellNetwork
from spikesweep.models.inputs.sources import fill_random, fill_regular, random_sources, regular_trains
from spikesweep.models.simulation.cell import trace_cell
from spikesweep.models.simulation.core import KINDS
from spikesweep.protocols.balance_variables import variables_of
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_events, check_network, check_step, numbers, steps
from spikesweep.protocols.keys import keys_of, named_cells
from spikesweep.units import PER_MS, Positive, Seed, ms

if TYPE_CHECKING:
    import xarray as xr

_TRACE = ((1, "current"), (2, "current"), (0, "v"))
_PC_PER_FC = 1e-3
#: What a step costs more where its traces are kept: bounds the memory of a block.
_TRACE_WORK = 100.0


@dataclass(frozen=True)
class EIBalance(Experiment):
    """Charge, mean current and spikes of one cell of each population.

    Inhibition is counted as the outward current that it is. `pop_size` is the number of neurons of the
    network, from which the number of sources and, in the Jercog network, the weights follow.
    """

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("fe", "Hz", "rate of an excitatory source", 0.0),
        Axis("fi", "Hz", "rate of an inhibitory source", 0.0),
        Axis("seed", "1", "repetition", 0, integer=True),
        Axis("pop_size", "1", "neurons of the network", 1, integer=True),
    )
    parameters_per_point: ClassVar[bool] = True
    stored_without_population: ClassVar[bool] = True

    mode: Literal["poisson", "fixed", "fixed_scaled"]  #: what the sources do, see conf/protocol
    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    root_seed: Seed  #: of all random numbers
    common_random_numbers: bool  #: the same random numbers at every point of a seed
    traces: bool  #: keep the potential and the currents at every step
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    net_current: bool = False  #: measure the excitatory less the inhibitory current, and its SD over time
    record_spikes: bool = False  #: keep the time of every spike

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        return variables_of(net=self.net_current, spikes=self.record_spikes, traces=self.traces)

    def check(self, network: Any) -> None:
        """Refuse a time step that does not resolve the network; raise InputError."""
        check_network(network, CellNetwork, "fs_rs")
        if "N" not in {field.name for field in fields(network)}:
            raise InputError(
                f"network is a {type(network).__name__}, whose size is no value of its own; allowed with "
                "this protocol, whose axis pop_size is the size: a network with N, network=jercog for example"
            )
        check_step(network, self.dt)
        steps("protocol.duration", self.duration, self.dt)

    def check_grid(self, network: Any, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse rates of more than one event in a step, and networks without sources; raise InputError."""
        for name in ("fe", "fi"):
            if (rate := float(values[name].max())) * self.dt * PER_MS >= 1.0:
                raise InputError(
                    f"grid.{name} holds {rate:g} Hz, more than one event in a step; allowed: less than "
                    f"{1.0 / (self.dt * PER_MS):g} Hz"
                )
        for size in np.unique(values["pop_size"]).tolist():
            sources = replace(network, N=size).in_degree
            if none := [kind for kind in KINDS if np.any(np.asarray(sources[kind]) <= 0)]:
                raise InputError(f"grid.pop_size holds {size}, which has no {none[0]} source; allowed: more")
            for name, kind in zip(("fe", "fi"), KINDS, strict=True):
                check_events(f"grid.{name}", float(values[name].max()), sources[kind], self.dt)

    def reads(self, key: str) -> bool:
        """Return whether results depend on a value: `pop_size` stands in the place of the network's N."""
        return key != "network.N"

    def coordinates(self, network: Any) -> Mapping[str, list[str] | Coordinate]:
        """Return the names of the populations and the times of the traces."""
        populations: dict[str, list[str] | Coordinate] = {"population": list(network.populations)}
        if self.traces:
            n_steps = steps("protocol.duration", self.duration, self.dt)
            time = numbers("protocol.duration", self.duration, n_steps) * self.dt
            populations["time"] = Coordinate(time, "ms", "time")
        return populations

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs."""
        del whole
        n = len(network.populations) * self.duration / self.dt
        return n * (_TRACE_WORK if self.traces else 1.0)

    def prepare(self, network: Any) -> None:
        """Compile the kernels of every population."""
        axes = {"fe": 0.0, "fi": 0.0, "seed": 0, "pop_size": network.N}
        replace(self, duration=self.dt)(network, {k: np.array([v]) for k, v in axes.items()}, {})

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any] | Ragged]:
        """Return every variable, shape (its dims, point)."""
        del whole
        sized, rates, n, n_steps = self._sources(network, points)
        cells = [self._cell(sized, name, points, rates, n, n_steps) for name in network.populations]
        results: dict[str, NDArray[Any] | Ragged] = {
            name: np.stack([cell[name] for cell in cells]) for name in cells[0]
        }
        if self.record_spikes:
            trains = [self._trains(sized, name, points, rates, n, n_steps) for name in network.populations]
            times = (np.concatenate([train.values for train in trains]) + 1) * self.dt
            results["spike_times"] = Ragged(times, np.stack([train.sizes for train in trains]))
        return {**results, "sources_exc": n["exc"], "sources_inh": n["inh"]}

    def trace(
        self, network: Any, point: Mapping[str, float], population: str, neuron: int = 0
    ) -> "xr.Dataset":
        """Return all that changes in a cell and its synapses at one point over time, and its spikes.

        Currents are inward positive: `i_syn` is the net current.
        """
        del neuron
        points = {name: np.array([value]) for name, value in point.items()}
        sized, rates, n, n_steps = self._sources(network, points)
        drive, clock = self._drive(points, rates, n, n_steps), Clock.of(self.dt, self.refractory)
        onto = sized.synapses_onto(population)
        synapses = {kind: onto[kind] for kind in KINDS}
        named = named_cells(self, points, population)
        return trace_cell(sized.cells[population], synapses, drive, clock, n_steps, named=named)

    def _sources(
        self, network: Any, points: Mapping[str, NDArray[Any]]
    ) -> tuple[Any, dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]], int]:
        """Return the networks of some points, the rates and numbers of their sources, and how many steps."""
        n_steps = steps("protocol.duration", self.duration, self.dt)
        rates = {"exc": points["fe"], "inh": points["fi"]}
        sized = replace(network, N=points["pop_size"])
        n = {k: np.broadcast_to(np.asarray(sized.in_degree[k], np.float64), rates[k].shape) for k in KINDS}
        if self.mode != "poisson":  # a regular source has a whole number of events
            time = n_steps * self.dt * PER_MS
            rates = {kind: np.round(rate * time) / time for kind, rate in rates.items()}
        if self.mode == "fixed":
            n = {kind: np.ones_like(n[kind]) for kind in KINDS}
        return sized, rates, n, n_steps

    def _cell(
        self,
        network: Any,
        name: str,
        points: Mapping[str, NDArray[Any]],
        rates: Mapping[str, NDArray[np.float64]],
        n: Mapping[str, NDArray[np.float64]],
        n_steps: int,
    ) -> dict[str, NDArray[np.float64]]:
        """Return the variables of one population."""
        n_points = len(rates["exc"])
        synapses = network.synapses_onto(name)
        inputs = [synapses[kind] for kind in KINDS]
        drive = self._drive(points, rates, n, n_steps)
        sums = CurrentSums(_TRACE, kept=self.traces, net=self.net_current)
        clock = Clock.of(self.dt, self.refractory)
        cell, named = network.cells[name], named_cells(self, points, name)
        counts = run_lanes(cell, inputs, clock, n_points, n_steps, drive, sums, named=named)
        totals = sums.totals
        found = {"spike_count": counts}
        for k, (kind, sign) in enumerate(zip(KINDS, (1.0, -1.0), strict=True)):
            found[f"current_{kind}"] = sign * totals[k] / n_steps
            found[f"charge_{kind}"] = sign * totals[k] * self.dt * _PC_PER_FC
            mean = getattr(inputs[k], "mean_current", None)
            expected = np.nan if mean is None else sign * mean(n[kind] * rates[kind])
            found[f"expected_{kind}"] = np.broadcast_to(expected, n_points)
        if self.net_current:
            mean = (totals[0] + totals[1]) / n_steps
            spread = np.sqrt(np.maximum(sums.squares / n_steps - mean**2, 0.0))
            found |= {"current_net": mean, "current_net_sd": spread}
        if self.traces:
            kept = sums.kept
            found |= {"i_exc": kept[:, 0], "i_inh": -kept[:, 1], "v": kept[:, 2]}
        return found

    def _trains(
        self,
        network: Any,
        name: str,
        points: Mapping[str, NDArray[Any]],
        rates: Mapping[str, NDArray[np.float64]],
        n: Mapping[str, NDArray[np.float64]],
        n_steps: int,
    ) -> Ragged:
        """Return the steps of the spikes of one population: a run of its own, for sums keep no spikes."""
        onto = network.synapses_onto(name)
        trains, clock = SpikeTrains(), Clock.of(self.dt, self.refractory)
        drive, inputs = self._drive(points, rates, n, n_steps), [onto[kind] for kind in KINDS]
        cell, named = network.cells[name], named_cells(self, points, name)
        run_lanes(cell, inputs, clock, len(rates["exc"]), n_steps, drive, trains, named=named)
        return trains.trains

    def _drive(
        self,
        points: Mapping[str, NDArray[Any]],
        rates: Mapping[str, NDArray[np.float64]],
        n: Mapping[str, NDArray[np.float64]],
        n_steps: int,
    ) -> Drive:
        """Return what kicks the inputs of each group of points: the same for every population."""
        n_points = len(rates["exc"])

        def lanes(values: Mapping[str, Any]) -> NDArray[Any]:
            return np.stack([in_lanes(values[kind], n_points) for kind in KINDS], axis=1)

        if self.mode == "poisson":
            keys = in_lanes(derive(keys_of(self, points), "sources", 0.0), n_points)
            probability = lanes({kind: rates[kind] * (self.dt * PER_MS) for kind in KINDS})
            groups = zip(keys, lanes(n), probability, strict=True)
            return Drive(fill_random, [random_sources(k, KINDS, s, p) for k, s, p in groups])
        events = lanes({kind: np.round(rates[kind] * (n_steps * self.dt * PER_MS)) for kind in KINDS})
        trains = [regular_trains(e, s, n_steps) for e, s in zip(events, lanes(n), strict=True)]
        return Drive(fill_regular, trains)
