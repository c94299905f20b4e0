"""Connections from a linear regression on all inputs at once, and decisions with few false ones.

    signal(t) = c + sum_j b_j (h * train_j)(t) + noise          h: the course of a response, of height 1

One coefficient an input, so that what the others do is no noise of it, as it is of a spike-triggered average.
`ridge` adds ridge * trace(X'X) / n to the diagonal of the normal equations. Noise is correlated in time, so
that errors are not those of least squares: the recording is cut into blocks, each gives coefficients, and p
is Student's t of their mean. h is a difference of exponentials, as `fit_double_exponential` finds it in an
average. Spikes of the neuron itself are no response to an input: clip the signal below them.

The false discovery rate: Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.units import NonNegative, ms, number

Array = NDArray[np.float64]

#: Decay constants after which a response has ended.
_LENGTH = 8.0


class Course(NamedTuple):
    """A delayed difference of exponentials on a constant: the fit of an average."""

    height: number  #: of its peak, in the unit of the signal; below zero where it points down
    delay: ms
    tau_rise: ms
    tau_fall: ms
    offset: number  #: before it

    def at(self, t: ArrayLike) -> Array:
        """Return the course at times (ms) after a spike."""
        shape = _shape(np.asarray(t, np.float64) - self.delay, self.tau_rise, self.tau_fall)
        return np.asarray(self.offset + self.height * shape, np.float64)


def _shape(t: Array, rise: ms, fall: ms) -> Array:
    """Return exp(-t / fall) - exp(-t / rise) of height 1 from t = 0 on; an alpha function if both are one."""
    t = np.maximum(t, 0.0)
    if abs(rise - fall) < 1e-6 * fall:
        return t / fall * np.exp(1.0 - t / fall)
    peak = np.log(fall / rise) * rise * fall / (fall - rise)
    top = np.exp(-peak / fall) - np.exp(-peak / rise)
    return np.asarray((np.exp(-t / fall) - np.exp(-t / rise)) / top)


def fit_double_exponential(sta: ArrayLike, dt: ms) -> Course:
    """Return the least-squares fit of a `Course` to an average over lags 0, dt, ... of a spike.

    Raises InputError for less than ten lags, or where nothing converges.
    """
    y = np.asarray(sta, np.float64)
    if y.ndim != 1 or len(y) < 10 or not np.isfinite(y).all():
        raise InputError(f"an average of shape {y.shape} is refused; allowed: ten finite lags at least")
    t = np.arange(len(y)) * dt
    off = y - np.median(y[-max(len(y) // 5, 1) :])
    peak = int(np.argmax(np.abs(off)))
    span = t[-1]
    start = (off[peak], 0.1 * t[max(peak, 1)], 0.5 * t[max(peak, 1)], 0.2 * span, y[0])

    def residuals(x: Array) -> Array:
        # of logarithms of both times, the shorter of which is the rise, so that none is negative
        times = np.exp(np.sort(x[2:4]))
        return Course(x[0], x[1], times[0], times[1], x[4]).at(t) - y

    x = np.array([*start[:2], np.log(start[2]), np.log(start[3]), start[4]])
    scale = np.array([max(np.ptp(y), 1e-300), span, 1.0, 1.0, max(np.ptp(y), 1e-300)])
    low = np.array([-np.inf, 0.0, np.log(0.1 * dt), np.log(0.1 * dt), -np.inf])
    high = np.array([np.inf, span, np.log(10.0 * span), np.log(10.0 * span), np.inf])
    found = scipy.optimize.least_squares(residuals, x, x_scale=scale, bounds=(low, high), max_nfev=2000)
    if not found.success:
        raise InputError(f"no course fits this average ({found.message}); allowed: one with a response")
    rise, fall = np.exp(np.sort(found.x[2:4]))
    return Course(*(float(value) for value in (found.x[0], found.x[1], rise, fall, found.x[4])))


def regress(
    signal: ArrayLike,
    trains: Sequence[ArrayLike],
    dt: ms,
    course: Course,
    ridge: NonNegative[number] = 0.0,
    n_blocks: int = 20,
) -> xr.Dataset:
    """Return the coefficient of each input, its error and p, along `input`.

    `signal` has samples every `dt`, `trains` hold times in ms, `course` what a spike does (its height and
    offset do not count). `coefficient` is the height of a response in the unit of the signal, `error` its
    standard error, `p_value` two-sided. Raises InputError for fewer blocks than two, or too short ones.
    """
    y, n = np.asarray(signal, np.float64), len(trains)
    if n_blocks < 2 or len(y) // n_blocks < 2 * (n + 1):
        raise InputError(
            f"n_blocks = {n_blocks} is refused for {len(y)} samples and {n} inputs; allowed: 2 or "
            f"more blocks of {2 * (n + 1)} samples at least"
        )
    if ridge < 0.0:
        raise InputError(f"ridge = {ridge:g} is refused; allowed: 0 or more")
    x = _responses(trains, len(y), dt, course)
    edges = np.linspace(0, len(y), n_blocks + 1).astype(int)
    blocks = [slice(a, b) for a, b in pairwise(edges)]
    b = np.stack([_solve(x[:, part], y[part], ridge) for part in blocks])
    mean, error = b.mean(axis=0), b.std(axis=0, ddof=1) / np.sqrt(n_blocks)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(mean) / error
    p = 2.0 * scipy.stats.t.sf(t, n_blocks - 1)
    return xr.Dataset(
        {
            "coefficient": ("input", mean, {"long_name": "height of the response to a spike"}),
            "error": ("input", error, {"long_name": "standard error of the height"}),
            "p_value": ("input", p, {"units": "1", "long_name": "probability without a connection"}),
        },
        {"input": np.arange(n)},
    )


def _responses(trains: Sequence[ArrayLike], n: int, dt: ms, course: Course) -> Array:
    """Return what each input would do to the signal with height 1, shape (inputs, n)."""
    length = min(n, int(np.ceil((course.delay + _LENGTH * course.tau_fall) / dt)) + 1)
    h = course._replace(height=1.0, offset=0.0).at(np.arange(length) * dt)
    counts = np.zeros((len(trains), n))
    for row, train in zip(counts, trains, strict=True):
        at = np.rint(np.asarray(train, np.float64) / dt).astype(np.int64)
        np.add.at(row, at[(at >= 0) & (at < n)], 1.0)
    return np.asarray(scipy.signal.oaconvolve(counts, h[np.newaxis], axes=1)[:, :n])


def _solve(x: Array, y: Array, ridge: number) -> Array:
    x = x - x.mean(axis=1, keepdims=True)
    normal: Any = x @ x.T
    normal[np.diag_indices_from(normal)] += ridge * np.trace(normal) / len(normal)
    return np.asarray(np.linalg.lstsq(normal, x @ (y - y.mean()), rcond=None)[0])


def discoveries(p: ArrayLike, q: number) -> NDArray[np.bool_]:
    """Return which p-values count where a share of at most q of what is found is false on average.

    By Benjamini and Hochberg: the largest k with p_(k) <= q k / m, and all p up to it. NaN counts as nothing.

    >>> discoveries([0.01, 0.04, 0.03, 0.5], 0.05).tolist()
    [True, False, False, False]
    """
    values = np.asarray(p, np.float64)
    known = np.isfinite(values)
    if not 0.0 <= q <= 1.0:
        raise InputError(f"q = {q:g} is refused; allowed: 0 to 1")
    ordered = np.sort(values[known])
    below = np.flatnonzero(ordered <= q * np.arange(1, len(ordered) + 1) / max(len(ordered), 1))
    limit = ordered[below[-1]] if len(below) else -1.0
    return known & (np.where(known, values, np.inf) <= limit)
