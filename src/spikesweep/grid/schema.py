"""What a result is declared as: axes, variables, labels of further dimensions, the status of a point."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

#: What `status` says of a point. A protocol may return a `status` of its own beside its variables.
MISSING, OK, NON_FINITE, FAILED, SATURATED, NOT_ASKED, GATED = range(7)
STATUS_MEANINGS = "missing ok non_finite failed saturated not_asked gated"
#: What counts as a failed point, and as one with results.
FAILURES = (NON_FINITE, FAILED)
DONE = (OK, SATURATED)
#: Those, and what has results that are outside of what was asked for: computed, and of no use for means.
COMPUTED = (*DONE, GATED)


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
            i = int(np.argmax(one[:n] != other[:n]))
            raise ValueError(f"{name}: number {i} is {one[i]} at one point and {other[i]} at another")
        found[name] = a[name] if len(one) > n else b[name]
    return found


def _values(labels: list[str] | Coordinate) -> NDArray[Any]:
    return labels.values if isinstance(labels, Coordinate) else np.array(labels)


def coordinate(name: str, labels: list[str] | Coordinate) -> tuple[Any, ...]:
    """Return labels as xarray takes them: dims, values, attributes."""
    if isinstance(labels, Coordinate):
        attrs = {"units": labels.units, "long_name": labels.long_name}
        return labels.dims or (name,), labels.values, attrs
    return (name,), labels


def labelled(
    values: Mapping[str, NDArray[Any]], variables: Iterable[Variable], coordinates: Labels
) -> "xr.Dataset":
    """Return values, shape (dims of their variable, the length of what is ragged), as a dataset."""
    import xarray as xr  # late: most of what imports this module has no dataset

    ds = xr.Dataset()
    for name, labels in coordinates.items():
        ds.coords[name] = coordinate(name, labels)
    for v in variables:
        if v.name in values:
            dims = (*v.dims, v.ragged) if v.ragged else v.dims
            ds[v.name] = (dims, values[v.name], {"units": v.units, "long_name": v.long_name})
    return ds
