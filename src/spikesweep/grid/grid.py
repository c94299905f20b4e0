"""The labelled grid: axes, points, and the blocks it is cut into."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.labels import same_labels, tidy
from spikesweep.grid.schema import Axis

#: The dimension of points that are no full grid.
POINT = Axis("point", "1", "number of the point", 0, integer=True)
#: Values of one axis: more fit in no store.
MOST_VALUES = 1_000_000
#: Points of a grid: each has a status, of which a run holds several copies.
MOST_POINTS = 100_000_000
_RANGE_KEYS = ("start", "stop", "num", "spacing")


@dataclass(frozen=True)
class Block:
    """A rectangle of points: one task, one kernel call, one chunk of every variable."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        """Return the block as an index of arrays over the axes."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of values along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def n_points(self) -> int:
        """Return the number of points."""
        return prod(self.shape)


def blocks_of(whole: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[Block]:
    """Yield the blocks of a shape that cover what has the shape `whole`."""
    for start in product(*(range(0, n, step) for n, step in zip(whole, shape, strict=True))):
        ends = zip(start, shape, whole, strict=True)
        yield Block(start, tuple(min(a + step, n) for a, step, n in ends))


@dataclass(frozen=True, eq=False)
class Grid:
    """The axes of a sweep with their values, whole axes last."""

    axes: tuple[Axis, ...]
    values: tuple[NDArray[Any], ...]
    #: Axes without a dimension of their own, for points that are no full grid: their values along `point`.
    columns: tuple[tuple[Axis, NDArray[Any]], ...] = ()
    #: How points were sampled, where they were: method, num, seed, priors by name of their axes, exclude.
    sample: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = field(init=False)  #: of the axes
    shape: tuple[int, ...] = field(init=False)  #: the number of values along each axis
    n_points: int = field(init=False)
    swept: tuple[Axis, ...] = field(init=False)  #: the axes of swept parameters
    coordinates: dict[str, NDArray[Any]] = field(init=False)  #: of every axis, along it or along `point`
    whole: dict[str, NDArray[Any]] = field(init=False)  #: the values of the whole axes
    n_whole: int = field(init=False)  #: points that are computed together, along the whole axes

    def __post_init__(self) -> None:
        """Compute once what follows from axes and values."""
        names = tuple(axis.name for axis in self.axes)
        shape = tuple(len(v) for v in self.values)
        each = (*self.axes, *(axis for axis, _ in self.columns))
        by_name = dict(zip(names, self.values, strict=True))
        found = {
            "names": names,
            "shape": shape,
            "n_points": prod(shape),
            "swept": tuple(axis for axis in each if axis.key),
            "coordinates": by_name | {axis.name: values for axis, values in self.columns},
            "whole": {axis.name: by_name[axis.name] for axis in self.axes if axis.whole},
            "n_whole": prod(n for axis, n in zip(self.axes, shape, strict=True) if axis.whole),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def block_shape(self, n_points: int) -> tuple[int, ...]:
        """Return the shape of blocks of at most `n_points` points (more only where whole axes are longer).

        The last axes stay together; the shape depends on nothing but the grid and `n_points`.
        """
        shape = list(self.shape)
        for i, axis in enumerate(self.axes):
            others = prod(shape[:i]) * prod(shape[i + 1 :])
            if not axis.whole and others * shape[i] > n_points:
                shape[i] = max(1, n_points // others)
        return tuple(shape)

    def blocks(self, shape: tuple[int, ...]) -> Iterator[Block]:
        """Yield the blocks of a shape that cover the grid."""
        return blocks_of(self.shape, shape)

    def points(self, block: Block) -> dict[str, NDArray[Any]]:
        """Return the cut axes' values at the block's points, each flat and of one length."""
        cut = {
            axis.name: values[part]
            for axis, values, part in zip(self.axes, self.values, block.slices, strict=True)
            if not axis.whole
        }
        mesh = np.meshgrid(*cut.values(), indexing="ij")
        flat = {name: array.ravel() for name, array in zip(cut, mesh, strict=True)}
        rows = flat.pop(POINT.name, None)
        return flat | {axis.name: values[rows] for axis, values in self.columns}

    def describe(self) -> str:
        """Return the axes and their lengths in one line."""
        parts = [f"{name} {n}" for name, n in zip(self.names, self.shape, strict=True)]
        if self.columns:
            parts[0] += f" ({', '.join(axis.name for axis, _ in self.columns)})"
        return f"{' x '.join(parts)} = {self.n_points} points"


def n_values(spec: Any) -> float:
    """Return how many values an axis is given, before they are made; what is no axis is one value here."""
    if isinstance(spec, Mapping):
        num = _filled(spec).get("num")
        return num if isinstance(num, (int, float)) and num > 1 else 1
    return max(len(spec), 1) if isinstance(spec, (list, tuple)) else 1


def refuse_many(lengths: Mapping[str, float], most: int = MOST_POINTS, what: str = "points") -> None:
    """Refuse axes whose product is too large, given how many values each has; raise InputError."""
    n = prod(lengths.values())
    if n > most:
        texts = (
            f"{name} {int(k):,}" if k < 1e15 else f"{name} {k:g}" for name, k in lengths.items() if k > 1
        )
        raise InputError(
            f"grid: {' x '.join(texts)} = {n:.3g} {what} is refused; allowed: at most {most:,} {what}"
        )


def axis_values(axis: Axis, spec: Any, *, ordered: bool = True) -> NDArray[Any]:
    """Return the values of one axis from a number, a list or a {start, stop, num, spacing} mapping.

    `ordered` are those of a dimension: distinct, and put in rising order.
    """
    key = axis.where
    if axis.words:
        return _words(key, spec, ordered=ordered)
    if isinstance(spec, Mapping):
        values = _range_values(key, _filled(spec) if axis.integer else spec)
    else:
        values = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    if not values:
        raise InputError(f"{key} = [] is refused: an axis needs at least one value")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{key} holds {shown(value)}; allowed: numbers ({axis.units})")
        if not is_finite(value) or value < axis.minimum:
            least = f", at least {axis.minimum:g}" if is_finite(axis.minimum) else ""
            raise InputError(f"{key} holds {shown(value)}; allowed: finite{least}")
        if axis.integer and (value != int(value) or abs(value) > 2**53):
            way = (
                f": {key}={{start:0,num:5}}, or start and stop, are 1 apart"
                if isinstance(spec, Mapping)
                else ""
            )
            raise InputError(f"{key} holds {value!r}; allowed: whole numbers{way}")
    array = np.array(values, np.int64) if axis.integer else np.array(tidy(values, even=False))
    keys = same_labels(array)
    if ordered and len(np.unique(keys)) < len(array):
        repeated, counts = np.unique(keys, return_counts=True)
        again = np.isin(keys, repeated[counts > 1])
        twice = list(dict.fromkeys(v for v, is_again in zip(values, again, strict=True) if is_again))
        raise InputError(f"{key} holds {shown(twice)} more than once; allowed: each value once")
    return np.sort(array) if ordered else array  # any order is natural, and no number depends on it


def is_finite(value: float) -> bool:
    """Return whether a number is finite, also as a floating-point one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def label_text(value: Any) -> str:
    """Return a value of an axis as a person writes it."""
    return str(value) if isinstance(value, (str, bool, np.bool_)) else f"{value:g}"


def _words(key: str, spec: Any, *, ordered: bool) -> NDArray[Any]:
    """Return the values of an axis of words, in the order in which they are given."""
    values = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    if not values or not all(isinstance(value, str) for value in values):
        raise InputError(f"{key} = {shown(spec)} is refused; allowed: a list of words")
    if ordered and len(set(values)) < len(values):
        raise InputError(f"{key} = {shown(values)} is refused; allowed: each word once")
    return np.array(values)


def _filled(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a range of whole numbers with what it lacks: neighbours are 1 apart where that is not said."""
    found = {name: spec[name] for name in ("start", "stop", "num") if spec.get(name) is not None}
    if len(found) != 2 or "start" not in found or not all(map(_is_whole, found.values())):
        return spec
    more = {"stop": found["start"] + found["num"] - 1} if "num" in found else {}
    return {**spec, **(more or {"num": found["stop"] - found["start"] + 1})}


def _is_whole(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


def _range_values(key: str, spec: Mapping[str, Any]) -> list[float]:
    for name in spec:
        if name not in _RANGE_KEYS:
            raise InputError(f"{key}.{name} is not part of a range; {nearest(str(name), _RANGE_KEYS)}")
    for name in ("start", "stop", "num"):
        value = spec.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value):
            raise InputError(f"{key}.{name} = {shown(value)}; allowed: a finite number")
    start, stop, num, spacing = spec["start"], spec["stop"], spec["num"], spec.get("spacing", "linear")
    if num != int(num) or not 1 <= num <= MOST_VALUES:
        raise InputError(f"{key}.num = {num!r}; allowed: a whole number of values, 1 to {MOST_VALUES:,}")
    if spacing not in ("linear", "log"):
        raise InputError(f"{key}.spacing = {spacing!r}; {nearest(str(spacing), ('linear', 'log'))}")
    if spacing == "log" and (start <= 0 or stop <= 0):
        raise InputError(f"{key} from {start} to {stop} cannot be spaced log; allowed: both above 0")
    if spacing == "log":
        return tidy(np.geomspace(start, stop, int(num)), even=False)
    return tidy(np.linspace(start, stop, int(num)))
