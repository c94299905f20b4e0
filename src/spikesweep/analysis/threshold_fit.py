"""Coefficients of the effective threshold from the rates of one population, as arrays.

The published procedure (Zerlaut et al. 2018, doi:10.1007/s10827-017-0668-2) fits the threshold by SLSQP,
then the rate by Nelder-Mead; it stops early, and where depends on the version of SciPy. `robust` begins
at the linear least-squares solution of the threshold and minimises the rates' residuals with the analytic
Jacobian.
"""

from typing import Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.analysis.semi_analytical import Array, Moments, effective_threshold, rate, rate_slope
from spikesweep.errors import InputError

Loss = Literal["linear", "soft_l1"]
_TO_V = 1e-3  # mV


class Points(NamedTuple):
    """The data of one population, flat."""

    population: str
    moments: Moments
    terms: Array  #: shape (points, terms)
    rate: Array  #: Hz
    error: Array  #: Hz, standard error of each rate, ones without weights


def rmse(points: Points, coefficients: Array) -> float:
    """Return the root mean square of the rates' residuals (Hz), without weights."""
    residual = rate(points.moments, points.terms @ coefficients) - points.rate
    return float(np.sqrt(np.mean(residual**2)))


def _start(points: Points) -> Array:
    """Return the least-squares solution of the effective threshold, which is linear in the coefficients."""
    threshold = effective_threshold(points.moments, points.rate)
    fires = (points.rate > 0.0) & np.isfinite(threshold)
    _refuse_few(points, fires, points.terms.shape[1])
    return np.asarray(np.linalg.lstsq(points.terms[fires], threshold[fires], rcond=None)[0])


def _refuse_few(points: Points, fires: NDArray[np.bool_], least: int) -> None:
    """Raise InputError where fewer points fire: those at which a cell is silent say too little."""
    if np.count_nonzero(fires) < least:
        raise InputError(
            f"{points.population} fires at {np.count_nonzero(fires)} points, for {points.terms.shape[1]} "
            f"coefficients; allowed: at {least} or more: more values of fe and fi where it does, or fewer "
            "terms, fit(ds, logarithm=False, squares=False)"
        )


def _penalty(points: Points, ridge: float) -> Array:
    return ridge * np.eye(points.terms.shape[1])[1:]


def _residual(points: Points, p: Array) -> Array:
    return (rate(points.moments, points.terms @ p) - points.rate) / points.error


def _jacobian(points: Points, p: Array) -> Array:
    slope = rate_slope(points.moments, points.terms @ p) / points.error
    return np.asarray(slope[:, np.newaxis] * points.terms)


def robust(points: Points, loss: Loss, loss_scale: float, ridge: float) -> Array:
    """Return the coefficients (mV) that minimise the loss of the rates' residuals.

    Each coefficient but the constant is one more residual, `ridge` times itself.
    """
    penalty = _penalty(points, ridge)

    def residuals(p: Array) -> Array:
        return np.concatenate([_residual(points, p), penalty @ p])

    found = scipy.optimize.least_squares(
        residuals,
        _start(points),
        jac=lambda p: np.concatenate([_jacobian(points, p), penalty]),
        x_scale="jac",
        loss=loss,
        f_scale=loss_scale,
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
        max_nfev=2000,
    )
    if found.status <= 0:
        raise InputError(f"the fit did not converge: {found.message}")
    return np.asarray(found.x)


def published(points: Points) -> Array:
    """Return the coefficients (mV) of the original's two stages, with its tolerances, in V."""
    threshold = effective_threshold(points.moments, points.rate) * _TO_V
    fires = points.rate > 0.0
    _refuse_few(points, fires, 1)
    start = np.zeros(points.terms.shape[1])
    start[0] = threshold[fires].mean()
    start[1:5] = 1e-3

    def of_threshold(p: Array) -> float:
        return float(np.mean((threshold[fires] - points.terms[fires] @ p) ** 2))

    def of_rate(p: Array) -> float:
        return rmse(points, p / _TO_V) ** 2

    first = scipy.optimize.minimize(
        of_threshold, start, method="SLSQP", options={"ftol": 1e-8, "maxiter": 40_000}
    )
    options = {"xatol": 1e-5, "maxiter": 10_000}
    second = scipy.optimize.minimize(of_rate, first.x, method="nelder-mead", options=options)
    return np.asarray(second.x / _TO_V)


def uncertainty(points: Points, p: Array, loss: Loss, loss_scale: float, ridge: float) -> tuple[Array, float]:
    """Return the covariance (mV^2) of coefficients and the condition number of their Jacobian.

    Gauss-Newton: the inverse of J^T J, residuals weighted as the loss does and the penalty among them, times
    the variance of the rates' residuals.
    """
    residual = _residual(points, p)
    z = (residual / loss_scale) ** 2
    influence = np.ones_like(z) if loss == "linear" else (1.0 + z) ** -0.5
    jacobian = _jacobian(points, p) * np.sqrt(influence)[:, np.newaxis]
    jacobian = np.concatenate([jacobian, _penalty(points, ridge)])
    free = len(residual) - len(p)
    variance = np.sum(influence * residual**2) / max(free, 1)
    _, size, rows = np.linalg.svd(jacobian, full_matrices=False)
    scaled = rows / size[:, np.newaxis]
    return scaled.T @ scaled * variance, float(size[0] / size[-1])
