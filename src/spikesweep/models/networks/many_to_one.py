"""Many Poisson inputs and one neuron: some are connected, excitatory or inhibitory, the others are not.

After Fiers' voltage-to-wiring-sim (code: tfiers/phd). How many are of which kind is rounded at random, so
that the shares are right on average; in the early notebooks to the nearest (`rounding` plain). The inputs
come in the order connected inhibitory, other inhibitory, connected excitatory, other excitatory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import scipy
from annotated_types import Ge, MinLen
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.kernels.cells.lanes import Drive
from spikesweep.kernels.random.draws import poisson_trains, uniform_numbers
from spikesweep.kernels.random.philox import derive, uniforms
from spikesweep.models.contracts import Conducting
from spikesweep.models.inputs import legacy_trains
from spikesweep.models.inputs.spike_trains import (
    KeyedShuffles,
    LegacyShuffles,
    Shuffles,
    Trains,
    fill_given,
    make_kicks,
)
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.units import PER_MS, Fraction, Hz, NonNegative, Positive, ms, number


class Wiring(NamedTuple):
    """What each input is, shape (inputs,)."""

    is_connected: NDArray[np.bool_]
    is_inhibitory: NDArray[np.bool_]


class Experiment(NamedTuple):
    """What is random in a simulation, an imaging and a shuffle test."""

    wiring: Wiring
    trains: Trains
    noise: Callable[[int], NDArray[np.float64]]  #: standard normal numbers, asked for once
    shuffles: Shuffles


@dataclass(frozen=True)
class ManyToOne(OfCells):
    """Inputs of two types onto the one neuron that `populations` holds."""

    populations: Annotated[Mapping[str, Population], MinLen(1)]  #: that of the neuron, by name
    N: Annotated[int, "1", Ge(1)]  #: number of inputs, connected or not
    p_inhibitory: Fraction  #: share of the inputs that is inhibitory
    p_connected: Fraction  #: share of the inputs of each type that is connected
    spike_rate: Positive[Hz]  #: mean rate of an input
    rate_spread: NonNegative[number]  #: SD of the logarithm of an input's rate, all equal at zero
    exc: Conducting  #: excitatory synapse
    inh: Conducting  #: inhibitory synapse, whose weight is multiplied by dg_ratio
    dg_ratio: NonNegative[number]  #: factor of the inhibitory weight
    rounding: Literal["random", "plain"] = (
        "random"  #: of counts; plain: to the nearest, as before 19 Nov 2021
    )

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the mean number of connected inputs, by type."""
        connected = self.N * self.p_connected
        return {"exc": connected * (1.0 - self.p_inhibitory), "inh": connected * self.p_inhibitory}

    @property
    def synapses(self) -> dict[str, Any]:
        """Return the synapses by type."""
        inh: Any = self.inh
        return {"exc": self.exc, "inh": inh._replace(weight=inh.weight * self.dg_ratio)}

    def synapses_onto(self, population: str) -> dict[str, Any]:
        """Return the synapses onto the neuron."""
        del population
        return self.synapses

    def wiring(self, u: NDArray[np.float64]) -> Wiring:
        """Return what each input is; three numbers in [0, 1) round the counts."""
        at_random = self.rounding == "random"
        inhibitory = (
            int(self.p_inhibitory * self.N + u[0]) if at_random else round(self.p_inhibitory * self.N)
        )
        counts = (inhibitory, self.N - inhibitory)
        shares = [self.p_connected * n for n in counts]
        connected = [
            int(share + x) if at_random else round(share) for share, x in zip(shares, u[1:], strict=True)
        ]
        kinds = [(True, True), (False, True), (True, False), (False, False)]
        sizes = [connected[0], counts[0] - connected[0], connected[1], counts[1] - connected[1]]
        flags = np.repeat(np.array(kinds), sizes, axis=0)
        return Wiring(flags[:, 0], flags[:, 1])

    def draw(self, key: NDArray[np.uint64], duration: ms, dt: ms) -> Experiment:
        """Return the experiment of a key: every purpose, and in it every input, has a stream of its own."""

        def stream(name: str, each: bool = True) -> Any:
            own = derive(key, name, 0.0)
            return derive(own, "input", np.arange(self.N)) if each else own

        z = scipy.special.ndtri(uniforms(stream("rates"), 1)[:, 0])
        rates = self.spike_rate * np.exp(self.rate_spread * z - 0.5 * self.rate_spread**2)
        times, offsets = poisson_trains(stream("trains"), 1.0 / (rates * PER_MS), float(duration))
        image = np.uint64(stream("imaging", each=False))
        return Experiment(
            self.wiring(uniforms(stream("wiring", each=False), 3)),
            Trains(times, offsets, dt),
            lambda n: scipy.special.ndtri(uniform_numbers(image, n)),
            KeyedShuffles(stream("shuffles")),
        )

    def drive(self, experiments: list[Experiment]) -> Drive:
        """Return the events of the connected inputs of at most LANES experiments."""
        streams = []
        for inhibitory in (False, True):
            chosen = [x.wiring.is_connected & (x.wiring.is_inhibitory == inhibitory) for x in experiments]
            streams.append([x.trains.together(which) for x, which in zip(experiments, chosen, strict=True)])
        return Drive(fill_given, [make_kicks(streams)])

    def legacy(self, seed: int, duration: ms, dt: ms) -> Experiment:
        """Return the original's experiment of a seed; noise and shuffles must be drawn in this order."""
        rng = RandomState(seed)
        trains = legacy_trains.poisson_trains(rng, self.N, self.spike_rate, duration, dt)
        wiring = self.wiring(legacy_trains.wiring_uniforms(seed))
        return Experiment(wiring, trains, rng.standard_normal, LegacyShuffles(rng))
