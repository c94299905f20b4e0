"""What the summed spikes of a growing population tell about a stimulus, with conduction delays.

Many independent responses of noisy cells to one frozen stimulus make a pool; a population is a random choice
of them in random order, and the cell at position i is late by i times the delay step of its `condition`.
Rate, coherence and information are those of `analysis.information`. The experiment of Fig. 8 of Hladnik and
Grewe 2023, doi:10.1371/journal.pcbi.1010871. Departures from its script: random numbers of labels, a pool of
as many responses as it is asked for, and all repeats kept, where the script stores the first in their places.

Above 250 lines because a protocol is one file, from its checks to its results.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from spikesweep.analysis.information import bins, gaussian
from spikesweep.errors import InputError
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.random.philox import derive
from spikesweep.kernels.statistics.segment_spectra import (
    Welch,
    information,
    nested_coherence,
    pool_coherence,
    segment_spectra,
    sum_coherence,
    welch,
)
from spikesweep.models.contracts import Stimulus
from spikesweep.models.networks.afferents import Afferents
from spikesweep.models.networks.contracts import Line
from spikesweep.models.simulation.pool import Pool, Trial, draw_pool, edges
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, check_resolved, steps
from spikesweep.protocols.information_variables import AXES, BAND_INFORMATION, VARIABLES
from spikesweep.protocols.keys import keys_of
from spikesweep.units import PER_MS, Hz, NonNegative, Positive, Seed, ms, threshold

Array = NDArray[np.float64]

#: Spikes of a cell at a delay cost about as much as this part of the steps of its simulation.
_READING = 0.04


@dataclass(frozen=True)
class PopulationInformation(Experiment):
    """Information of populations of every size, under every condition, in several random orders.

    All conditions, sizes and repeats of a band and a seed share one pool. The `information_floor` is what
    the same responses seem to tell about a stimulus that they have not seen: the bias of finite data.
    """

    axes: ClassVar[tuple[Axis, ...]] = AXES

    duration: Positive[ms]  #: of a trial
    dt: Positive[ms]  #: time step, also of the rate
    n_rule: Literal[
        "round", "floor"
    ]  #: samples of duration / dt; floor: one less where the quotient rounds down
    stimulus: Stimulus  #: of a band
    amplitude: NonNegative[threshold]  #: factor of the stimulus
    num_responses: Annotated[int, "responses", Ge(1)]  #: in the pool
    populations: Literal["nested", "independent"]  #: nested: a size has the cells of the smaller ones
    kernel_sigma: NonNegative[ms]  #: SD of the Gaussian that smooths the rate
    nperseg: Annotated[int, "samples", Ge(8)]  #: of a segment of Welch's method
    include_zero: bool  #: count the bin of 0 Hz, where the band has it
    coherence_sizes: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)]  #: whose coherence is kept
    coherence_to: Positive[Hz]  #: highest frequency of the coherence that is kept
    root_seed: Seed  #: of all random numbers that are keyed by labels
    common_random_numbers: bool  #: the same random numbers at every point of a seed
    analysis_bands: tuple[str, ...] = ()  #: low-high (Hz), of `band_information`; none where empty

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is measured."""
        return (*VARIABLES, BAND_INFORMATION) if self.analysis_bands else VARIABLES

    @property
    def n(self) -> int:
        """Return the number of samples of a trial."""
        if self.n_rule == "floor":  # in seconds, as the published script counts
            return int((self.duration / 1e3) // (self.dt / 1e3))
        return steps("protocol.duration", self.duration, self.dt)

    @property
    def df(self) -> Hz:
        """Return the distance of frequency bins."""
        return 1.0 / (self.nperseg * self.dt * PER_MS)

    def check(self, network: Any) -> None:
        """Refuse a network, a time step or segments that cannot be used; raise InputError."""
        check_network(network, Line, "afferents")
        network.cell.noise_sd(self.dt)
        check_resolved(network.time_constants(), self.dt)
        if self.n < 2 * self.nperseg - self.nperseg // 2:
            raise InputError(
                f"protocol.nperseg = {self.nperseg} gives no two segments of protocol.duration = "
                f"{self.duration} ms, which is {self.n} samples; allowed: up to {self.n * 2 // 3}"
            )
        sizes = self.coherence_sizes
        if max(sizes) > self.num_responses or list(sizes) != sorted(set(sizes)):
            raise InputError(
                f"protocol.coherence_sizes = {list(sizes)} is refused; allowed: rising, each once, up to "
                f"protocol.num_responses = {self.num_responses}"
            )
        if self.coherence_to < self.df:
            raise InputError(
                f"protocol.coherence_to = {self.coherence_to} Hz is refused; allowed: at least one bin, "
                f"{self.df:.6g} Hz"
            )
        if len({*self.analysis_bands}) < len(self.analysis_bands):
            raise InputError(
                f"protocol.analysis_bands = {list(self.analysis_bands)} is refused; allowed: each band once"
            )
        for band in self.analysis_bands:
            self._check_band(band, "protocol.analysis_bands")

    def check_grid(self, network: Afferents, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse bands, conditions and sizes that cannot be; raise InputError."""
        for condition in np.unique(values["condition"]).tolist():
            network.conduction(condition)
        largest = int(values["pop_size"].max())
        if largest > self.num_responses:
            raise InputError(
                f"grid.pop_size holds {largest}; allowed: up to protocol.num_responses = {self.num_responses}"
            )
        for band in np.unique(values["band"]).tolist():
            self._check_band(band, "grid.band")

    def _check_band(self, band: str, where: str) -> None:
        low, high = edges(band, where)
        if len(self._bins(low, high)) == 0 or high > 0.5 / (self.dt * PER_MS):
            raise InputError(
                f"{where} holds {band!r}; allowed: one that holds a bin of protocol.nperseg, which are "
                f"{self.df:.6g} Hz apart, up to {0.5 / (self.dt * PER_MS):g} Hz"
            )

    def coordinates(self, network: Any) -> dict[str, Coordinate | list[str]]:
        """Return the sizes and the frequencies of the coherence that is kept."""
        del network
        frequency = bins(0.0, self.coherence_to, self.df) * self.df
        found: dict[str, Coordinate | list[str]] = {
            "coherence_size": Coordinate(np.array(self.coherence_sizes), "1", "cells in the population"),
            "frequency": Coordinate(frequency, "Hz", "frequency"),
        }
        return found | ({"analysis_band": list(self.analysis_bands)} if self.analysis_bands else {})

    def axis_coordinates(
        self, network: Afferents, values: Mapping[str, NDArray[Any]]
    ) -> dict[str, Coordinate]:
        """Return the edges of the bands, and the numbers behind the conditions."""
        band = np.array([edges(word) for word in values["band"].tolist()])
        found = [network.conduction(word) for word in values["condition"].tolist()]
        along = {
            "band_low": (band[:, 0], "Hz", "lower edge of the band", "band"),
            "band_high": (band[:, 1], "Hz", "upper edge of the band", "band"),
            "density": (np.array([c.density for c in found]), "1/m", "density of cells", "condition"),
            "velocity": (np.array([c.velocity for c in found]), "m/s", "conduction velocity", "condition"),
            "delay_step": (np.array([c.delay_step for c in found]), "ms", "delay a cell", "condition"),
        }
        return {name: Coordinate(v, unit, text, (axis,)) for name, (v, unit, text, axis) in along.items()}

    def work(self, network: Afferents, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that a band and a seed cost, and what is as slow."""
        del network
        sizes = np.union1d(whole["pop_size"], self.coherence_sizes)
        read = int(sizes.max() if self.populations == "nested" else sizes.sum())
        orders = len(whole["condition"]) * len(whole["repeat"])
        return float(self.n * (self.num_responses + _READING * orders * read))

    def prepare(self, network: Afferents) -> None:
        """Compile the kernels."""
        n = 64
        small = replace(
            self, duration=2 * n * self.dt, num_responses=1, nperseg=n, coherence_sizes=(1,), n_rule="round"
        )
        points = {"band": np.array([f"0-{2.5 * small.df:.17g}"]), "seed": np.zeros(1, np.int64)}
        whole = {"condition": np.array(["0/1"]), "pop_size": np.ones(1, np.int64), "repeat": np.zeros(1)}
        small(network, points, whole)

    def __call__(
        self, network: Afferents, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable, shape (its dims, point, the whole axes that it has)."""
        found = [
            self._point(network, {name: v[i] for name, v in points.items()}, whole)
            for i in range(len(points["band"]))
        ]
        return {v.name: np.stack([one[v.name] for one in found], axis=len(v.dims)) for v in self.variables}

    def pool(self, network: Afferents, point: Mapping[str, Any]) -> Pool:
        """Return the stimulus and the responses of a band and a seed."""
        low, high = edges(str(point["band"]))
        labels = {name: float(v) for name, v in point.items() if name != "band"}
        labels |= {"band low": low, "band high": high}
        key = np.uint64(keys_of(self, labels))
        trial = Trial(self.stimulus, self.amplitude, self.n, self.dt, self.num_responses)
        return draw_pool(network, trial, (low, high), int(point["seed"]), self.root_seed, key)

    def _point(
        self, network: Afferents, point: Mapping[str, Any], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable of one band and seed."""
        low, high = edges(str(point["band"]))
        pool = self.pool(network, point)
        own = self._bins(low, high)
        others = [self._bins(*edges(band)) for band in self.analysis_bands]
        every = np.unique(np.concatenate([own, *others]))
        w = welch(self.n, self.nperseg, every, gaussian(self.kernel_sigma, self.dt))
        stimuli = np.stack([segment_spectra(w, x) for x in (pool.stimulus, pool.surrogate)])
        sizes = np.union1d(whole["pop_size"], self.coherence_sizes)
        coherence = np.empty((2, len(whole["condition"]), len(whole["repeat"]), len(sizes), len(w.bins)))
        for c, condition in enumerate(whole["condition"].tolist()):
            for r, repeat in enumerate(whole["repeat"].tolist()):
                coherence[:, c, r] = self._growing(network, pool, w, stimuli, condition, repeat, sizes)
        asked, kept = (np.searchsorted(sizes, v) for v in (whole["pop_size"], self.coherence_sizes))
        of_sizes = np.moveaxis(coherence[:, :, :, asked], 3, 2)
        bits = self._information(of_sizes, w, own)
        one = pool_coherence(w, pool.trains, stimuli[0], pool.signs)
        inside = np.isin(every, own)
        in_bands = [self._information(of_sizes[:1], w, band)[0] for band in others]
        return {
            "information": bits[0],
            "information_floor": bits[1],
            "coherence": np.moveaxis(
                self._over_frequency(own, coherence[0][:, :, kept][..., inside]), (2, 3), (0, 1)
            ),
            "cell_coherence": self._over_frequency(own, one[inside]),
            **({"band_information": np.stack(in_bands)} if others else {}),
            **pool.measures(),
        }

    def _information(self, coherence: Array, w: Welch, band: NDArray[np.int64]) -> Array:
        """Return the information (bits/s) in the bins of a band, of coherences over all of `w`."""
        values = np.ascontiguousarray(coherence[..., np.isin(w.bins, band)])
        bits = information(values.reshape(-1, len(band)), self.df)
        return np.asarray(bits.reshape(values.shape[:-1]))

    def order(
        self, network: Afferents, pool: Pool, condition: str, repeat: int, size: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which response stands at each position, and by how many steps it is late.

        `size` is that of the population where these are independent.
        """
        conduction = network.conduction(condition)
        key = derive(pool.key, "repeat", repeat)
        if not self.common_random_numbers:
            metres_per_s = conduction.density * conduction.velocity
            key = derive(derive(key, "density", conduction.density), "density velocity", metres_per_s)
        if size is not None:
            key = derive(key, "pop_size", size)
        n = self.num_responses
        return network.order(key, n), network.shifts(conduction, key, n, self.dt)

    def _growing(
        self,
        network: Afferents,
        pool: Pool,
        w: Welch,
        stimuli: Array,
        condition: str,
        repeat: int,
        sizes: NDArray[np.int64],
    ) -> Array:
        """Return the coherence of populations of rising sizes, shape (stimuli, sizes, bins)."""
        plain = getattr(network, "off_reader", "") == "plain"
        signs = None if plain else pool.signs  # what a spike of each cell counts
        if self.populations == "nested":
            order = self.order(network, pool, condition, repeat)
            return np.asarray(nested_coherence(w, pool.trains, *order, sizes, stimuli, signs))
        each = []
        for n in sizes:
            order = self.order(network, pool, condition, repeat, int(n))
            each.append(sum_coherence(w, pool.trains, *order, int(n), stimuli, signs))
        return np.concatenate(each, axis=1)

    def _over_frequency(self, band: NDArray[np.int64], values: Array) -> Array:
        """Return values of a band's bins, the last dimension, over all frequencies that are kept."""
        numbers = bins(0.0, self.coherence_to, self.df)
        out = np.full((*values.shape[:-1], len(numbers)), np.nan)
        inside = np.isin(band, numbers)
        out[..., np.searchsorted(numbers, band[inside])] = values[..., inside]
        return out

    def _bins(self, low: Hz, high: Hz) -> NDArray[np.int64]:
        return bins(low, high, self.df, include_zero=self.include_zero)
