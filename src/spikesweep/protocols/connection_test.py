"""Whether a neuron's inputs can be told from its imaged potential: simulate, image, test, score.

A point is one experiment: Poisson inputs, some of them connected, drive one neuron; its potential, with
noise at every sample, is averaged after the spikes of each input and of shuffled trains
(`analysis.connection_test`), and the decisions are compared with the truth. After Fiers'
voltage-to-wiring-sim (code: tfiers/phd). With `rng` legacy the numbers are the original's; otherwise
trains, wiring, imaging and the shuffles of each input have streams of their own, so that the test of one
input never depends on the others.

Above 250 lines because a protocol is one file, from its checks to its results.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.analysis import shuffle_test as test
from spikesweep.analysis.detection import evaluate, fastest
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable, labelled
from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.models.contracts import Resting
from spikesweep.models.networks.contracts import Inputs
from spikesweep.models.networks.many_to_one import Experiment, ManyToOne
from spikesweep.models.simulation.core import Signal, run_traced, show_peaks, signals
from spikesweep.protocols import base
from spikesweep.protocols.checks import (
    check_draws_nothing,
    check_network,
    check_step,
    numbers,
    peak_of,
    steps,
)
from spikesweep.protocols.connection_variables import MEASURES, RECORDS, TRACED
from spikesweep.protocols.keys import keys_of
from spikesweep.protocols.recorded import check_recorded, named, recorded_variable
from spikesweep.units import PER_MS, Fraction, Positive, Seed, ms, number

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

#: Numbers of traces in memory at a time, where they allow more than one point.
_MEMORY = 2**26
#: What an addition of an average costs, as a part of a neuron step.
_ADDITION = 0.05


@dataclass(frozen=True)
class ConnectionTest(base.Experiment):
    """Heights of averages, p-values and truth of each input; detection rates and ROC areas of each run."""

    axes: ClassVar[tuple[Axis, ...]] = (Axis("seed", "1", "repetition", 0, integer=True),)

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step, also between two images
    snr: Positive[number]  #: height of a spike over the SD of the imaging noise
    window: Positive[ms]  #: time after a spike that is averaged
    n_shuffles: Annotated[int, "1", Ge(1)]  #: shuffled trains of each input
    alpha: Fraction  #: an input is found where p is at most this
    pvalue: Literal["corrected", "upstream"]  #: which p decides
    statistic: Literal["height", "area", "template"]  #: what the shuffles are compared in
    tested: Annotated[int | None, "1", Ge(1)]  #: inputs tested of each class, the fastest; all where null
    record: tuple[str, ...]  #: what is stored besides: sta, shuffled_height, vi, signals (simulation.core)
    rng: Literal["labels", "legacy"]  #: legacy: the numbers of the original's generators
    root_seed: Seed  #: of all random numbers that are keyed by labels
    common_random_numbers: bool  #: the same random numbers at every point of a seed
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        recorded = (RECORDS.get(name) or recorded_variable(name, ("time",)) for name in self.record)
        return (*MEASURES, *recorded)

    def on(self, network: Any) -> "ConnectionTest":
        """Return the protocol with the units and meanings of what it records of a network."""
        one = not lacking(network, Inputs) and len(network.populations) == 1
        known = _signals(network) if one else {}
        return replace(self, record=named(self.record, known))

    def check(self, network: Any) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        check_network(network, Inputs, "n_to_1")
        if len(network.populations) != 1:
            raise InputError(
                f"network.populations = {list(network.populations)} is refused; allowed: one neuron"
            )
        check_step(network, self.dt)
        check_draws_nothing(network, "protocol=connection_test")
        ((name, cell),) = network.cells.items()
        if lacking(cell, Resting) or not np.isfinite(peak_of(cell)).all():
            raise InputError(
                f"network.populations: {name} is a {type(cell).__name__}, which does not say how high "
                "its spikes are over rest, which snr counts; allowed: a neuron with E_L, and V_spike or V_th"
            )
        steps("protocol.duration", self.duration, self.dt)
        steps("protocol.window", self.window, self.dt)
        if self.window >= self.duration:
            raise InputError(
                f"protocol.window = {self.window} ms is refused; allowed: less than protocol.duration = "
                f"{self.duration} ms"
            )
        if self.rng == "legacy" and network.rate_spread:
            raise InputError(
                f"network.rate_spread = {network.rate_spread} is refused with protocol.rng = 'legacy', whose "
                "inputs all have one rate; allowed: 0.0, or labels"
            )
        known = (*RECORDS, *_signals(network))
        check_recorded(self.record, known, "this neuron and its synapses do not have")

    def coordinates(self, network: ManyToOne) -> dict[str, Coordinate]:
        """Return the numbers of the inputs and, where they are recorded, lags, shuffles and times."""
        found = {"input": Coordinate(numbers("network.N", network.N, network.N), "1", "input")}
        dims = {dim for variable in self.variables for dim in variable.dims}
        if "lag" in dims:
            n_lags = steps("protocol.window", self.window, self.dt)
            lags = numbers("protocol.window", self.window, n_lags) * self.dt
            found["lag"] = Coordinate(lags, "ms", "time after a spike")
        if "shuffle" in dims:
            found["shuffle"] = Coordinate(
                numbers("protocol.n_shuffles", self.n_shuffles, self.n_shuffles), "1", "shuffle"
            )
        if "time" in dims:
            n_steps = steps("protocol.duration", self.duration, self.dt)
            times = numbers("protocol.duration", self.duration, n_steps) * self.dt
            found["time"] = Coordinate(times, "ms", "time")
        return found

    def work(self, network: ManyToOne, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs; an addition of an average is a part of one."""
        del whole
        n = network.N if self.tested is None else min(network.N, 3 * self.tested)
        spikes = n * network.spike_rate * self.duration * PER_MS * (self.n_shuffles + 1)
        return float(self.duration / self.dt * LANES + spikes * self.window / self.dt * _ADDITION)

    def prepare(self, network: ManyToOne) -> None:
        """Compile the kernels."""
        short = replace(
            self, duration=4 * self.dt, window=self.dt, n_shuffles=1, statistic="height", record=()
        )
        short(replace(network, N=2), {"seed": np.zeros(1, np.int64)}, {})

    def __call__(
        self, network: ManyToOne, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any] | Ragged]:
        """Return every variable, shape (its dims, point)."""
        del whole
        runs = list(self._runs(network, points))
        found: dict[str, NDArray[Any] | Ragged] = {}
        for x in self.variables:
            values = [run[x.name] for run in runs]
            if x.ragged:
                sizes = np.array([len(train) for train in values], np.int64)
                found[x.name] = Ragged(np.concatenate(values).astype(x.dtype), sizes)
            else:
                found[x.name] = np.stack(values, axis=-1)
        return found

    def trace(
        self, network: ManyToOne, point: Mapping[str, float], population: str, neuron: int = 0
    ) -> "xr.Dataset":
        """Return every signal of one point over time, and the spikes, as they were when it was computed."""
        del population, neuron
        arrays = {name: np.array([value]) for name, value in point.items()}
        (experiment,) = self._experiments(network, arrays)
        known = _signals(network)
        signals, spikes = next(self._simulated(network, [experiment], list(known)))
        imaged = self._imaged(network, experiment, signals["v"])
        trains = experiment.trains
        values = {
            **signals,
            "vi": imaged,
            "spike_times": spikes * self.dt,
            "input_times": trains.times * (self.dt / trains.step),
            "input_of": np.repeat(np.arange(trains.n), trains.counts),
        }
        over_time = [Variable(name, ("time",), *known[name][1:]) for name in signals]
        time = Coordinate(np.arange(len(imaged)) * self.dt, "ms", "time")
        ds = labelled(values, (*over_time, *TRACED), {"time": time})
        return ds.assign_attrs(dt=self.dt)

    def _runs(self, network: ManyToOne, points: Mapping[str, NDArray[Any]]) -> Iterator[dict[str, Any]]:
        """Yield the variables of each point."""
        recorded = [name for name in self.record if name in _signals(network)]
        names = ["v", *(name for name in recorded if name != "v")]
        n_steps = steps("protocol.duration", self.duration, self.dt)
        together = int(np.clip(_MEMORY // ((len(names) + 1) * n_steps), 1, LANES))
        n = len(points["seed"])
        for start in range(0, n, together):
            part = {name: values[start : start + together] for name, values in points.items()}
            experiments = self._experiments(network, part)
            simulated = self._simulated(network, experiments, names)
            for experiment, (traces, spikes) in zip(experiments, simulated, strict=True):
                yield traces | self._measured(network, experiment, traces["v"], spikes)

    def _experiments(self, network: ManyToOne, points: Mapping[str, NDArray[Any]]) -> list[Experiment]:
        """Return the random part of each point."""
        settings = self.duration, self.dt
        if self.rng == "legacy":
            return [network.legacy(int(seed), *settings) for seed in points["seed"]]
        keys = keys_of(self, points)
        return [network.draw(key, *settings) for key in keys]

    def _simulated(
        self, network: ManyToOne, experiments: list[Experiment], names: list[str]
    ) -> Iterator[tuple[dict[str, Array], NDArray[np.int64]]]:
        """Yield the named signals, and the samples of the spikes, of each experiment.

        The sample before a spike shows its height, where it has one, as in the original.
        """
        ((population, cell),) = network.cells.items()
        n, n_steps = len(experiments), steps("protocol.duration", self.duration, self.dt)
        clock, known = Clock.of(self.dt, self.refractory), _signals(network)
        recorded = {name: known[name] for name in names}
        onto, drive = network.synapses_onto(population), network.drive(experiments)
        for run in run_traced(cell, onto, drive, clock, n, n_steps, recorded):
            before = run.spiked[run.spiked < n_steps - 1]  # a spike of the last step would lie beyond the end
            show_peaks(cell, run.signals["v"], before)
            yield run.signals, before + 1

    def _imaged(self, network: ManyToOne, experiment: Experiment, v: Array) -> Array:
        """Return a potential with the noise of the imaging."""
        (cell,) = network.cells.values()
        sigma = (peak_of(cell) - cell.E_L) / self.snr
        imaged: Array = experiment.noise(len(v)) * sigma
        imaged += v
        return imaged

    def _measured(
        self, network: ManyToOne, experiment: Experiment, v: Array, spikes: NDArray[np.int64]
    ) -> dict[str, Any]:
        """Return the results of one point."""
        wiring, trains = experiment.wiring, experiment.trains
        settings = test.Settings(
            steps("protocol.window", self.window, self.dt),
            self.n_shuffles,
            self.statistic,
            self.pvalue,
            self.alpha,
        )
        vi = self._imaged(network, experiment, v)
        chosen = fastest(trains.counts, *wiring, self.tested)
        found = test.shuffle_test(vi, trains, experiment.shuffles, settings, chosen)
        p = found.p_value(settings)
        scores = evaluate(p, wiring.is_connected, wiring.is_inhibitory, self.alpha)
        return {
            **wiring._asdict(),
            **scores,
            "n_spikes": trains.counts,
            "sta": found.sta,
            "shuffled_height": found.shuffled_height,
            "sta_height": found.height,
            "relative_height": test.relative_height(found),
            "n_larger": np.where(found.n_larger < 0, np.nan, found.n_larger),
            "p_value": found.p_value(settings, "corrected"),
            "p_upstream": found.p_value(settings, "upstream"),
            "sta_area": found.area * self.dt,
            "sign": test.sign(found),
            "template_correlation": found.template_correlation,
            "output_rate": len(spikes) / (len(v) * self.dt * PER_MS),
            "spike_times": spikes * self.dt,
            "spike_neuron": np.zeros(len(spikes)),
            "median_v": np.median(v),
            "vi": vi,
        }


def _signals(network: ManyToOne) -> dict[str, Signal]:
    """Return what can be recorded of the neuron."""
    (cell,) = network.cells.values()
    return signals(cell, network.synapses)
