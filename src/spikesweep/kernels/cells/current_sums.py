"""Sums of traced rows over time, and the rows themselves where asked for."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, Trace
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.compile.jit import compiled


class Sums(NamedTuple):
    """What is kept of a group of lanes."""

    total: NDArray[np.float64]  #: shape (rows, LANES)
    kept: NDArray[np.float64]  #: shape (steps, rows, LANES), no steps where nothing is kept


@compiled
def add_currents(sums, traced, n, first):
    """Add n steps of `traced`, flat of shape (n, rows, LANES), in the order of time."""
    rows = sums.total.shape[0]
    for s in range(n):
        for r in range(rows):
            for lane in range(LANES):
                sums.total[r, lane] += traced[(s * rows + r) * LANES + lane]
    for s in range(min(n, sums.kept.shape[0] - first)):
        for r in range(rows):
            for lane in range(LANES):
                sums.kept[first + s, r, lane] = traced[(s * rows + r) * LANES + lane]


class NetSums(NamedTuple):
    """What is kept of a group of lanes, with the square of the sum of the first two rows."""

    sums: Sums
    square: NDArray[np.float64]  #: shape (LANES,)


@compiled
def add_net_currents(kept, traced, n, first):
    """Do what `add_currents` does, and add up the squares of the sum of the first two rows."""
    add_currents(kept.sums, traced, n, first)
    rows = kept.sums.total.shape[0]
    for s in range(n):
        for lane in range(LANES):
            net = traced[s * rows * LANES + lane] + traced[(s * rows + 1) * LANES + lane]
            kept.square[lane] += net * net


class CurrentSums:
    """Adds the rows of a trace up over time, and keeps them at every step where `kept` is true.

    With `net` also the squares of the sum of the first two rows.
    """

    def __init__(self, trace: Trace, *, kept: bool, net: bool = False) -> None:
        self.trace, self._keeps, self._net = trace, kept, net
        self.collect = add_net_currents if net else add_currents
        self._n, self._sums = 0, [Sums(np.zeros((len(trace), 0)), np.zeros((0, len(trace), 0)))]
        self._squares: list[NDArray[np.float64]] = []

    def sinks(self, n: int, n_steps: int) -> list[Any]:
        """Return sums before the first step for each group of n cells."""
        self._n, rows = n, len(self.trace)
        room = (n_steps if self._keeps else 0, rows, LANES)
        self._sums = [Sums(np.zeros((rows, LANES)), np.empty(room)) for _ in range(group_count(n))]
        if not self._net:
            return [*self._sums]
        self._squares = [np.zeros(LANES) for _ in self._sums]
        return [NetSums(*pair) for pair in zip(self._sums, self._squares, strict=True)]

    @property
    def squares(self) -> NDArray[np.float64]:
        """Return the sums of the squares of the first two rows' sum, shape (cells,)."""
        return np.concatenate(self._squares)[: self._n]

    @property
    def totals(self) -> NDArray[np.float64]:
        """Return the sums, shape (rows, cells)."""
        return np.concatenate([s.total for s in self._sums], axis=-1)[:, : self._n]

    @property
    def kept(self) -> NDArray[np.float64]:
        """Return the rows at every step, shape (steps, rows, cells)."""
        return np.concatenate([s.kept for s in self._sums], axis=-1)[..., : self._n]
