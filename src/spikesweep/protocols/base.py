"""What a protocol declares: its axes and its variables; and the checks that protocols share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.networks import Network
from spikesweep.ragged import Ragged as Ragged
from spikesweep.units import ms, units_of

#: What `status` says of a point. A protocol may return a `status` of its own beside its variables.
MISSING, OK, NON_FINITE, FAILED, SATURATED = range(5)
STATUS_MEANINGS = "missing ok non_finite failed saturated"
#: What counts as a failed point, and as one with results.
FAILURES = (NON_FINITE, FAILED)
DONE = (OK, SATURATED)


@dataclass(frozen=True)
class Axis:
    """One dimension of a protocol's grid."""

    name: str
    units: str
    long_name: str
    minimum: float
    integer: bool = False
    words: bool = False  #: values are words, not numbers
    whole: bool = False  #: computed jointly, never cut into blocks
    counted_by: str = ""  #: parameter of the protocol that says how many there are: 0, 1, ...
    key: str = ""  #: the value of the configuration that it sweeps; none of a protocol's own axes
    base: Any = None  #: what the configuration gives that value

    @property
    def where(self) -> str:
        """Return the key of the axis in the configuration."""
        return f"grid.{self.key or self.name}"


def counts_of(dimension: str) -> str:
    """Return the name of the variable that says how many values each cell has along a ragged dimension."""
    return f"{dimension}_size"


@dataclass(frozen=True)
class Variable:
    """One result: `dims` are those beyond the grid's, in front of them; `without` the whole axes it lacks."""

    name: str
    dims: tuple[str, ...]
    units: str
    long_name: str
    dtype: str = "float64"
    optional: bool = False  #: NaN is a value: where it has no meaning, as an interval without spikes
    without: tuple[str, ...] = ()  #: whole axes that it does not depend on
    coordinate: bool = False  #: a coordinate of the other results when the store is opened
    #: The dimension, as "spike", along which each cell has values of its own number; a cell is an entry of
    #: what would be an ordinary variable. All variables along one dimension have the same dims and numbers.
    ragged: str = ""

    @property
    def counts(self) -> str:
        """Return the name of the variable that says how many values each cell has, if it is ragged."""
        return counts_of(self.ragged) if self.ragged else ""

    def whole_shape(self, whole: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
        """Return the lengths of the whole axes that the variable has."""
        return tuple(len(values) for name, values in whole.items() if name not in self.without)


@dataclass(frozen=True, eq=False)
class Coordinate:
    """Numbers, or text, along a dimension beyond the grid's: the one of its own name, or `dims`."""

    values: NDArray[Any]
    units: str
    long_name: str
    dims: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.values)


#: Along the dimensions beyond the grid's.
Labels = Mapping[str, list[str] | Coordinate]


def longest(a: Labels, b: Labels) -> Labels:
    """Return the labels of both, of which one are the first ones of the other; raise ValueError else."""
    found = {**a, **b}
    for name in a.keys() & b.keys():
        one, other = _values(a[name]), _values(b[name])
        n = min(len(one), len(other))
        if not np.array_equal(one[:n], other[:n]):
            raise ValueError(f"{name}: {one} to {other}")
        found[name] = a[name] if len(one) > n else b[name]
    return found


def _values(labels: list[str] | Coordinate) -> NDArray[Any]:
    return labels.values if isinstance(labels, Coordinate) else np.array(labels)


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


def steps(name: str, duration: ms, dt: ms, key: str = "protocol.dt") -> int:
    """Return the number of steps in a duration; raise InputError if dt, by its key, is no part."""
    n = round(duration / dt)
    if abs(duration / dt - n) > 1e-6 + 1e-12 * n or (n == 0 and duration > 0.0):
        raise InputError(
            f"{name} = {duration} ms is not a multiple of {key} = {dt} ms; "
            f"allowed: {n * dt:.10g} or {(n + 1) * dt:.10g}, for example"
        )
    return n


def check_step(network: Network, dt: ms) -> None:
    """Refuse cells without spikes, and a time step that does not resolve the dynamics; raise InputError."""
    check_cells(network.populations, network.time_constants(), dt)


def check_resolved(time_constants: Mapping[str, Any], dt: ms, key: str = "protocol.dt") -> None:
    """Refuse a time step that does not resolve some time constants; raise InputError."""
    shortest = {name: float(np.min(value)) for name, value in time_constants.items()}
    name, smallest = min(shortest.items(), key=lambda item: item[1])
    if dt >= smallest:
        raise InputError(
            f"{key} = {dt} ms is refused: allowed is less than the smallest time constant, "
            f"{name} = {smallest:.10g} ms"
        )


def check_conductances(network: Any, events: Mapping[str, Any], dt: ms) -> None:
    """Refuse a time step that does not resolve cells under the mean conductances of their synapses.

    `events` are numbers per ms by kind of synapse. Forward Euler would swing, and its swings be spikes.
    """
    found = {}
    for name, cell in network.populations.items():
        g = sum(
            float(np.max(events[kind] * np.max(synapse.weight * synapse.tau_syn)))
            for kind, synapse in network.synapses_onto(name).items()
            if hasattr(synapse, "E_rev")
        )
        found[f"C_m / (g_L + {g:.4g} nS of synapses) of {name}"] = cell.C_m / (cell.g_L + g)
    check_resolved(found, dt)


def peak_of(cell: Any) -> Any:
    """Return the potential (mV) at which a cell's spikes are cut."""
    return cell.V_spike if hasattr(cell, "V_spike") else cell.V_th


def check_cells(
    cells: Mapping[str, Any], time_constants: Mapping[str, Any], dt: ms, key: str = "protocol.dt"
) -> None:
    """Refuse what `check_step` refuses, of cells by name, and a reset above where spikes are cut."""
    for name, part in cells.items():
        if not hasattr(part, "step"):
            raise InputError(
                f"network.populations: {name} is a {type(part).__name__}, which is no cell that spikes; "
                "allowed with this protocol: spiking neurons"
            )
        if (unit := units_of(type(part.initial()))["v"]) != "mV":
            raise InputError(
                f"network.populations: {name} is a {type(part).__name__}, whose potential is in {unit}; "
                "allowed with this protocol: neurons in mV"
            )
    check_resolved(time_constants, dt, key)
    for cell, parameters in cells.items():
        peak = peak_of(parameters)
        if np.any(np.asarray(parameters.V_reset) >= peak):
            raise InputError(
                f"neuron.{cell}: the potential after a spike, {parameters.V_reset} mV, is refused; allowed: "
                f"below {peak} mV, where spikes are cut"
            )
        for t_ref in np.unique(getattr(parameters, "t_ref", 0.0)):
            held = np.round(t_ref / dt)
            if abs(t_ref / dt - held) > 1e-6 * max(held, 1.0):
                raise InputError(
                    f"{key} = {dt} ms does not divide neuron.{cell}.t_ref = {t_ref} ms; "
                    f"allowed, for example: {t_ref / (held + 1.0):.6g} ms"
                )
