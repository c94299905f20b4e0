"""From cells to pixels of what is seen of them: a million points travel as some thousand numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.view.picture import RANK, STATUS, Cells, Numbers
from spikesweep.view.space import Dim


@dataclass(frozen=True)
class Scale:
    """Where labels lie on an axis: even numbers at their values, others one after another."""

    start: float
    step: float
    n: int
    even: bool

    @classmethod
    def of(cls, dim: Dim) -> "Scale":
        """Return the scale of a dimension."""
        values, n = dim.values, len(dim.values)
        if not dim.is_words and values.dtype.kind != "b" and n > 1:
            numbers = values.astype(np.float64)
            steps = np.diff(numbers)
            if (
                np.isfinite(numbers).all()
                and steps[0] > 0
                and np.allclose(steps, steps.mean(), rtol=1e-6, atol=0)
            ):
                return cls(float(numbers[0]), float(steps.mean()), n, True)
        return cls(0.0, 1.0, n, False)

    def edge(self, place: float) -> float:
        """Return where the cell of a place begins."""
        return self.start + (place - 0.5) * self.step

    def place(self, position: float) -> int:
        """Return the place whose cell a position is in."""
        return int(np.clip(np.floor((position - self.start) / self.step + 0.5), 0, self.n - 1))

    def seen(self, low: float | None, high: float | None) -> tuple[int, int]:
        """Return the first place that is seen and the one behind the last; all where nothing is said."""
        if low is None or high is None or not (np.isfinite(low) and np.isfinite(high)) or high <= low:
            return 0, self.n
        return self.place(low), self.place(high) + 1


@dataclass(frozen=True)
class Pixels:
    """Which labels make a pixel, along one axis."""

    begin: int
    end: int
    each: int  #: labels a pixel; the last may have less

    @classmethod
    def of(cls, seen: tuple[int, int], most: int) -> "Pixels":
        """Return pixels, `most` at most, whose edges do not depend on where the view begins."""
        each = max(1, -(-(seen[1] - seen[0]) // most))
        return cls(seen[0] // each * each, seen[1], each)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Return the first label of each pixel."""
        return np.arange(self.begin, self.end, self.each)


def pixels(found: Cells, x: Pixels, y: Pixels) -> Cells:
    """Return the cells of pixels: means, the most severe status, of what is seen. Cells are (y, x)."""

    def part(array: NDArray[Any]) -> NDArray[Any]:
        return array[y.begin : y.end, x.begin : x.end]

    if x.each == y.each == 1:
        return found.each(part)

    def added(array: NDArray[Any]) -> NDArray[Any]:
        rows = np.add.reduceat(part(array), y.starts - y.begin, axis=0)
        return np.asarray(np.add.reduceat(rows, x.starts - x.begin, axis=1))

    def least(array: NDArray[Any]) -> NDArray[Any]:
        rows = np.minimum.reduceat(part(array), y.starts - y.begin, axis=0)
        return np.asarray(np.minimum.reduceat(rows, x.starts - x.begin, axis=1))

    def mean(array: Numbers) -> Numbers:
        there = np.isfinite(array)
        with np.errstate(all="ignore"):
            return np.asarray(
                added(np.where(there, array, 0.0)) / np.where(n := added(there.astype(np.int32)), n, np.nan)
            )

    reason = least(np.where(np.isnan(found.reason), np.inf, found.reason))
    return Cells(
        mean(found.mean),
        mean(found.sd),
        added(found.n),
        added(found.total),
        STATUS[least(RANK[found.status])],
        mean(found.seconds),
        np.where(np.isinf(reason), np.nan, reason),
        found.reasons,
    )


def positions(dim: Dim) -> tuple[Numbers, tuple[str, ...]]:
    """Return where points lie along a column: at its values, or words one after another, and these words."""
    if not dim.is_words:
        return dim.values.astype(np.float64), ()
    words, places = np.unique(dim.values.astype(str), return_inverse=True)
    return places.astype(np.float64), tuple(words.tolist())


def binned(
    found: Cells, x: Numbers, y: Numbers, seen: tuple[float, float, float, float], shape: tuple[int, int]
) -> Cells:
    """Return pixels (y, x) of points that are no grid, between `seen` = (left, right, bottom, top)."""
    left, right, bottom, top = seen
    column = np.floor((x - left) / (right - left) * shape[1])
    row = np.floor((y - bottom) / (top - bottom) * shape[0])
    column[x == right], row[y == top] = shape[1] - 1, shape[0] - 1
    with np.errstate(invalid="ignore"):
        inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    pixel = (row[inside] * shape[1] + column[inside]).astype(np.int64)
    n_pixels = shape[0] * shape[1]

    def mean(array: Numbers) -> Numbers:
        values = array[inside]
        there = np.isfinite(values)
        n = np.bincount(pixel[there], minlength=n_pixels)
        with np.errstate(all="ignore"):
            return (np.bincount(pixel[there], values[there], n_pixels) / np.where(n, n, np.nan)).reshape(
                shape
            )

    def added(array: NDArray[Any]) -> NDArray[np.int32]:
        return np.bincount(pixel, array[inside], n_pixels).astype(np.int32).reshape(shape)

    ranks = np.full(n_pixels, len(STATUS) - 1, np.uint8)  # where no point is: not asked for
    np.minimum.at(ranks, pixel, RANK[found.status[inside]])
    reason = np.full(n_pixels, np.inf)
    np.minimum.at(reason, pixel, np.where(np.isnan(found.reason), np.inf, found.reason)[inside])
    codes = np.where(np.isinf(reason), np.nan, reason).reshape(shape)
    n, total = added(found.n), added(found.total)
    moments = mean(found.mean), mean(found.sd), n, total
    return Cells(*moments, STATUS[ranks].reshape(shape), mean(found.seconds), codes, found.reasons)
