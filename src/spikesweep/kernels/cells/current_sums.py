"""Sums of traced rows over time, and the rows themselves where asked for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled


class Sums(NamedTuple):
    """What is kept of a group of lanes."""

    total: NDArray[np.float64]  #: shape (rows, LANES)
    kept: NDArray[np.float64]  #: shape (steps, rows, LANES), no steps where nothing is kept


def make_sums(rows: int, n_kept: int) -> Sums:
    """Return sums before the first step, with room for the rows of `n_kept` steps."""
    return Sums(np.zeros((rows, LANES)), np.empty((n_kept, rows, LANES)))


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
