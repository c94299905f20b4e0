"""What every protocol is."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable


class Experiment(Protocol):
    """What every protocol is: a frozen dataclass of its parameters with these members.

    One that has `check_grid(network, values)` too is asked about the values of the axes before anything runs;
    `axis_coordinates(network, values)` returns more coordinates, each along the one axis in its `dims`.
    """

    axes: ClassVar[tuple[Axis, ...]]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What is measured; a constant of the class, unless parameters decide what is recorded."""

    def check(self, network: Any) -> None:
        """Refuse a network that this protocol cannot run; raise InputError."""

    def coordinates(self, network: Any) -> Mapping[str, list[str] | Coordinate]:
        """Return the labels or numbers along the dimensions beyond the grid's."""

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the neuron steps that one point costs, its whole axes included."""

    def prepare(self, network: Any) -> None:
        """Compile what a block will call."""

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any] | Ragged]:
        """Compute a block.

        `points` holds one array a cut axis, all of length n; `whole` the values of the whole axes. Each
        variable comes back with the shape (its dims, n, the whole axes that it has), a ragged one as a
        `Ragged` whose sizes have that shape. `status`, where
        it is returned, has the shape (n, the whole axes); where it is MISSING the values decide.

        Under the keys of swept parameters `points` holds labels for the random numbers, NaN at the
        configured value. A protocol that declares `parameters_per_point = True` accepts components whose
        parameters are arrays of length n, in `check` also; others see one value of each at a time.
        """
