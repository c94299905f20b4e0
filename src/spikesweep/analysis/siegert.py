"""Theory of leaky integrate-and-fire cells under white noise, and of the network of Brunel 2000 made of them.

A cell tau_m dV/dt = mu - V + sigma sqrt(tau_m) xi(t), from V_reset to V_th, held for t_ref: its rate is
Siegert's (1951, doi:10.1103/PhysRev.81.617), here as equation 21 of Brunel 2000
(doi:10.1023/A:1008925309027), and its intervals have the CV of that paper's appendix A.1:

    1 / rate = t_ref + tau_m sqrt(pi) int_a^b exp(u^2) (1 + erf u) du,   a, b = (V_reset, V_th - mu) / sigma
    CV^2     = 2 pi (rate tau_m)^2 int_a^b exp(x^2) int_-inf^x exp(y^2) (1 + erf y)^2 dy dx

`sigma` is Brunel's: sqrt(2) times the SD of a potential without threshold. Both integrals grow like
exp(V_th^2 / sigma^2); they are computed without that factor, so nothing overflows.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import erfc, erfcx

from spikesweep.errors import InputError
from spikesweep.units import PER_MS, Hz, ms, mV, number

Array = NDArray[np.float64]

#: Nodes and weights on 0 .. 1; with 96 both integrals are as exact as numbers allow.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_NODES, _WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0
#: Rates (Hz) below which no solution of the network is looked for.
_LEAST = 1e-12
_SCANNED = 4000


def _downwards(top: Array, length: Array, width: Array) -> tuple[Array, Array]:
    """Return nodes and weights from `top` down over `length`, densest within `width` of the top."""
    t = np.log1p(length / width)[..., np.newaxis]
    inner = width[..., np.newaxis] * np.exp(t * _NODES)
    return top[..., np.newaxis] - (inner - width[..., np.newaxis]), inner * t * _WEIGHTS


def _bounds(mu: ArrayLike, sigma: ArrayLike, V_th: ArrayLike, V_reset: ArrayLike) -> tuple[Array, Array]:
    mu, sigma, high, low = np.broadcast_arrays(*(np.asarray(x, float) for x in (mu, sigma, V_th, V_reset)))
    if not (sigma > 0.0).all():
        raise InputError(f"sigma = {sigma.min():g} mV is refused; allowed: above 0")
    if not (high > low).all():
        raise InputError(f"V_reset = {low.max():g} mV is refused; allowed: below V_th, {high.min():g} mV")
    return (low - mu) / sigma, (high - mu) / sigma


def _first(a: Array, b: Array) -> Array:
    """Return the integral of the rate times exp(-b^2) where b is positive."""
    u, du = _downwards(b, b - a, 1.0 / (1.0 + 2.0 * abs(b)))
    top = np.maximum(b, 0.0)[..., np.newaxis]
    above = np.exp(np.minimum(u * u - top * top, 0.0)) * erfc(-np.maximum(u, 0.0))
    below = erfcx(-np.minimum(u, 0.0)) * np.exp(-top * top)
    integral: Array = (np.where(u > 0.0, above, below) * du).sum(axis=-1)
    return integral


def _second(a: Array, b: Array) -> Array:
    """Return the integral of the CV times exp(-2 b^2) where b is positive."""
    x, dx = _downwards(b, b - a, 1.0 / (1.0 + 4.0 * abs(b)))
    # y, from x down to where nothing is left; its integrand comes times exp(x^2), or exp(-x^2) for positive x
    y, dy = _downwards(x, np.maximum(x, 0.0) + 8.0, 1.0 / (1.0 + 2.0 * abs(x)))
    squared = x[..., np.newaxis] ** 2
    rising = np.exp(np.minimum(y * y - squared, 0.0)) * erfc(-np.maximum(y, 0.0)) ** 2
    falling = np.exp(np.where(x[..., np.newaxis] > 0.0, -1.0, 1.0) * squared - y * y)
    falling = falling * erfcx(-np.minimum(y, 0.0)) ** 2
    inner = (np.where(y > 0.0, rising, falling) * dy).sum(axis=-1)
    top = 2.0 * np.maximum(b, 0.0)[..., np.newaxis] ** 2
    integral: Array = (inner * np.exp(2.0 * np.maximum(x, 0.0) ** 2 - top) * dx).sum(axis=-1)
    return integral


def siegert_rate(
    mu: ArrayLike, sigma: ArrayLike, tau_m: ms, V_th: ArrayLike, V_reset: ArrayLike, t_ref: ms
) -> Any:
    """Return the rate (Hz) of cells whose input has mean `mu` and SD `sigma` (mV); arrays broadcast."""
    a, b = _bounds(mu, sigma, V_th, V_reset)
    small = np.exp(-(np.maximum(b, 0.0) ** 2))
    return small / (t_ref * small + tau_m * np.sqrt(np.pi) * _first(a, b)) / PER_MS


def siegert_cv(
    mu: ArrayLike, sigma: ArrayLike, tau_m: ms, V_th: ArrayLike, V_reset: ArrayLike, t_ref: ms
) -> Any:
    """Return the coefficient of variation of the intervals of such cells, from 0 to 1; arrays broadcast."""
    a, b = _bounds(mu, sigma, V_th, V_reset)
    held = t_ref / tau_m * np.exp(-(np.maximum(b, 0.0) ** 2))
    return np.sqrt(2.0 * np.pi * _second(a, b)) / (held + np.sqrt(np.pi) * _first(a, b))


def brunel_input(
    nu: ArrayLike, J: mV, g: number, C_E: number, gamma: number, nu_ext: Hz, tau_m: ms
) -> tuple[Any, Any]:
    """Return mean and SD (mV) of the input of a cell in Brunel's network whose cells have the rate `nu` (Hz).

    C_E excitatory inputs of weight J from within, as many from outside at `nu_ext`, gamma C_E inhibitory ones
    of weight -g J.
    """
    nu = np.asarray(nu, float)
    mean = C_E * J * tau_m * PER_MS * (nu_ext + nu * (1.0 - g * gamma))
    return mean, np.sqrt(C_E * J * J * tau_m * PER_MS * (nu_ext + nu * (1.0 + g * g * gamma)))


def brunel_rates(
    J: mV,
    g: number,
    C_E: number,
    gamma: number,
    nu_ext: Hz,
    tau_m: ms = 20.0,
    V_th: mV = 20.0,
    V_reset: mV = 10.0,
    t_ref: ms = 2.0,
) -> Array:
    """Return every self-consistent rate (Hz) of Brunel's network of equal cells, the lowest first.

    Rates near the first, third, ... lead back to it, and rates near the second, fourth, ... away from it: the
    last is always of the stable kind, though a common oscillation may still grow around it. Potentials count
    from rest. Raises InputError where a number cannot be.
    """
    values = {"J": J, "C_E": C_E, "nu_ext": nu_ext, "tau_m": tau_m, "t_ref": t_ref}
    for name, value in values.items():
        if not 0.0 < value < np.inf:
            raise InputError(f"{name} = {value} is refused; allowed: above 0")

    def excess(nu: Any) -> Any:
        inputs = brunel_input(nu, J, g, C_E, gamma, nu_ext, tau_m)
        return siegert_rate(*inputs, tau_m, V_th, V_reset, t_ref) - nu

    most = 1.0 / (t_ref * PER_MS)
    tried = np.unique([*np.geomspace(_LEAST, most, _SCANNED), *np.linspace(_LEAST, most, _SCANNED)])
    left = excess(tried)
    if left[0] <= 0.0:  # silent but for spikes once in 10 000 years
        return np.concatenate([[0.0], _crossings(excess, tried, left)])
    return _crossings(excess, tried, left)


def _crossings(excess: Any, tried: Array, left: Array) -> Array:
    places = np.flatnonzero(np.signbit(left[1:]) != np.signbit(left[:-1]))
    return np.array([brentq(excess, tried[k], tried[k + 1], xtol=1e-14, rtol=1e-13) for k in places])
