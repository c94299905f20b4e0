"""Swept parameters: from the values of a block's points to the objects that a protocol is called with.

Protocol and network are built once a run; here the swept values are put into them. A parameter of a component
becomes an array with one entry a point, and the kernels' lanes read it. Any other value (`protocol.dt`,
`network.p_connect`) is the same for a whole call: a block's points are grouped by it. Values that the
configuration interpolates from swept ones are looked up in tables made beforehand.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import Axis, Labels, longest
from spikesweep.kernels.random.philox import name_hash

#: The names that lead from {"protocol": ..., "network": ...} to a value.
Place = tuple[str, ...]


@dataclass(frozen=True)
class Derived:
    """A value that the configuration interpolates from swept ones."""

    text: str  #: the interpolation
    names: tuple[str, ...]  #: the axes that it may depend on
    table: Mapping[tuple[Any, ...], Any]  #: its value at each of their combinations

    def at(self, points: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return its value at each point."""
        rows = zip(*(points[name].tolist() for name in self.names), strict=True)
        return np.array([self.table[row] for row in rows])


@dataclass(frozen=True)
class Call:
    """What a protocol is called with for some of a block's points."""

    index: NDArray[np.int64]
    protocol: Any
    network: Any
    points: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Parameters:
    """The swept parameters of a sweep."""

    protocol: Any
    network: Any
    axes: tuple[Axis, ...]  #: those with a key
    derived: Mapping[str, Derived]  #: by key
    places: Mapping[str, tuple[Place, ...]]  #: by key; none where it only enters interpolations
    lanes: frozenset[str]  #: keys of components' parameters
    labels: Labels = field(default_factory=dict)  #: of the results: the longest of any point, see `checked`
    most_work: float = 0.0  #: neuron steps of the costliest point, see `checked`

    def calls(self, points: Mapping[str, NDArray[Any]]) -> Iterator[Call]:
        """Yield the calls that compute points: axis name to values, all of one length."""
        leaves = self._leaves(points)
        plain = {name: v for name, v in points.items() if name not in {axis.name for axis in self.axes}}
        plain |= {axis.key: _labels(axis, points[axis.name]) for axis in self.axes}
        shared = {key: values for key, values in leaves.items() if key not in self.lanes}
        for index in _groups(list(shared.values()), len(next(iter(points.values())))):
            parts = {"protocol": self.protocol, "network": self.network}
            for key, values in leaves.items():
                value = values[index] if key in self.lanes else values[index[0]].item()
                for place in self.places[key]:
                    parts = put(parts, place, value)
            yield Call(
                index, parts["protocol"], parts["network"], {name: v[index] for name, v in plain.items()}
            )

    def checked(
        self,
        points: Mapping[str, NDArray[Any]],
        axes: Mapping[str, NDArray[Any]],
        whole: Mapping[str, NDArray[Any]],
    ) -> "Parameters":
        """Return these with what holds at some points; raise InputError for what a protocol refuses there.

        `axes` are the values of all axes, of which a protocol may refuse some.
        A point may have fewer labels than another, the first ones of it: what it lacks is then empty.
        """
        labels: Labels = {}
        most_work = 0.0
        for call in self.calls(points):
            call.protocol.check(call.network)
            call.protocol.check_grid(call.network, axes)
            try:
                labels = longest(labels, call.protocol.coordinates(call.network))
            except ValueError as error:
                keys = ", ".join(axis.key for axis in self.axes)
                raise InputError(
                    f"{keys}: a sweep changes the labels of the results, {error}; allowed: one value of it a "
                    "sweep, or results without these labels (protocol.record_rates=false where networks grow)"
                ) from error
            most_work = max(most_work, float(np.max(call.protocol.work(call.network, whole))))
        return dataclasses.replace(self, labels=labels, most_work=most_work)

    def _leaves(self, points: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        own = {axis.key: points[axis.name] for axis in self.axes if self.places[axis.key]}
        return own | {key: derived.at(points) for key, derived in self.derived.items() if self.places[key]}


def places_of(key: str, cells: Mapping[str, str]) -> tuple[Place, ...]:
    """Return the places of a value of the configuration; `cells` names the cell of each population.

    A value of a cell stands in every population that has the cell, and nowhere if none has it.
    """
    node, *rest = key.split(".")
    if node != "neuron":
        return ((node, *rest),)
    own = [name for name, cell in cells.items() if cell == rest[0]]
    return tuple(("network", "populations", name, "cell", *rest[1:]) for name in own)


def lane_keys(parts: Mapping[str, Any], places: Mapping[str, Sequence[Place]]) -> frozenset[str]:
    """Return those keys whose values may be arrays: numbers of components of the network."""
    if not parts["protocol"].parameters_per_point:
        return frozenset()
    return frozenset(
        key for key, found in places.items() if found and all(_is_lane(parts, place) for place in found)
    )


def _is_lane(parts: Mapping[str, Any], place: Place) -> bool:
    owner: Any = parts
    for name in place[:-1]:
        owner = _member(owner, name)
    return hasattr(owner, "coefficients") and isinstance(_member(owner, place[-1]), float)


def _member(part: Any, name: str) -> Any:
    return part[name] if isinstance(part, Mapping) else getattr(part, name)


def put(part: Any, place: Place, value: Any) -> Any:
    """Return a part with another value at a place: the parts around it made anew, all else shared."""
    name, rest = place[0], place[1:]
    new = put(_member(part, name), rest, value) if rest else value
    if isinstance(part, Mapping):
        return {**part, name: new}
    if hasattr(part, "_replace"):
        return part._replace(**{name: new})
    return dataclasses.replace(part, **{name: new})


def _labels(axis: Axis, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the labels of a parameter for random numbers, NaN where it has the configured value.

    A sweep that does not name the parameter has the same numbers as the point at its configured value.
    """
    if values.dtype.kind in "biuf":
        labels = values.astype(np.float64)
    else:  # 52 bits of a word's hash
        labels = np.array([float(name_hash(word) >> 12) for word in values.tolist()])
    return np.where(values == axis.base, np.nan, labels)


def _groups(columns: Sequence[NDArray[Any]], n: int) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of points that agree in all columns."""
    code = np.zeros(n, np.int64)
    for column in columns:
        distinct, codes = np.unique(column, return_inverse=True)
        code = np.unique(code * len(distinct) + codes, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
