"""Traced rows of some lanes over the whole of a run."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.driver import LANES
from spikesweep.kernels.jit import compiled


class Rows(NamedTuple):
    """What is kept of a group of lanes."""

    values: NDArray[np.float64]  #: shape (lanes, rows, steps); lanes beyond it are not kept


@compiled
def keep_rows(kept, traced, n, first):
    """Write n steps of `traced`, flat of shape (n, rows, LANES)."""
    lanes, rows, _ = kept.values.shape
    for lane in range(lanes):
        for r in range(rows):
            for s in range(n):
                kept.values[lane, r, first + s] = traced[(s * rows + r) * LANES + lane]


def make_rows(n: int, rows: int, n_steps: int) -> list[Rows]:
    """Return room for `n` cells, a part for each group of LANES."""
    sizes = [min(LANES, n - start) for start in range(0, n, LANES)]
    return [Rows(np.empty((size, rows, n_steps))) for size in sizes]
