"""Swept parameters: from the values of a block's points to the objects that a protocol is called with.

A parameter of a component becomes an array with one entry a point, and the kernels' lanes read it. Any
other value (`protocol.dt`, `network.p_connect`) is the same for a whole call: a block's points are grouped
by it. Values that the configuration interpolates from swept ones are looked up in tables made beforehand.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import Axis, Labels, longest
from spikesweep.kernels.random.philox import name_hash

#: A protocol and a network of plain values.
Assemble = Callable[[Mapping[str, Any]], tuple[Any, Any]]


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

    values: Mapping[str, Any]  #: the configuration as plain values
    axes: tuple[Axis, ...]  #: those with a key
    derived: Mapping[str, Derived]  #: by key
    read: frozenset[str]  #: keys that the objects have; the others only enter interpolations
    lanes: frozenset[str]  #: keys of components' parameters
    assemble: Assemble
    labels: Labels = field(default_factory=dict)  #: of the results: the longest of any point, see `check`

    def at(self, point: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the protocol and the network of one point: axis name to value."""
        arrays = {name: np.array([value]) for name, value in point.items()}
        return self.assemble(
            _replaced(self.values, {k: v[0].item() for k, v in self._leaves(arrays).items()})
        )

    def calls(self, points: Mapping[str, NDArray[Any]]) -> Iterator[Call]:
        """Yield the calls that compute points: axis name to values, all of one length."""
        leaves = self._leaves(points)
        plain = {name: v for name, v in points.items() if name not in {axis.name for axis in self.axes}}
        plain |= {axis.key: _labels(axis, points[axis.name]) for axis in self.axes}
        shared = {key: values for key, values in leaves.items() if key not in self.lanes}
        for index in _groups(list(shared.values()), len(next(iter(points.values())))):
            first = {key: values[index[0]].item() for key, values in leaves.items()}
            protocol, network = self.assemble(_replaced(self.values, first))
            for key in self.lanes & leaves.keys():
                network = _with_array(network, key, leaves[key][index])
            yield Call(index, protocol, network, {name: v[index] for name, v in plain.items()})

    def check(self, points: Mapping[str, NDArray[Any]], axes: Mapping[str, NDArray[Any]]) -> Labels:
        """Return the labels of results at some points; raise InputError for what a protocol refuses there.

        `axes` are the values of all axes, of which a protocol may refuse some.
        A point may have fewer labels than another, the first ones of it: what it lacks is then empty.
        """
        labels: Labels = {}
        for call in self.calls(points):
            call.protocol.check(call.network)
            if hasattr(call.protocol, "check_grid"):
                call.protocol.check_grid(call.network, axes)
            try:
                labels = longest(labels, call.protocol.coordinates(call.network))
            except ValueError as error:
                keys = ", ".join(axis.key for axis in self.axes)
                raise InputError(f"{keys}: a sweep changes the labels of the results, {error}") from error
        return labels

    def _leaves(self, points: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        own = {axis.key: points[axis.name] for axis in self.axes if axis.key in self.read}
        return own | {key: derived.at(points) for key, derived in self.derived.items()}


def lane_keys(protocol: Any, network: Any, keys: Sequence[str]) -> frozenset[str]:
    """Return those keys whose values may be arrays: numbers of the network's components."""
    if not getattr(protocol, "parameters_per_point", False):
        return frozenset()
    found = set()
    for key in keys:
        try:
            owner = _holders(network, key)[-1]
        except (AttributeError, KeyError):
            continue
        if hasattr(owner, "coefficients") and isinstance(getattr(owner, key.rsplit(".", 1)[1]), float):
            found.add(key)
    return frozenset(found)


def _path(key: str) -> list[str]:
    """Return the names that lead from a network to a value of the configuration."""
    node, *rest = key.split(".")
    if node not in ("neuron", "network"):
        raise KeyError(key)
    return ["populations", *rest] if node == "neuron" else rest


def _holders(network: Any, key: str) -> list[Any]:
    found = [network]
    for name in _path(key)[:-1]:
        holder = found[-1]
        found.append(holder[name] if isinstance(holder, Mapping) else getattr(holder, name))
    return found


def _with_array(network: Any, key: str, values: NDArray[Any]) -> Any:
    """Return a network one of whose components has an array as a parameter."""
    new: Any = values
    for holder, name in zip(reversed(_holders(network, key)), reversed(_path(key)), strict=True):
        if isinstance(holder, Mapping):
            new = {**holder, name: new}
        elif hasattr(holder, "_replace"):
            new = holder._replace(**{name: new})
        else:
            new = dataclasses.replace(holder, **{name: new})
    return new


def _replaced(values: Mapping[str, Any], leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values with other leaves, by dotted key."""
    out = dict(values)
    for key, value in leaves.items():
        *nodes, last = key.split(".")
        node = out
        for name in nodes:
            node[name] = dict(node[name])
            node = node[name]
        node[last] = value
    return out


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
