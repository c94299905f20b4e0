"""What drives the cells of a network from outside: Poisson events, and currents with noise."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.poisson_counts import Drives, fill_drives
from spikesweep.kernels.compile.jit import compiled


class Currents(NamedTuple):
    """Constant and random currents (pA) of the neurons of a population."""

    drives: Drives
    mean: NDArray[np.float64]  #: shape (groups, LANES)
    sd: NDArray[np.float64]  #: shape (groups, LANES)
    normals: NDArray[np.float64]  #: shape (neurons, steps of a call)
    origin: int  #: first step of the call


@compiled
def fill_currents(currents, g, kicks, n, first):
    """Write the events of group g at steps first .. first + n - 1 to `kicks`, and currents as its last input."""
    fill_drives(currents.drives, g, kicks, n, first)
    width = currents.drives.inputs * LANES
    for s in range(n):
        row = kicks[(s + 1) * width - LANES : (s + 1) * width]
        for lane in range(LANES):
            row[lane] = currents.mean[g, lane]
    for i in range(g * LANES, min((g + 1) * LANES, currents.normals.shape[0])):
        lane = i - g * LANES
        for s in range(n):
            noise = currents.sd[g, lane] * currents.normals[i, first - currents.origin + s]
            kicks[(s + 1) * width - LANES + lane] += noise
