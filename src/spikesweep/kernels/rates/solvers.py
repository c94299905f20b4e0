"""Compiled integrators of rate systems: classical Runge-Kutta with fixed steps, and adaptive RK45.

The adaptive one is the pair of Dormand and Prince 1980, doi:10.1016/0771-050X(80)90013-3, with the dense
output of Shampine 1986, doi:10.2307/2008219, as in SciPy's RK45. Departure from SciPy: the error of a step
is the largest over the states, not their root mean square, so that a cell that nothing connects to the
others does not change their steps.

The rows of a solution are each cell's potential (mV), rate (Hz) and current (nA), all cells in turn, and,
where asked for, the states of the links.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import compiled, kept
from spikesweep.kernels.rates.courses import courses_of
from spikesweep.kernels.rates.derivative import derivative_for
from spikesweep.kernels.rates.system import LANES, System, pack
from spikesweep.kernels.rates.tableau import A, E, P
from spikesweep.units import ms

Array = NDArray[np.float64]

#: Steps of a solution that finds no step small enough; its rest is NaN.
_MAX_STEPS = 1_000_000
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
#: The first step, as a fraction of the state's own time or, where it is zero, of the whole time.
_FIRST = 1e-3


def solve_fixed(system: System, duration: ms, n_samples: int, dt: ms, *, links: bool) -> Array:
    """Return the solution at equally spaced samples, both ends included, with steps of at most `dt`.

    Shape (points, rows, samples).
    """
    spacing = duration / (n_samples - 1)
    substeps = int(np.ceil(spacing / dt - 1e-9))
    h = spacing / substeps
    courses = courses_of(system, (n_samples - 1) * substeps, h)
    return _solve(system, LANES, n_samples, links, _fixed_loop(), (substeps, h, *courses))


def solve_adaptive(
    system: System, duration: ms, n_samples: int, rtol: float, atol: float, *, links: bool
) -> Array:
    """Return the solution at equally spaced samples, both ends included, to tolerances (mV, nA, Hz).

    Shape (points, rows, samples).
    """
    times = np.linspace(0.0, duration, n_samples)
    return _solve(system, 1, n_samples, links, _adaptive_loop(), (times, rtol, atol, A, E, P))


def _solve(system: System, lanes: int, n_samples: int, links: bool, loop: Any, settings: Any) -> Array:
    packed = pack(system, lanes)
    n = system.n_cells
    rows = 3 * n + (system.n_states - n if links else 0)
    n_points = len(system.populations[0].v_rest)
    solution = np.empty((len(packed.state) * lanes, rows, n_samples))
    n_drives = sum(len(link.weights) for link in system.links)
    largest = max(max(link.weights.shape[:2]) for link in system.links)
    # total, drive, scratch: written before they are read
    work = [np.empty(size * lanes) for size in (n, n_drives, largest)]
    for g, state in enumerate(packed.state):
        parts = (
            packed.n_cells,
            packed.table,
            packed.cell_values[g],
            packed.link_values[g],
            packed.weights[g],
        )
        loop(solution[g * lanes : (g + 1) * lanes], state, *work, packed.rates[g], *parts, *settings)
    return solution[:n_points]


@compiled
def _record(out, sample, y, rates, total):
    """Write a sample: potentials, rates, currents and, where there is room, the states of links."""
    lanes, n = out.shape[0], total.size // out.shape[0]
    for r in range(n):
        for lane in range(lanes):
            out[lane, r, sample] = y[r * lanes + lane]
            out[lane, n + r, sample] = rates[r * lanes + lane]
            out[lane, 2 * n + r, sample] = total[r * lanes + lane]
    for r in range(3 * n, out.shape[1]):
        for lane in range(lanes):
            out[lane, r, sample] = y[(r - 2 * n) * lanes + lane]


@compiled
def _drive(rates, base, n_cells, of_unit, factors):
    """Write the rates of clamped units, those of `base` times the factors of their courses."""
    lanes = rates.size // (n_cells + of_unit.size)
    for r in range(of_unit.size):
        for lane in range(lanes):
            at = (n_cells + r) * lanes + lane
            rates[at] = base[at] * factors[of_unit[r]]


@cache
def _fixed_loop() -> Any:
    derivative = derivative_for(LANES)

    def solve(
        out,
        y,
        total,
        drive,
        scratch,
        rates,
        n_cells,
        table,
        cell_values,
        link_values,
        weights,
        substeps,
        h,
        of_unit,
        factors,
    ):
        n = y.size
        driven, base = of_unit.size > 0, rates.copy()
        k, mean, z = np.empty(n), np.zeros(n), np.empty(n)
        fixed = (total, drive, scratch, rates, n_cells, table, cell_values, link_values, weights)
        n_samples = out.shape[2]
        for r in range(n):
            z[r] = y[r]
        for sample in range(n_samples):
            for step in range(substeps):
                for stage in range(4):
                    fresh = driven or (sample == 0 and step == 0 and stage == 0)
                    if driven:
                        now = factors[sample * substeps + step, (stage + 1) // 2]
                        _drive(rates, base, n_cells, of_unit, now)
                    derivative(z, k, *fixed, fresh)
                    if step == 0 and stage == 0:
                        _record(out, sample, y, rates, total)
                        if sample == n_samples - 1:
                            return
                    twice = 2.0 if 0 < stage < 3 else 1.0
                    reach = h if stage == 2 else 0.5 * h
                    before = 0.0 if stage == 0 else 1.0
                    for r in range(n):
                        mean[r] = before * mean[r] + twice * k[r]
                        z[r] = y[r] + reach * k[r]
                for r in range(n):
                    y[r] += h / 6.0 * mean[r]
                    z[r] = y[r]

    return kept(solve, derivative)


@cache
def _adaptive_loop() -> Any:
    derivative = derivative_for(1)

    def solve(
        out,
        y,
        total,
        drive,
        scratch,
        rates,
        n_cells,
        table,
        cell_values,
        link_values,
        weights,
        times,
        rtol,
        atol,
        A,
        E,
        P,
    ):
        n = y.size
        fixed = (total, drive, scratch, rates, n_cells, table, cell_values, link_values, weights)
        k, z, at, zero, b = np.zeros((7, n)), np.empty(n), np.empty(n), np.zeros(n), np.empty(7)
        t, h, end, sample = 0.0, 0.0, times[-1], 0  # the first step has no length: it fills k[0]
        for _ in range(_MAX_STEPS):
            h = min(h, end - t)
            for q in range(1, 7):
                _add(z, y, h, A[q], k)
                derivative(z, k[q], *fixed, t == 0.0)
            error = _error(k, h, E, zero, y, z, at, rtol, atol)
            if not error <= 1.0:  # also where it is NaN
                h *= max(_SHRINK, _SAFETY * error**-0.2) if error > 1.0 else _SHRINK
                if t + h == t:
                    break  # no step is small enough
                continue
            t_new = t + h if end - t > h else end
            while sample < times.size and times[sample] <= t_new:
                x = (times[sample] - t) / h if h > 0.0 else 0.0
                for q in range(7):
                    b[q] = x * (P[q, 0] + x * (P[q, 1] + x * (P[q, 2] + x * P[q, 3])))
                _add(at, y, h, b, k)
                derivative(at, k[1], *fixed, False)  # the second stage has no weight: its room is free
                _record(out, sample, at, rates, total)
                sample += 1
            for r in range(n):  # array assignments would take longer to compile than all else
                y[r] = z[r]
                k[0, r] = k[6, r]
            t = t_new
            if t == end:
                break
            if h == 0.0:
                size, slope = _largest(y, y, rtol, atol), _largest(k[0], y, rtol, atol)
                h = _FIRST * (size / slope if size > 1.0 and slope > 0.0 else end)
            else:
                h *= min(_GROW, _SAFETY * error**-0.2) if error > 0.0 else _GROW
        for missing in range(sample, times.size):
            for r in range(out.shape[1]):
                out[0, r, missing] = np.nan

    return kept(solve, derivative)


@compiled
def _add(out, y, h, b, k):
    """Write y + h sum_q b_q k_q over the seven stages; those to come have b_q = 0."""
    b0, b1, b2, b3, b4, b5, b6 = b[0], b[1], b[2], b[3], b[4], b[5], b[6]
    for r in range(y.size):
        early = b0 * k[0, r] + b1 * k[1, r] + b2 * k[2, r]
        out[r] = y[r] + h * (early + b3 * k[3, r] + b4 * k[4, r] + b5 * k[5, r] + b6 * k[6, r])


@compiled
def _error(k, h, E, zero, y, z, e, rtol, atol):
    """Return the largest error of a step over its tolerance, NaN if any is; `e` is overwritten."""
    _add(e, zero, h, E, k)
    worst = 0.0
    for r in range(y.size):
        x = abs(e[r]) / (atol + rtol * max(abs(y[r]), abs(z[r])))
        if not x <= worst:
            worst = x
            if x != x:
                break
    return worst


@compiled
def _largest(x, y, rtol, atol):
    worst = 0.0
    for r in range(y.size):
        worst = max(worst, abs(x[r]) / (atol + rtol * abs(y[r])))
    return worst
