"""Compiled integrators of rate systems: classical Runge-Kutta with fixed steps, and adaptive RK45.

The adaptive one is the pair of Dormand and Prince 1980, doi:10.1016/0771-050X(80)90013-3, with the dense
output of Shampine 1986, doi:10.2307/2008219, as in SciPy's RK45. Departure from SciPy: the error of a step
is the largest over the states, not their root mean square, so that a cell that nothing connects to the
others does not change their steps.

A solution holds, for each sample, all states and then the current into each cell (nA).
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.jit import compiled
from spikesweep.kernels.rate_system import LANES, System, derivative_for, pack
from spikesweep.units import ms

Array = NDArray[np.float64]

#: Steps of a solution that finds no step small enough; its rest is NaN.
_MAX_STEPS = 1_000_000
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
#: The first step, as a fraction of the state's own time or, where it is zero, of the whole time.
_FIRST = 1e-3

_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_E = np.array([-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40])
_P = np.array(
    [
        [1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)


def solve_fixed(system: System, duration: ms, n_samples: int, dt: ms) -> Array:
    """Return the solution at equally spaced samples, both ends included, with steps of at most `dt`.

    Shape (points, states and cells, samples).
    """
    spacing = duration / (n_samples - 1)
    substeps = int(np.ceil(spacing / dt - 1e-9))
    run = _fixed_loop()
    return _solve(system, LANES, n_samples, lambda *parts: run(*parts, substeps, spacing / substeps))


def solve_adaptive(system: System, duration: ms, n_samples: int, rtol: float, atol: float) -> Array:
    """Return the solution at equally spaced samples, both ends included, to tolerances (mV, nA, Hz).

    Shape (points, states and cells, samples).
    """
    times = np.linspace(0.0, duration, n_samples)
    run = _adaptive_loop()
    return _solve(system, 1, n_samples, lambda *parts: run(*parts, times, rtol, atol, _A, _E, _P))


def _solve(system: System, lanes: int, n_samples: int, run: Any) -> Array:
    packed = pack(system, lanes)
    rows = system.n_states + system.n_cells
    n_points = len(system.populations[0].v_rest)
    solution = np.empty((len(packed.state) * lanes, rows, n_samples))
    trace = np.empty((n_samples, rows, lanes))
    drives = sum(len(link.weights) for link in system.links)
    largest = max(system.n_cells, *(max(link.weights.shape[:2]) for link in system.links))
    # total, drive, scratch: written before they are read
    work = [np.empty(n * lanes) for n in (system.n_cells, drives, largest)]
    for g, state in enumerate(packed.state):
        parts = (packed.cells, packed.table, packed.cell_values[g], packed.link_values[g], packed.weights[g])
        run(trace.reshape(-1), state, *work, packed.rates[g], *parts)
        solution[g * lanes : (g + 1) * lanes] = trace.transpose(2, 1, 0)
    return solution[:n_points]


@cache
def _fixed_loop() -> Any:
    derivative = derivative_for(LANES)

    @compiled
    def solve(
        trace,
        y,
        total,
        drive,
        scratch,
        rates,
        cells,
        table,
        cell_values,
        link_values,
        weights,
        substeps,
        h,
    ):
        n, m = y.size, total.size
        k, mean, z = np.empty(n), np.empty(n), np.empty(n)
        fixed = (total, drive, scratch, rates, cells, table, cell_values, link_values, weights)
        n_samples = trace.size // (n + m)
        for sample in range(n_samples):
            derivative(y, k, *fixed, sample == 0)
            for r in range(n):
                trace[sample * (n + m) + r] = y[r]
            for r in range(m):
                trace[sample * (n + m) + n + r] = total[r]
            if sample == n_samples - 1:
                break
            for step in range(substeps):
                if step > 0:
                    derivative(y, k, *fixed, False)
                for r in range(n):
                    mean[r] = k[r]
                    z[r] = y[r] + 0.5 * h * k[r]
                derivative(z, k, *fixed, False)
                for r in range(n):
                    mean[r] += 2.0 * k[r]
                    z[r] = y[r] + 0.5 * h * k[r]
                derivative(z, k, *fixed, False)
                for r in range(n):
                    mean[r] += 2.0 * k[r]
                    z[r] = y[r] + h * k[r]
                derivative(z, k, *fixed, False)
                for r in range(n):
                    y[r] += h / 6.0 * (mean[r] + k[r])

    return solve


@compiled
def _error(k, h, E, y, z, rtol, atol):
    """Return the largest error of a step over its tolerance."""
    worst = 0.0
    for r in range(y.size):
        e = 0.0
        for q in range(7):
            e += E[q] * k[q, r]
        x = abs(h * e) / (atol + rtol * max(abs(y[r]), abs(z[r])))
        if not x <= worst:  # also where x is NaN
            worst = x
    return worst


@compiled
def _largest(x, y, rtol, atol):
    worst = 0.0
    for r in range(y.size):
        worst = max(worst, abs(x[r]) / (atol + rtol * abs(y[r])))
    return worst


@cache
def _adaptive_loop() -> Any:
    derivative = derivative_for(1)

    @compiled
    def solve(
        trace,
        y,
        total,
        drive,
        scratch,
        rates,
        cells,
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
        n, m = y.size, total.size
        fixed = (total, drive, scratch, rates, cells, table, cell_values, link_values, weights)
        k, z, at = np.empty((7, n)), np.empty(n), np.empty(n)
        trace[:] = np.nan
        derivative(y, k[0], *fixed, True)
        for r in range(n):
            trace[r] = y[r]
        for r in range(m):
            trace[n + r] = total[r]
        t, end, sample = 0.0, times[-1], 1
        size, slope = _largest(y, y, rtol, atol), _largest(k[0], y, rtol, atol)
        h = _FIRST * (size / slope if size > 1.0 and slope > 0.0 else end)
        for _ in range(_MAX_STEPS):
            h = min(h, end - t)
            for q in range(1, 7):
                for r in range(n):
                    x = 0.0
                    for p in range(q):
                        x += A[q, p] * k[p, r]
                    z[r] = y[r] + h * x
                derivative(z, k[q], *fixed, False)
            error = _error(k, h, E, y, z, rtol, atol)
            if not error <= 1.0:  # also where it is NaN
                h *= max(_SHRINK, _SAFETY * error**-0.2) if error > 1.0 else _SHRINK
                if t + h == t:
                    break
                continue
            t_new = t + h if end - t > h else end
            while sample < times.size and times[sample] <= t_new:
                _interpolate(at, (times[sample] - t) / h, h, y, k, P)
                derivative(at, z, *fixed, False)  # z is not needed any more: only `total` is
                for r in range(n):
                    trace[sample * (n + m) + r] = at[r]
                for r in range(m):
                    trace[sample * (n + m) + n + r] = total[r]
                sample += 1
            for r in range(n):
                x = 0.0
                for p in range(6):
                    x += A[6, p] * k[p, r]
                y[r] += h * x
                k[0, r] = k[6, r]
            t = t_new
            if t == end:
                break
            h *= min(_GROW, _SAFETY * error**-0.2) if error > 0.0 else _GROW

    return solve


@compiled
def _interpolate(out, x, h, y, k, P):
    for r in range(y.size):
        total = 0.0
        for q in range(7):
            total += k[q, r] * (x * (P[q, 0] + x * (P[q, 1] + x * (P[q, 2] + x * P[q, 3]))))
        out[r] = y[r] + h * total
