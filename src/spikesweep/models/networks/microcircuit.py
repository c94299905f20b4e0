"""Layers of excitatory and inhibitory cells with current synapses, at full size or scaled down.

Potjans and Diesmann 2014, doi:10.1093/cercor/bhs358, as maintained in INM-6/microcircuit-PD14-model
(PyNEST). Where `scale` is below 1, numbers of cells and in-degrees are multiplied by it and weights divided
by its root, which keeps the variance of the input; a constant current makes up for the lost mean, from the
rates that the full network has (van Albada, Helias and Diesmann 2015, doi:10.1371/journal.pcbi.1004490).
Correlations grow as a network shrinks.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le, MinLen

from spikesweep.errors import InputError, nearest
from spikesweep.models.contracts import Delays, Start
from spikesweep.models.inputs.drive import PoissonDrive
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.networks.connections import FixedNumber
from spikesweep.models.networks.spiking import SpikingNetwork, SpikingPopulation
from spikesweep.models.networks.weights import ClippedNormalWeights, EqualWeights
from spikesweep.models.synapses.exponential_current import ExponentialCurrent
from spikesweep.units import PER_MS, Hz, NonNegative, Positive, ms, number, pA

#: Below 1, which no number of connections reaches.
Probability = Annotated[float, "1", Interval(ge=0.0, le=1.0 - 2.0**-52)]


@dataclass(frozen=True)
class MicrocircuitPopulation(Population):
    """Cells of one layer and kind, at full size."""

    kind: Literal["exc", "inh"]  #: what their synapses do
    n: Annotated[int, "1", Ge(1)]  #: how many
    n_background: NonNegative[number]  #: synapses of a cell from outside
    rate: NonNegative[Hz]  #: of a cell in the network of full size
    start: Start | None  #: of potentials (inputs.start); at the cell's rest where null


@dataclass(frozen=True)
class Microcircuit(OfCells):
    """Populations with a number of connections for each pair, which follows from a probability.

    Short for the SpikingNetwork that `whole` is. A probability p is that two cells have one connection at
    least: of N_i N_j pairs with autapses and multapses it takes ln(1 - p) / ln(1 - 1 / (N_i N_j)) of them.
    """

    populations: Annotated[Mapping[str, MicrocircuitPopulation], MinLen(1)]  #: by name
    probabilities: Mapping[str, Mapping[str, Probability]]  #: by target, then source
    scale: Annotated[float, "1", Gt(0.0), Le(1.0)]  #: of cells and in-degrees
    weight: Positive[pA]  #: mean height of an excitatory current
    weight_sd: NonNegative[number]  #: SD over mean of the weights
    g: Annotated[float, "1", Le(0.0)]  #: mean inhibitory over mean excitatory weight
    weight_factors: Mapping[str, Mapping[str, Positive[number]]]  #: of weights, by target, source; else 1
    tau_syn: Positive[ms]  #: decay of a current
    delay_exc: NonNegative[ms] | Delays  #: of excitatory cells: a number of ms, or a distribution
    delay_inh: NonNegative[ms] | Delays  #: of inhibitory cells
    background_rate: NonNegative[Hz]  #: of a synapse from outside, a Poisson process

    def __post_init__(self) -> None:
        """Refuse names of no population, and populations that a scale leaves empty; raise InputError."""
        for key in ("probabilities", "weight_factors"):
            for target, sources in getattr(self, key).items():
                for name in (target, *sources):
                    if name not in self.populations:
                        allowed = nearest(name, self.populations)
                        raise InputError(f"network.{key}.{target}: {name!r} is no population; {allowed}")
        for name, p in self.populations.items():
            if round(p.n * self.scale) < 1:
                raise InputError(
                    f"network.scale = {self.scale} leaves no cell of {name}, which has {p.n}; "
                    f"allowed: at least {1.0 / p.n:.2g}"
                )

    @property
    def whole(self) -> SpikingNetwork:
        """Return all cells and connections, and the external input, at this scale."""
        height = self.weight / math.sqrt(self.scale)
        heights = {"exc": height, "inh": self.g * height}
        populations = {
            name: SpikingPopulation(
                p.cell,
                round(p.n * self.scale),
                ExponentialCurrent(heights[p.kind], self.tau_syn),
                (self.compensation(name),),
                None,
                p.start,
            )
            for name, p in self.populations.items()
        }
        projections = {target: dict(self._onto(target)) for target in self.probabilities}
        n = {name: p.n_background * self.scale for name, p in self.populations.items()}
        outside = PoissonDrive(
            self.background_rate, None, n, None, ExponentialCurrent(height, self.tau_syn), 1.0
        )
        return SpikingNetwork(populations, projections, {"background": outside})

    def full_number(self, target: str, source: str) -> float:
        """Return the number of connections between two populations of full size."""
        pairs = self.populations[target].n * self.populations[source].n
        p = self.probabilities.get(target, {}).get(source, 0.0)
        return math.log1p(-p) / math.log1p(-1.0 / pairs) if p > 0.0 else 0.0

    def compensation(self, target: str) -> pA:
        """Return the constant current that keeps the mean input of a population as at full size."""
        own = self.populations[target]
        charges = own.n_background * self.background_rate  # in excitatory events a second
        for source, p in self.populations.items():
            height = (1.0 if p.kind == "exc" else self.g) * self._factor(target, source)
            charges += height * self.full_number(target, source) / own.n * p.rate
        return (1.0 - math.sqrt(self.scale)) * self.weight * self.tau_syn * PER_MS * charges

    def _factor(self, target: str, source: str) -> number:
        return self.weight_factors.get(target, {}).get(source, 1.0)

    def _onto(self, target: str) -> Iterator[tuple[str, FixedNumber]]:
        """Return the connections onto a population by source, without those that are none."""
        for source, p in self.populations.items():
            n = round(self.full_number(target, source) * self.scale * self.scale)
            mean = self._factor(target, source)
            drawn = ClippedNormalWeights(mean, mean * self.weight_sd, 0.0, None)
            weights = drawn if self.weight_sd else EqualWeights(mean)
            delay = self.delay_exc if p.kind == "exc" else self.delay_inh
            if n:
                yield source, FixedNumber(n, weights, delay, True, True)
