"""What drives the cells of a network from outside: Poisson events, and currents with noise."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.poisson_counts import fill_drives
from spikesweep.kernels.compile.jit import inlined


class Currents(NamedTuple):
    """Drives, and constant and random currents (pA), of the neurons of a population."""

    inputs: int  #: these, up to `narrow`, as in `Drives`
    key: NDArray[np.uint64]
    stream: NDArray[np.uint64]
    input: NDArray[np.int64]
    weight: NDArray[np.float64]
    parts: NDArray[np.int64]
    table: NDArray[np.uint32]
    begin: NDArray[np.int64]
    levels: NDArray[np.int64]
    moving: NDArray[np.int64]
    origin: int
    groups: int
    adds: NDArray[np.int64]
    undriven: NDArray[np.int64]
    drawn: NDArray[np.int64]
    held: NDArray[np.uint32]
    words: NDArray[np.uint64]
    narrow: NDArray[np.uint32]
    mean: NDArray[np.float64]  #: shape (groups, LANES)
    sd: NDArray[np.float64]  #: shape (groups, LANES)
    normals: NDArray[np.float64]  #: shape (neurons, steps of a call)
    since: int  #: first step of the call


@inlined
def fill_currents(
    inputs, key, stream, input, weight, parts, table, begin, levels, moving, origin, groups, adds, undriven,
    drawn, held, words, narrow, mean, sd, normals, since, g, m, kicks, n, first,
):  # fmt: skip
    """Write events of m groups in n steps from `first` on to `kicks`, and currents as their last input."""
    fill_drives(
        inputs, key, stream, input, weight, parts, table, begin, levels, moving, origin, groups, adds,
        undriven, drawn, held, words, narrow, g, m, kicks, n, first,
    )  # fmt: skip
    width = inputs * LANES
    for j in range(m):
        group = g + j
        for s in range(n):
            row = kicks[(j * n + s + 1) * width - LANES : (j * n + s + 1) * width]
            for lane in range(LANES):
                row[lane] = mean[group, lane]
        for i in range(group * LANES, min((group + 1) * LANES, normals.shape[0])):
            lane = i - group * LANES
            for s in range(n):
                noise = sd[group, lane] * normals[i, first - since + s]
                kicks[(j * n + s + 1) * width - LANES + lane] += noise
