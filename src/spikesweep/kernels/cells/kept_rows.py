"""Traced rows of some lanes over the whole of a run."""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled


@compiled
def keep_rows(kept, traced, n, first):
    """Write n steps of `traced`, flat of shape (n, rows, LANES), to `kept`, shape (lanes, rows, steps).

    Lanes beyond those of `kept` are not kept.
    """
    lanes, rows, _ = kept.shape
    for lane in range(lanes):
        for r in range(rows):
            for s in range(n):
                kept[lane, r, first + s] = traced[(s * rows + r) * LANES + lane]


def make_rows(n: int, rows: int, n_steps: int) -> list[NDArray[np.float64]]:
    """Return room for `n` cells, a part for each group of LANES."""
    return [np.empty((min(LANES, n - start), rows, n_steps)) for start in range(0, n, LANES)]
