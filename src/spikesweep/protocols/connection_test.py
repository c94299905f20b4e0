"""Whether a neuron's inputs can be told from its imaged potential: simulate, image, test, score.

A point is one experiment: Poisson inputs, some of them connected, drive one neuron; its potential, with
noise at every sample, is averaged after the spikes of each input and of shuffled trains
(`analysis.connection_test`), and the decisions are compared with the truth. After Fiers'
voltage-to-wiring-sim (code: tfiers/phd). With `rng` legacy the numbers are the original's; otherwise
trains, wiring, imaging and the shuffles of each input have streams of their own, so that the test of one
input never depends on the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import xarray as xr
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.analysis import shuffle_test as test
from spikesweep.analysis.detection import evaluate
from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.kernels.random.philox import point_keys
from spikesweep.models.inputs.spike_trains import Trains
from spikesweep.models.networks.many_to_one import Experiment, ManyToOne, Wiring
from spikesweep.models.simulation.driven_neuron import signals_of, simulate
from spikesweep.protocols import base
from spikesweep.protocols.checks import check_step, peak_of, steps
from spikesweep.units import PER_MS, Fraction, Positive, Seed, ms, number

Array = NDArray[np.float64]

_INPUT = ("input",)
_MEASURES = (
    Variable("is_connected", _INPUT, "1", "whether the input is connected", "bool", coordinate=True),
    Variable("is_inhibitory", _INPUT, "1", "whether the input is inhibitory", "bool", coordinate=True),
    Variable("n_spikes", _INPUT, "1", "spikes of the input", "int64"),
    Variable("sta_height", _INPUT, "mV", "height of the spike-triggered average", optional=True),
    Variable("relative_height", _INPUT, "1", "height over the mean height of shuffles", optional=True),
    Variable("n_larger", _INPUT, "1", "shuffles with a larger statistic (K)", optional=True),
    Variable("p_value", _INPUT, "1", "(K + 1) / (n + 1)", optional=True),
    Variable("p_upstream", _INPUT, "1", "max(K, 1) / n, the original's p", optional=True),
    Variable("sta_area", _INPUT, "mV ms", "area of the average over its first sample", optional=True),
    Variable("sign", _INPUT, "1", "sign of the area: excitatory 1, inhibitory -1", "int8"),
    Variable("template_correlation", _INPUT, "1", "correlation with the template", optional=True),
    *(
        Variable(name.format(kind), (), "1", f"{text}{of}", optional=True)
        for name, text in (
            ("tpr{}", "share found of connected inputs"),
            ("auc{}", "area below the ROC curve"),
            ("auc{}_left", "area below the ROC curve by left rectangles"),
        )
        for kind, of in (("", ""), ("_exc", ", excitatory"), ("_inh", ", inhibitory"))
    ),
    Variable("fpr", (), "1", "share found of inputs that are not connected", optional=True),
    Variable("output_rate", (), "Hz", "rate of the neuron"),
    Variable("spike_times", (), "ms", "spike times of the neuron", ragged="spike"),
    Variable("spike_neuron", (), "1", "the neuron, which is the only one", "int32", ragged="spike"),
    Variable("median_v", (), "mV", "median potential"),
)
_RECORDS = {
    "sta": Variable("sta", ("input", "lag"), "mV", "spike-triggered average", optional=True),
    "shuffled_height": Variable(
        "shuffled_height", ("input", "shuffle"), "mV", "heights of shuffles", optional=True
    ),
    "v": Variable("v", ("time",), "mV", "membrane potential"),
    "vi": Variable("vi", ("time",), "mV", "imaged potential"),
    "u": Variable("u", ("time",), "pA", "recovery current"),
    "w": Variable("w", ("time",), "pA", "adaptation current"),
    "i_syn": Variable("i_syn", ("time",), "pA", "synaptic current, inward positive"),
    "g_exc": Variable("g_exc", ("time",), "nS", "excitatory conductance"),
    "g_inh": Variable("g_inh", ("time",), "nS", "inhibitory conductance"),
}
#: What is not simulated.
_NO_SIGNALS = ("sta", "shuffled_height", "vi")
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
    record: tuple[
        Literal["sta", "shuffled_height", "v", "vi", "u", "w", "i_syn", "g_exc", "g_inh"], ...
    ]  #: what is stored besides
    rng: Literal["labels", "legacy"]  #: legacy: the numbers of the original's generators
    root_seed: Seed  #: of all random numbers that are keyed by labels
    common_random_numbers: bool  #: the same random numbers at every point of a seed
    refractory: Literal["published", "steps"]  #: how held steps are counted (kernels.driver.Clock)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        return (*_MEASURES, *(_RECORDS[name] for name in self.record))

    def check(self, network: Any) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        if not isinstance(network, ManyToOne):
            raise InputError(
                f"network is a {type(network).__name__}; allowed with this protocol: inputs onto one neuron, "
                "network=n_to_1 for example"
            )
        if len(network.populations) != 1:
            raise InputError(
                f"network.populations = {list(network.populations)} is refused; allowed: one neuron"
            )
        check_step(network, self.dt)
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
        known = (*_NO_SIGNALS, *signals_of(network))
        for name in self.record:
            if name not in known:
                raise InputError(
                    f"protocol.record holds {name!r}, which this neuron and its synapses do not have; "
                    f"allowed: {', '.join(known)}"
                )

    def coordinates(self, network: ManyToOne) -> dict[str, Coordinate]:
        """Return the numbers of the inputs and, where they are recorded, lags, shuffles and times."""
        found = {"input": Coordinate(np.arange(network.N), "1", "input")}
        dims = {dim for variable in self.variables for dim in variable.dims}
        if "lag" in dims:
            lags = np.arange(steps("protocol.window", self.window, self.dt)) * self.dt
            found["lag"] = Coordinate(lags, "ms", "time after a spike")
        if "shuffle" in dims:
            found["shuffle"] = Coordinate(np.arange(self.n_shuffles), "1", "shuffle")
        if "time" in dims:
            times = np.arange(steps("protocol.duration", self.duration, self.dt)) * self.dt
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
    ) -> xr.Dataset:
        """Return every signal of one point over time, and the spikes, as they were when it was computed."""
        del population, neuron
        arrays = {name: np.array([value]) for name, value in point.items()}
        (experiment,) = self._experiments(network, arrays)
        names = [*signals_of(network)]
        signals, spikes = next(self._simulated(network, [experiment], names))
        signals["vi"] = self._imaged(network, experiment, signals["v"])
        time = np.arange(len(signals["v"])) * self.dt
        ds = xr.Dataset(coords={"time": ("time", time, {"units": "ms", "long_name": "time"})})
        for name, values in signals.items():
            attrs = {"units": _RECORDS[name].units, "long_name": _RECORDS[name].long_name}
            ds[name] = ("time", values, attrs)
        ds["spike_times"] = ("spike", spikes * self.dt, {"units": "ms", "long_name": "spike times"})
        trains = experiment.trains
        times = trains.times * (self.dt / trains.step)
        ds["input_times"] = ("input_spike", times, {"units": "ms", "long_name": "spike times of the inputs"})
        ds["input_of"] = ("input_spike", np.repeat(np.arange(trains.n), trains.counts))
        return ds.assign_attrs(dt=self.dt)

    def _runs(self, network: ManyToOne, points: Mapping[str, NDArray[Any]]) -> Iterator[dict[str, Any]]:
        """Yield the variables of each point."""
        recorded = [name for name in self.record if name in signals_of(network)]
        names = ["v", *(name for name in recorded if name != "v")]
        n_steps = steps("protocol.duration", self.duration, self.dt)
        together = int(np.clip(_MEMORY // ((len(names) + 1) * n_steps), 1, LANES))
        n = len(points["seed"])
        for start in range(0, n, together):
            part = {name: values[start : start + together] for name, values in points.items()}
            experiments = self._experiments(network, part)
            simulated = self._simulated(network, experiments, names)
            for experiment, (signals, spikes) in zip(experiments, simulated, strict=True):
                yield signals | self._measured(network, experiment, signals["v"], spikes)

    def _experiments(self, network: ManyToOne, points: Mapping[str, NDArray[Any]]) -> list[Experiment]:
        """Return the random part of each point."""
        settings = self.duration, self.dt
        if self.rng == "legacy":
            return [network.legacy(int(seed), *settings) for seed in points["seed"]]
        labels = {"seed": points["seed"]} if self.common_random_numbers else points
        keys = np.broadcast_to(point_keys(self.root_seed, labels), len(points["seed"]))
        return [network.draw(key, *settings) for key in keys]

    def _simulated(
        self, network: ManyToOne, experiments: list[Experiment], names: list[str]
    ) -> Iterator[tuple[dict[str, Array], NDArray[np.int64]]]:
        n_steps = steps("protocol.duration", self.duration, self.dt)
        return simulate(network, experiments, names, Clock.of(self.dt, self.refractory), n_steps)

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
        found = test.shuffle_test(vi, trains, experiment.shuffles, settings, self._tested(wiring, trains))
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

    def _tested(self, wiring: Wiring, trains: Trains) -> NDArray[np.int64]:
        """Return the inputs to test: of each class those with most spikes, the first ones among equals."""
        if self.tested is None:
            return np.arange(trains.n)
        connected, inhibitory = wiring.is_connected, wiring.is_inhibitory
        classes = (connected & ~inhibitory, connected & inhibitory, ~connected)
        chosen = []
        for members in map(np.flatnonzero, classes):
            order = np.argsort(-trains.counts[members], kind="stable")
            chosen.append(members[order[: self.tested]])
        return np.sort(np.concatenate(chosen))
