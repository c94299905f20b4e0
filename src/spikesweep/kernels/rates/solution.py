"""What a rate system did: potentials and currents over time, from the states of whichever integrator."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.rates.reference import solve_scipy
from spikesweep.kernels.rates.system import System

Array = NDArray[np.float64]


class Solution(NamedTuple):
    """Traces of all points: potentials (mV), rates (Hz), currents (nA); the last dimension is time."""

    v: Array  #: shape (points, cells, samples)
    rate: Array  #: shape (points, cells, samples)
    total: Array  #: current into each cell, shape (points, cells, samples)
    links: list[Array]  #: for each link, shape (points, post, samples); empty where not asked for
    synapses: list[Array]  #: for each link, shape (points, post, pre, samples); the same


def from_states(system: System, rows: Array) -> Solution:
    """Return the solution that compiled integrators describe by `rows`, shape (points, rows, samples)."""
    n = system.n_cells
    v, rate, total, states = rows[:, :n], rows[:, n : 2 * n], rows[:, 2 * n : 3 * n], rows[:, 2 * n :]
    sums, synapses = [], []
    for link, own_rows in zip(system.links, system.link_rows, strict=True):
        if states.shape[1] == n:
            break
        own = states[:, own_rows]
        if link.tau_rise is None and not system.synapses:
            sums.append(own)
            continue
        n_post, n_pre, n_points = link.weights.shape
        if link.tau_rise is None:
            each = own.reshape(n_points, n_pre, n_post, -1).swapaxes(1, 2)
        else:
            first = system.first[link.post]
            force = _column(link.E_rev) - v[:, first : first + n_post]
            gain = np.moveaxis(link.weights * link.g, -1, 0)
            each = gain[..., np.newaxis] * own[:, np.newaxis] * force[:, :, np.newaxis]
        sums.append(each.sum(axis=2))
        if system.synapses:
            synapses.append(each)
    return Solution(v, rate, total, sums, synapses)


def from_scipy(system: System, *settings: Any) -> Solution:
    """Return SciPy's solution of all points, one after the other; `settings` as in `solve_scipy`."""
    n_points = len(system.populations[0].v_rest)
    found = [solve_scipy(system, point, *settings) for point in range(n_points)]
    v = np.stack([potentials for potentials, _ in found])
    flat = np.stack([currents for _, currents in found])
    total, synapses, start = np.zeros_like(v), [], 0
    for link in system.links:
        n_post, n_pre, _ = link.weights.shape
        each = flat[:, start : start + n_post * n_pre].reshape(n_points, n_post, n_pre, -1)
        start += n_post * n_pre
        first = system.first[link.post]
        total[:, first : first + n_post] += each.sum(axis=2)
        synapses.append(each)
    return Solution(v, rates_of(system, v), total, [each.sum(axis=2) for each in synapses], synapses)


def rates_of(system: System, v: Array) -> Array:
    """Return the rates (Hz) of cells at potentials, shape (points, cells, samples)."""
    rates = np.empty_like(v)
    for first, p in zip(system.first, system.populations, strict=True):
        span = p.v_pk - p.v_th
        above = np.clip(v[:, first : first + p.n] - _column(p.v_th), 0.0, _column(span))
        rates[:, first : first + p.n] = _column(p.peak / span) * above
    return rates


def _column(values: Array) -> Array:
    """Return values of points for use with (points, cells, samples)."""
    return values[:, np.newaxis, np.newaxis]
