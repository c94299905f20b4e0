"""Output rate of single cells, with excitatory rates that adapt to each inhibitory rate.

The scan of Zerlaut, Chemla, Chavane and Destexhe 2018, doi:10.1007/s10827-017-0668-2 (code:
yzerlaut/JCNS_2018, tf_simulation.py): along a row of constant fi the next excitatory rate is a fixed step
above the last; while the first seed fires faster there than the row's ceiling, the step is halved. The
ceiling of sample e is that of e - 1 on an even scale from zero to max_fout, so that the samples cover
the output rates between. Departures: the streams are independent, fe = 0 is simulated, the rate is that of
the analysed time, and a row that stays above its ceiling ends as `saturated`, where the script never
ends. `compat: zerlaut2018` takes all of these back but the last.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import MISSING, SATURATED, Axis, Variable
from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.models.contracts import CellNetwork as Network
from spikesweep.models.inputs.legacy import legacy_spike_counts
from spikesweep.models.networks.base import in_degree_onto
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_draws_nothing, check_events
from spikesweep.protocols.transfer_function import TransferFunction
from spikesweep.units import PER_MS, Hz, NonNegative, Positive, Seed, ms

#: Rates (Hz) of one population at fe, fi (Hz) and seeds, arrays of one length.
Run = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.float64]]

#: Runs that a sample takes in the mean, beyond one for each seed: only sets the size of blocks.
_HALVINGS_EXPECTED = 3.0


@dataclass
class _Row:
    """A row of the scan on its way."""

    fi: Hz
    fe: NDArray[np.float64]  #: of each sample, NaN where the row did not arrive
    pilot: NDArray[np.float64]  #: rate of the first seed
    halvings: NDArray[np.int16]
    candidate: Hz
    sample: int = 1


@dataclass(frozen=True)
class TransferFunctionAdaptive(Experiment):
    """Rate of one neuron of each population for every seed."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("fi", "Hz", "inhibitory presynaptic rate", 0.0),
        Axis("fe_index", "1", "sample along fe", 0, integer=True, whole=True, counted_by="n_fe"),
        Axis("seed", "1", "repetition", 0, integer=True, whole=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("rate", ("population",), "Hz", "output rate"),
        Variable(
            "fe", ("population",), "Hz", "excitatory presynaptic rate", without=("seed",), coordinate=True
        ),
        Variable("n_halvings", ("population",), "1", "halvings of the step", "int16", without=("seed",)),
        Variable("simulated", ("population",), "1", "whether it was simulated", "int8", without=("seed",)),
    )

    duration: Positive[ms]  #: simulated time
    dt: Positive[ms]  #: time step
    discard: NonNegative[ms]  #: time at the start that is not counted
    root_seed: Seed  #: of all random numbers
    common_random_numbers: bool  #: the same event trains at every point of a seed
    refractory: Literal["published", "steps", "exact"]  #: how held steps are counted (driver.Clock)
    max_fe: Positive[Hz]  #: sets the step: this over n_fe
    n_fe: Annotated[int, Ge(2)]  #: samples in a row
    max_fout: NonNegative[Hz]  #: the last ceiling
    max_halvings: Annotated[int, Ge(1)]  #: of one step; beyond it the row is saturated
    compat: Literal["zerlaut2018"] | None  #: reproduce the numbers of the original script

    @property
    def _plain(self) -> TransferFunction:
        """Return the protocol that computes the rate at given points, and checks the same things."""
        shared = {f.name: getattr(self, f.name) for f in fields(TransferFunction) if hasattr(self, f.name)}
        return TransferFunction(**shared, rng="philox", record_spikes=False)

    def check(self, network: Network) -> None:
        """Refuse a network or a time step that cannot be simulated; raise InputError."""
        self._plain.check(network)
        if self.compat:
            check_draws_nothing(network, f"protocol.compat = {self.compat!r}")
        if self.compat and (self.discard or self.refractory != "published"):
            raise InputError(
                f"protocol.discard = {self.discard} and protocol.refractory = {self.refractory} are refused "
                f"with protocol.compat = {self.compat}; allowed: 0.0 and published"
            )

    def check_grid(self, network: Network, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse rates that the time step does not resolve."""
        for name in network.populations:
            check_events("protocol.max_fe", self.max_fe, in_degree_onto(network, name)["exc"], self.dt)
        one = {"fe": np.array([self.max_fe]), "pop_size": np.ones(1, np.int64)}
        self._plain.check_grid(network, {**values, **one})

    def coordinates(self, network: Network) -> dict[str, list[str]]:
        """Return the names of the populations."""
        return self._plain.coordinates(network)

    def work(self, network: Network, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one row costs."""
        runs = self.n_fe * (len(whole["seed"]) + _HALVINGS_EXPECTED)
        return len(network.populations) * runs * self.duration / self.dt

    def prepare(self, network: Network) -> None:
        """Compile the kernels of every population."""
        if not self.compat:
            self._plain.prepare(network)
            return
        short = replace(self, duration=2.0 * self.dt)
        for name in network.populations:
            short._runner(network, name, {})(np.zeros(1), np.zeros(1), np.zeros(1, np.int64))

    def __call__(
        self, network: Network, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return `rate` (Hz), shape (population, row, fe_index, seed), and the samples it is for."""
        seeds = whole["seed"]
        swept = {name: values[0] for name, values in points.items() if name != "fi"}  # labels, one a call
        shape = (len(network.populations), len(points["fi"]), self.n_fe)
        rate = np.full((*shape, len(seeds)), np.nan)
        fe = np.full(shape, np.nan)
        halvings = np.zeros(shape, np.int16)
        for p, name in enumerate(network.populations):
            run = self._runner(network, name, swept)
            for i, row in enumerate(self._scan(run, points["fi"], seeds[0])):
                fe[p, i], halvings[p, i], rate[p, i, :, 0] = row.fe, row.halvings, row.pilot
            reached = np.isfinite(fe[p])
            others = reached[..., np.newaxis] & (np.arange(len(seeds)) > 0)
            if not self.compat:
                others[:, 0] = True
            at, e, s = np.nonzero(others)
            if len(at):
                rate[p, at, e, s] = run(fe[p, at, e], points["fi"][at], seeds[s])
            if self.compat:  # the script leaves its first column as it was created
                rate[p, :, 0] = 0.0
        simulated = np.isfinite(fe).astype(np.int8)
        simulated[:, :, 0] = self.compat is None
        status = np.where(np.isfinite(fe).all(axis=0), MISSING, SATURATED).astype(np.uint8)
        status = np.repeat(status[..., np.newaxis], len(seeds), axis=-1)
        return {"rate": rate, "fe": fe, "n_halvings": halvings, "simulated": simulated, "status": status}

    def _scan(self, run: Run, fi: NDArray[Any], pilot_seed: int) -> list[_Row]:
        """Return the rows at their end: all samples taken, or saturated."""
        ceilings = np.linspace(0.0, self.max_fout, self.n_fe)
        rows = []
        for value in fi:
            fe, pilot = np.full((2, self.n_fe), np.nan)
            fe[0] = 0.0
            first = float(np.linspace(0.0, self.max_fe, self.n_fe)[1])
            rows.append(_Row(float(value), fe, pilot, np.zeros(self.n_fe, np.int16), first))
        active = list(rows)
        while active:
            # lanes that no row needs try the next halvings at the same time
            tries = [self._tries(row, max(1, LANES // len(active))) for row in active]
            n = [len(values) for values in tries]
            at = np.repeat([row.fi for row in active], n)
            rates = run(np.concatenate(tries), at, np.full(len(at), pilot_seed))
            for row, values, found in zip(active, tries, np.split(rates, np.cumsum(n)[:-1]), strict=True):
                self._advance(row, values, found, ceilings[row.sample - 1])
            active = [row for row in active if row.sample < self.n_fe and np.isfinite(row.candidate)]
        return rows

    def _tries(self, row: _Row, n: int) -> NDArray[np.float64]:
        """Return a row's next candidate and up to n - 1 halvings of its step."""
        n = min(n, self.max_halvings - int(row.halvings[row.sample]) + 1)
        last = row.fe[row.sample - 1]
        values = [row.candidate]
        while len(values) < n:
            values.append((values[-1] - last) / 2.0 + last)
        return np.array(values)

    def _advance(
        self, row: _Row, tries: NDArray[np.float64], rates: NDArray[np.float64], ceiling: Hz
    ) -> None:
        """Take the first candidate below the ceiling, or go on halving, or give the row up."""
        below = np.flatnonzero(~(rates > ceiling))
        if len(below):
            first = below[0]
            row.halvings[row.sample] += first
            row.fe[row.sample], row.pilot[row.sample] = tries[first], rates[first]
            row.candidate = tries[first] + self.max_fe / self.n_fe
            row.sample += 1
            return
        row.halvings[row.sample] += len(tries)
        last = row.fe[row.sample - 1]
        row.candidate = (tries[-1] - last) / 2.0 + last
        if row.halvings[row.sample] > self.max_halvings:
            row.halvings[row.sample] = self.max_halvings
            row.candidate = np.nan

    def _runner(self, network: Network, name: str, swept: Mapping[str, Any]) -> Run:
        """Return the function that simulates one population; `swept` are labels of its random numbers."""
        if self.compat:
            return self._legacy_runner(network, name)
        plain, one = self._plain, np.ones(1, np.int64)

        def run(fe: NDArray[Any], fi: NDArray[Any], seeds: NDArray[Any]) -> NDArray[np.float64]:
            points = {"fe": fe, "fi": fi, "seed": seeds}
            points |= {key: np.full(len(fe), label) for key, label in swept.items()}
            rates: NDArray[np.float64] = plain.only([name], network, points, one)["rate"]
            return rates[0, :, 0]

        return run

    def _legacy_runner(self, network: Network, name: str) -> Run:
        clock = Clock.of(self.dt, "published", held_at_rest=True)
        n_steps = int(self.duration * PER_MS / clock.tick) - 1  # the script's last sample ends no step
        cell, degree = network.cells[name], in_degree_onto(network, name)

        def run(fe: NDArray[Any], fi: NDArray[Any], seeds: NDArray[Any]) -> NDArray[np.float64]:
            rates = {"exc": fe * degree["exc"], "inh": fi * degree["inh"]}
            counts = legacy_spike_counts(cell, network.synapses_onto(name), rates, seeds, clock, n_steps)
            return counts / (n_steps * clock.tick)

        return run
