"""Scattered points of a box as a mesh: values between them, and where more points tell most.

Points are in the unit cube of 1 to 4 axes, its corners among them. `chosen` is a function of points and
values alone, which is what lets a sweep that was killed go on: it keeps no state that a store does not hold.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import combinations, count
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Loss = Literal["gradient", "boundary", "uncertainty"]
#: Axes of a mesh: the simplices of more are too many.
MOST_AXES = 4
#: What a part of the box where nothing happens counts, beside one where everything does: a narrow feature can
#: hide in it.
_IDLE = {"gradient": 0.05, "boundary": 0.15, "uncertainty": 0.05}
#: What a part counts that the boundary may reach, the less the farther from the level its values are.
_NEAR = 0.3
#: Digits in which two new points are the same.
_DIGITS = 12


@dataclass(frozen=True)
class Mesh:
    """A Delaunay triangulation of points."""

    points: Array  #: shape (points, axes)
    simplices: NDArray[np.int64]  #: points of each simplex, shape (simplices, axes + 1)
    delaunay: Any  #: of SciPy; None on one axis, whose simplices are in order

    @classmethod
    def of(cls, points: Array) -> "Mesh":
        """Return the mesh of points, shape (points, axes)."""
        if points.shape[1] == 1:
            order = np.argsort(points[:, 0], kind="stable")
            return cls(points, np.stack([order[:-1], order[1:]], axis=1), None)
        from scipy.spatial import Delaunay  # late: it costs a while

        found = Delaunay(points)
        return cls(points, np.asarray(found.simplices, np.int64), found)

    def weights(self, at: Array) -> tuple[NDArray[np.int64], Array]:
        """Return the points around places, and their weights, both of shape (places, axes + 1).

        Weights are NaN outside of the mesh.
        """
        d = self.points.shape[1]
        if self.delaunay is None:
            x = self.points[self.simplices[:, 0], 0]
            place = np.clip(np.searchsorted(x, at[:, 0], side="right") - 1, 0, len(x) - 1)
            ends = self.points[self.simplices[place], 0]
            w = (at[:, 0] - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
            found = np.stack([1.0 - w, w], axis=1)
            return self.simplices[place], np.where(found.min(axis=1, keepdims=True) >= 0, found, np.nan)
        place = self.delaunay.find_simplex(at)
        transform = self.delaunay.transform[place]
        part = np.einsum("nij,nj->ni", transform[:, :d], at - transform[:, d])
        found = np.concatenate([part, 1.0 - part.sum(axis=1, keepdims=True)], axis=1)
        return self.simplices[place], np.where((place >= 0)[:, np.newaxis], found, np.nan)

    def residuals(self, y: Array) -> Array:
        """Return how far each value is from the plane through those around it: shape of `y`, (points, ...).

        That is what linear interpolation would have missed there without the point.
        """
        around: list[set[int]] = [set() for _ in self.points]
        for simplex in self.simplices.tolist():
            for a, b in combinations(simplex, 2):
                around[a].add(b)
                around[b].add(a)
        found = np.zeros_like(y)
        for i, near in enumerate(around):
            few = len(near) <= self.points.shape[1] + 1  # at a corner: they span no plane
            rows = sorted(near.union(*(around[j] for j in near)) - {i} if few else near)
            design = np.column_stack([np.ones(len(rows)), self.points[rows] - self.points[i]])
            # the nearer the more it counts
            w = 1.0 / np.maximum(np.linalg.norm(design[:, 1:], axis=1), 1e-12)
            plane = np.linalg.lstsq(w[:, np.newaxis] * design, _weighted(w, y[rows]), rcond=None)[0]
            found[i] = np.abs(y[i] - plane[0])
        return found


def _weighted(w: Array, y: Array) -> Array:
    return np.asarray(w.reshape(-1, *(1,) * (y.ndim - 1)) * y, np.float64)


def chosen(points: Array, y: Array, sem: Array, loss: Loss, level: float, n: int) -> Array:
    """Return n new points, shape (n, axes), where they tell most of values at points, shape (points,).

    The simplex of the largest loss is cut at the middle of its longest edge, again and again, with the value
    expected there. `gradient`: simplices over which the value changes much. `boundary`: those in which it
    passes `level`, and less so those that it may reach. `uncertainty`: those whose values are not what their
    neighbours say, or not sure (`sem`). Each is weighted by its size, so that where nothing happens there are
    points, too, farther apart.
    """
    mesh = Mesh.of(points)
    scale = float(np.ptp(y)) or 1.0
    doubt = (mesh.residuals(y) + sem) / scale if loss == "uncertainty" else np.zeros_like(y)
    values = np.stack([(y - level) / scale if loss == "boundary" else y / scale, doubt], axis=1)
    new: dict[tuple[float, ...], Array] = {}
    known = {tuple(row) for row in np.round(points, _DIGITS).tolist()}
    order = count()
    corners = [(points[s], values[s]) for s in mesh.simplices]
    heap = [(-_loss(x, v, loss), next(order), x, v) for x, v in corners]
    heapify(heap)
    while len(new) < n:
        _, _, x, v = heappop(heap)
        a, b, _ = _longest(x)
        middle, between = (x[a] + x[b]) / 2, (v[a] + v[b]) / 2
        key = tuple(np.round(middle, _DIGITS).tolist())
        if key not in known:
            new.setdefault(key, middle)
        for gone in (a, b):
            part, own = x.copy(), v.copy()
            part[gone], own[gone] = middle, between
            heappush(heap, (-_loss(part, own, loss), next(order), part, own))
    return np.array(list(new.values()))


def _longest(x: Array) -> tuple[int, int, float]:
    """Return the ends of the longest edge of a simplex, and its length."""
    pairs = list(combinations(range(len(x)), 2))
    lengths = [round(float(((x[a] - x[b]) ** 2).sum()), _DIGITS) for a, b in pairs]
    longest = max(lengths)
    return *pairs[lengths.index(longest)], longest**0.5


def _loss(x: Array, v: Array, loss: Loss) -> float:
    """Return what cutting a simplex would tell: its size times how much happens in it."""
    d = x.shape[1]
    volume = abs(float(np.linalg.det(x[1:] - x[0])))
    # also by its length: along the sides of the box lie long and thin ones; those of no volume count nothing
    size = (volume ** (1.0 / d) * _longest(x)[2]) ** 0.5
    y = v[:, 0]
    low, high = float(y.min()), float(y.max())
    if loss == "boundary":
        gap, spread = min(abs(low), abs(high)), high - low
        happens = 1.0 if low <= 0.0 <= high else _NEAR * spread / (spread + gap)
    else:
        happens = high - low if loss == "gradient" else float(v[:, 1].mean())
    return float(size) * (_IDLE[loss] + (1.0 - _IDLE[loss]) * happens)
