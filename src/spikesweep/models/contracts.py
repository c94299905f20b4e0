"""What each kind of model part must have: the contracts that the fields of networks name.

A part that lacks a member is refused where it is built, by the member's name. Whatever else an equation has
(`C_m`, `g_L`, `E_L`, `V_reset`, `t_ref`, `rheobase`) is asked for only by what needs it: see the last three.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.units import Hz, ms, mV, nS, number, pF


class Timed(Protocol):
    """A part with time constants."""

    def time_constants(self) -> Mapping[str, ms]:
        """Return the time constants (ms) that dt must resolve, by what they are called."""


class Neuron(Timed, Protocol):
    """A neuron that spikes: parameters, and one compiled step (kernels.cells.driver).

    Its first state variable is the potential `v`, its unit mV unless it is dimensionless. One that draws
    random numbers of its own has three more (kernels.cells.own_numbers).
    """

    @property
    def step(self) -> Any:
        """The compiled function (c, x, current, t, t_next) -> (state, 1.0 where it spiked)."""

    def initial(self) -> Any:
        """Return the state before the first step, a NamedTuple whose annotations are units."""

    def coefficients(self, clock: Any) -> Any:
        """Return what a step needs, a NamedTuple of numbers or of arrays with one entry a lane."""


class Synapse(Timed, Protocol):
    """A synapse of spiking neurons: what events do to the current into a cell (kernels.cells.driver)."""

    @property
    def advance(self) -> Any:
        """The compiled function (c, x, kick) -> state at this sample."""

    @property
    def current(self) -> Any:
        """The compiled function (c, x, v) -> current into the cell (pA)."""

    def initial(self) -> Any:
        """Return the state without any past event, a NamedTuple whose annotations are units."""

    def coefficients(self, clock: Any) -> Any:
        """Return what a step needs, a NamedTuple of numbers or of arrays with one entry a lane."""


class Jumping(Synapse, Protocol):
    """A synapse whose events move the potential at once."""

    @property
    def jump(self) -> Any:
        """The compiled function (c, x) -> by how much (mV) the potential moves in this step."""


class Weights(Protocol):
    """A distribution of weights."""

    @property
    def mean(self) -> number:
        """Of all weights."""

    def unit_weights(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return weights of mean 1, shape of the uniform numbers `u`, whose last two dims are one sample."""

    def legacy(self, rng: np.random.RandomState, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return weights as published code draws them."""


class Plasticity(Protocol):
    """A rule by which the weights of a rate network change (synapses.plasticity)."""

    def threshold(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the threshold of cells (Hz; post, points) at the start, NaN where the rule has none."""

    def change(
        self,
        w: NDArray[np.float64],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        theta: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the changes of the weights (post, pre, points) and of the threshold (post, points).

        `x` and `y` are the rates (Hz) of pre- and postsynaptic cells, shape (pre, points) and (post, points).
        """

    def bounded(self, w: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights that the rule allows, after a change."""


class Delays(Protocol):
    """A distribution of delays."""

    @property
    def bounds(self) -> tuple[ms, ms]:
        """The shortest and the longest there can be, before they are rounded to steps."""

    def check_dt(self, dt: ms) -> None:
        """Refuse a time step that does not resolve them; raise InputError."""

    def delays(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return delays (ms) of uniform numbers, each of its own number alone."""


class Connections(Protocol):
    """Which cell of one population connects to which of another (networks.edges has what rules share)."""

    @property
    def delay(self) -> ms | Delays:
        """From a spike to its arrival: a number, or a distribution."""

    @property
    def weights(self) -> Any:
        """A distribution, or a matrix; multiples of the synapse's weight."""

    @property
    def synapse(self) -> Synapse | None:
        """What a spike does; that of the source's population where None."""

    @property
    def uniform_weight(self) -> bool:
        """Whether all weights are equal."""

    @property
    def uniform_delay(self) -> bool:
        """Whether all delays are equal."""

    @property
    def pairs_once(self) -> bool:
        """Whether no pair has two connections."""

    def check(self, sizes: tuple[int, int], same: bool) -> None:
        """Refuse sizes (from, to) of populations that cannot be connected so; raise InputError.

        `same` says that both are one population.
        """

    def check_dt(self, dt: ms) -> None:
        """Refuse delays that the time step does not resolve; raise InputError."""

    def expected(self, sizes: tuple[int, int], same: bool) -> float:
        """Return the mean number of connections."""

    def shortest_delay(self, dt: ms) -> ms:
        """Return a bound that no delay goes below."""

    def longest_delay(self, dt: ms) -> ms:
        """Return a bound that no delay exceeds."""

    def edges(self, sizes: tuple[int, int], same: bool, key: NDArray[np.uint64], dt: ms) -> Any:
        """Return the connections in rows (networks.edges.Edges); `key` names what is random."""


class Shape(Protocol):
    """A course in time: a factor at each step."""

    @property
    def highest(self) -> number:
        """The highest factor."""

    def check(self, where: str) -> None:
        """Refuse what no field alone shows; raise InputError naming the key `where`."""

    def factor(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factor at each time (ms)."""


class Start(Protocol):
    """Where potentials start."""

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError."""

    def potentials(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a potential (mV) for each of the uniform numbers u."""


class Drive(Protocol):
    """External spikes onto the cells of some populations: a PoissonDrive, a SharedDrive, Kicks.

    One whose sources cells share has `connections_onto(population)`, too, which returns Connections.
    """

    @property
    def onto(self) -> tuple[str, ...]:
        """The populations."""

    @property
    def like(self) -> str | None:
        """The population whose synapse they reach."""

    @property
    def synapse(self) -> Synapse | None:
        """A synapse of its own."""

    @property
    def weight(self) -> number:
        """Multiple of the synapse's weight."""

    @property
    def pool(self) -> int | None:
        """How many sources the cells share; None where each cell has its own."""

    @property
    def given(self) -> bool:
        """Whether `events` says which steps have an event, and nothing is drawn."""

    def events(self, *args: Any) -> NDArray[np.float64]:
        """Return the mean number of events in each step: of a source (t, dt), or (population, t, dt)."""

    def told(self, kinds: Mapping[str, str], in_degree: number) -> Any:
        """Return the drive in a network whose populations have these kinds, exc or inh."""

    def check_dt(self, where: str, dt: ms) -> None:
        """Refuse what a step does not resolve; raise InputError naming the key `where`."""


class Noise(Protocol):
    """White noise that drives a cell."""

    def current(self, cell: Any, dt: ms) -> tuple[float, float]:
        """Return the mean and the SD (pA) of the current in a step."""


class Patterns(Protocol):
    """Patterns of clamped input rates."""

    @property
    def n(self) -> int:
        """Units."""

    @property
    def n_patterns(self) -> int | None:
        """How many patterns there are, None for any number."""

    def rates(self, key: NDArray[np.uint64], pattern: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rates (Hz) of each pattern, shape (pattern, n)."""

    def legacy(self, rng: np.random.RandomState, n_patterns: int) -> NDArray[np.float64]:
        """Return the rates (Hz) of the first patterns, as published code draws them."""


class Stimulus(Protocol):
    """A stimulus of a frequency band."""

    @property
    def rng(self) -> str:
        """What it is drawn from: labels, or the legacy generator of a seed."""

    def samples(self, rng: Any, low: Hz, high: Hz, n: int, dt: ms) -> NDArray[np.float64]:
        """Return n samples of about unit variance with power between two frequencies."""


class Network(Timed, Protocol):
    """A network: populations by name, each with its cell (models.networks.base has the defaults)."""

    @property
    def populations(self) -> Mapping[str, Any]:
        """The populations, by name, each with its `cell`."""

    @property
    def cells(self) -> dict[str, Any]:
        """The cell of each population, by the population's name."""

    def check(self) -> None:
        """Refuse what no field alone shows; raise InputError."""


class CellNetwork(Network, Protocol):
    """A network that says what one cell of it receives from excitatory and inhibitory cells."""

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the number of synapses onto a cell, by the type of the presynaptic cell: exc, inh."""

    def synapses_onto(self, population: str) -> dict[str, Any]:
        """Return the synapses onto a cell of a population, by the type of the presynaptic cell."""


class Leaky(Protocol):
    """A cell with a leak: what turns a fluctuation of the potential, or a time, into a current."""

    @property
    def C_m(self) -> pF:
        """Membrane capacitance."""

    @property
    def g_L(self) -> nS:
        """Leak conductance."""


class Resting(Protocol):
    """A cell with a resting potential."""

    @property
    def E_L(self) -> mV:
        """Resting potential."""


class Conducting(Synapse, Protocol):
    """A synapse that is a conductance."""

    @property
    def weight(self) -> nS:
        """Conductance added by one event."""

    @property
    def tau_syn(self) -> ms:
        """Decay time constant."""

    @property
    def E_rev(self) -> mV:
        """Reversal potential."""
