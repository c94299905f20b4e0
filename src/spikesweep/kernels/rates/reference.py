"""Rate systems with one state a synapse, in NumPy, integrated by SciPy: slow, and independent.

The equations are those at the top of `neurons.rate_unit` and `inputs.rate_synapses` as they stand, with
nothing collapsed. The flat state holds all potentials, then the matrix (post, pre) of each link in turn.
Time is in s here, because SciPy's choice of its first step depends on the unit.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.kernels.rates.system import System
from spikesweep.units import ms

Array = NDArray[np.float64]

_MS_PER_S = 1e3


class FullSystem:
    """One point of a system with one state a synapse; `legend` says where each part is in the state."""

    def __init__(self, system: System, point: int) -> None:
        """Take the parameters of a point."""
        self.system, self.point = system, point
        self.cells = [
            slice(first, first + p.n) for first, p in zip(system.first, system.populations, strict=True)
        ]
        ends = system.n_cells + np.cumsum([0, *(np.prod(k.weights.shape[:2]) for k in system.links)])
        self.legend = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.rest = np.zeros(int(ends[-1]))
        for cells, p in zip(self.cells, system.populations, strict=True):
            self.rest[cells] = p.v_rest[point]

    def currents(self, state: Array) -> list[Array]:
        """Return the current of every synapse (nA) at a state, one matrix (post, pre) a link."""
        found = []
        for link, rows in zip(self.system.links, self.legend, strict=True):
            own = state[rows].reshape(link.weights.shape[:2])
            if link.tau_rise is not None:
                force = self._force(link, state)
                own = link.weights[:, :, self.point] * link.g[self.point] * own * force
            found.append(own)
        return found

    def derivative(self, t: float, state: Array) -> Array:
        """Return the time derivative of a state (per s) at a time (s)."""
        now = np.array([t * _MS_PER_S])
        i = self.point
        change = np.empty_like(state)
        rates = []
        for cells, p in zip(self.cells, self.system.populations, strict=True):
            span = p.v_pk[i] - p.v_th[i]
            rates.append(p.peak[i] / span * np.clip(state[cells] - p.v_th[i], 0.0, span))
        total = np.zeros(self.system.n_cells)
        links = zip(self.system.links, self.legend, self.currents(state), strict=True)
        for link, rows, currents in links:
            a = link.clamped[:, i] if link.pre is None else rates[link.pre]
            a = a if link.course is None else a * link.course.factor(now)
            own = state[rows].reshape(currents.shape)
            if link.tau_rise is None:
                target = link.weights[:, :, i] * link.g[i] * a * self._force(link, state)
                slope = (target - own) / link.tau[i]
            else:
                slope = np.maximum(0.0, a - own) / link.tau_rise[i] - own / link.tau[i]
            change[rows] = slope.ravel()
            total[self.cells[link.post]] += currents.sum(axis=1)
        for cells, p in zip(self.cells, self.system.populations, strict=True):
            change[cells] = (p.v_rest[i] - state[cells] + p.R[i] * total[cells]) / p.tau[i]
        return change * _MS_PER_S

    def initial_slopes(self) -> Array:
        """Return the time derivative (nA/s) of every synapse's current at rest, links in turn."""
        change = self.derivative(0.0, self.rest)
        found = []
        for link, rows in zip(self.system.links, self.legend, strict=True):
            slope = change[rows].reshape(link.weights.shape[:2])
            if link.tau_rise is not None:  # s is 0: only its own slope counts
                gain = link.weights[:, :, self.point] * link.g[self.point]
                slope = gain * slope * self._force(link, self.rest)
            found.append(slope.ravel())
        return np.concatenate(found)

    def _force(self, link: Any, state: Array) -> Array:
        v = state[self.cells[link.post]]
        # the published slip pairs the plain vector with the columns
        force: Array = link.E_rev[self.point] - (v if self.system.pre_index else v[:, np.newaxis])
        return force


def solve_scipy(
    system: System, point: int, duration: ms, n_samples: int, method: str, rtol: float, atol: float
) -> tuple[Array, Array]:
    """Return the potentials (cells, samples) and synaptic currents (synapses, samples) of a point.

    NaN from where SciPy gave up.
    """
    full = FullSystem(system, point)
    times = np.linspace(0.0, duration, n_samples) / _MS_PER_S
    found = scipy.integrate.solve_ivp(
        full.derivative,
        (0.0, times[-1]),
        full.rest,
        method=method,
        t_eval=times,
        # a step that is as long as it likes may pass over what a course does
        max_step=times[1] if any(link.course is not None for link in system.links) else np.inf,
        rtol=rtol,
        atol=atol,
    )
    states = np.full((len(full.rest), n_samples), np.nan)
    states[:, : found.y.shape[1]] = found.y
    currents = [np.concatenate([c.ravel() for c in full.currents(column)]) for column in states.T]
    return states[: system.n_cells], np.stack(currents, axis=1)
