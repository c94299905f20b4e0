"""Traced rows of some cells over the whole of a run."""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, Trace
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


class Rows:
    """Keeps rows of a trace at every step."""

    collect = staticmethod(keep_rows)

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._kept: list[NDArray[np.float64]] = []

    def sinks(self, n: int, n_steps: int) -> list[NDArray[np.float64]]:
        """Return room for each group of n cells."""
        sizes = [min(LANES, n - start) for start in range(0, n, LANES)]
        self._kept = [np.empty((size, len(self.trace), n_steps)) for size in sizes]
        return self._kept

    @property
    def cells(self) -> list[NDArray[np.float64]]:
        """Return what was kept of each cell, shape (rows, steps)."""
        return [cell for group in self._kept for cell in group]
