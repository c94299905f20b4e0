"""What every protocol is: the members that it needs, and those that have a default."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable


class Experiment(Protocol):
    """A protocol: a frozen dataclass of its parameters that derives from this class and adds what it lacks.

    `axes`, `variables`, `check`, `coordinates`, `work`, `prepare` and the call are its own; the others
    have the defaults below.
    """

    #: Whether components may come with parameters that are arrays, one entry a point, in `check` also;
    #: other protocols see one value of each at a time.
    parameters_per_point: ClassVar[bool] = False
    #: Whether all cells and connections of a network are simulated: what counts only then no other reads.
    whole_network: ClassVar[bool] = False

    #: Whether `replay` without a population returns what is stored, as before the protocol had traces; others
    #: refuse that where there are several.
    stored_without_population: ClassVar[bool] = False

    #: Whether it simulates a network of the configuration; others are called with None in its place.
    has_network: ClassVar[bool] = True

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The dimensions of the grid; a constant of the class."""

    @property
    def made_of(self) -> tuple[Any, ...]:
        """What decides results beside its classes and those of the network, as a function of the user's."""
        return ()

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Values of axes that the configuration gives none."""
        return {}

    @property
    def store_name(self) -> str:
        """What its stores are called, where that is not the names of the neuron and the network."""
        return ""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What is measured; a constant of the class, unless parameters decide what is recorded."""

    def check(self, network: Any) -> None:
        """Refuse a network that this protocol cannot run; raise InputError."""

    def on(self, network: Any) -> "Experiment":
        """Return the protocol on a network: one that records signals learns their units and meanings."""
        del network
        return self

    def limited(self, gates: Mapping[str, tuple[float | None, ...]]) -> "Experiment":
        """Return the protocol that may end a point as soon as a result is certain to be outside of a gate."""
        del gates
        return self

    def seen(self, point: Mapping[str, Any]) -> "Experiment":
        """Return the protocol that knows what only a first call shows, at a point."""
        del point
        return self

    def found(self) -> Mapping[str, Any]:
        """Return what `seen` has found, as plain values by the names of its fields."""
        return {}

    def check_grid(self, network: Any, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse values of the axes before anything runs; raise InputError."""
        del network, values

    def reads(self, key: str) -> bool:
        """Return whether results depend on a value of the configuration (`neuron.RS.b`, `network.N`).

        What nothing reads is refused as an axis: it would give equal numbers under different labels.
        """
        del key
        return True

    def unread(self, key: str, axes: Mapping[str, NDArray[Any]]) -> str:
        """Return why no result depends on a value with these values of the axes, and what is allowed.

        Nothing where some result does, as far as `reads` says.
        """
        del key, axes
        return ""

    def coordinates(self, network: Any) -> Mapping[str, list[str] | Coordinate]:
        """Return the labels or numbers along the dimensions beyond the grid's."""

    def aliases(self, network: Any) -> Mapping[str, str]:
        """Return short names of axes by which values of the configuration can be swept: name to key."""
        del network
        return {}

    def axis_coordinates(self, network: Any, values: Mapping[str, NDArray[Any]]) -> Mapping[str, Coordinate]:
        """Return more coordinates, each along the one axis in its `dims`."""
        del network, values
        return {}

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs, its whole axes included."""

    def size_of(self, network: Any) -> str:
        """Return how large a network is, and what it takes, in words; nothing where that is little."""
        del network
        return ""

    def prepare(self, network: Any) -> None:
        """Compile what a block will call."""

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any] | Ragged]:
        """Compute a block.

        `points` holds one array a cut axis, all of length n; `whole` the values of the whole axes. Each
        variable comes back with the shape (its dims, n, the whole axes that it has), a ragged one as a
        `Ragged` whose sizes have that shape. `status`, where it is returned, has the shape (n, the whole
        axes); where it is MISSING the values decide.

        Under the keys of swept parameters `points` holds labels for the random numbers, NaN at the
        configured value.
        """


#: What a network says only to protocols that simulate all of it.
_OF_WHOLE = ("network.delay", "network.noise", "network.start", "network.drives")


def is_read(protocol: Experiment, key: str) -> bool:
    """Return whether results of a protocol depend on a value of the configuration."""
    of_whole = any(f"{key}.".startswith(f"{name}.") for name in _OF_WHOLE)
    return (protocol.whole_network or not of_whole) and protocol.reads(key)


class Traced(Protocol):
    """A protocol whose points can be looked at over time: `replay` returns their traces."""

    def trace(self, network: Any, point: Mapping[str, float], population: str, neuron: int = 0) -> Any:
        """Return the traces and spikes of one neuron at one point, as they were when it was computed."""
