"""Mean field of an excitatory and an inhibitory population with given transfer functions.

    T d nu_m / dt  = F_m - nu_m + 1/2 sum_ln c_ln d2F_m / d nu_l d nu_n
    T d c_ln / dt  = delta_ln F_l (1/T - F_l) / N_l + (F_l - nu_l) (F_n - nu_n)
                     + sum_m (c_lm dF_n / d nu_m + c_nm dF_l / d nu_m) - 2 c_ln
    d W_m / dt     = b nu_m + (a (mu_V - E_L) - W_m) / tau_w

El Boustani and Destexhe 2009, doi:10.1162/neco.2009.02-08-710; without c the first order of Zerlaut et al.
2018, doi:10.1007/s10827-017-0668-2; with W the adaptation of di Volo et al. 2019,
doi:10.1162/neco_a_01173. F_m is taken at the recurrent rates plus a drive and at the adaptation
current W_m.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spikesweep.analysis.semi_analytical import Array, TransferFunction
from spikesweep.units import PER_MS, Hz, ms, nS, number, pA

#: Step of the central differences (Hz), that of the original code.
_STEP = 1e-4
#: Rates (Hz) along an axis at which fixed points are looked for, denser towards zero.
_SEARCH = 301
_SAME = 1e-4  # Hz, roots closer than this are one


class Adaptation(NamedTuple):
    """Adaptation of one population."""

    a: nS
    b: pA
    tau_w: ms


class Drive(NamedTuple):
    """External rates (Hz) that excite each population."""

    exc: Any
    inh: Any

    @classmethod
    def of(cls, ext_drive: ArrayLike, stimulus: ArrayLike, exc_fraction: float) -> "Drive":
        """Return a drive of both populations and a stimulus that both share by `exc_fraction`."""
        A = np.asarray(stimulus)
        base = np.asarray(ext_drive)
        return cls(base + exc_fraction * A, base + (1.0 - exc_fraction) * A)


@dataclass(frozen=True)
class MeanField:
    """The equations. The state has the rows nu_e, nu_i (Hz), W_e, W_i (pA), then c_ee, c_ei, c_ii (Hz^2)."""

    exc: TransferFunction
    inh: TransferFunction
    T: ms  #: time constant of the Markovian formalism
    N: tuple[number, number]  #: cells of each population
    second_order: bool = False
    adaptation: tuple[Adaptation, Adaptation] | None = None
    spontaneous: Hz = 0.0  #: added to the excitatory rates

    def target(self, nu: Array, w: Array, drive: Drive) -> Array:
        """Return F of both populations, shape of `nu`: (2, ...)."""
        fe = [np.maximum(nu[0] + self.spontaneous + extra, 0.0) for extra in drive]
        fi = np.maximum(nu[1], 0.0)
        return np.stack([self.exc(fe[0], fi, w[0]), self.inh(fe[1], fi, w[1])])

    def initial(self, nu: tuple[Hz, Hz], c: float, shape: tuple[int, ...]) -> Array:
        """Return a state with these rates and covariances and no adaptation current."""
        rows = [*nu, 0.0, 0.0, c, c, c][: 7 if self.second_order else 4]
        return np.broadcast_to(np.reshape(rows, (-1, *[1] * len(shape))), (len(rows), *shape)).copy()

    def slope(self, y: Array, drive: Drive) -> Array:
        """Return the derivative of a state by time (per ms)."""
        nu, w = y[:2], y[2:4]
        slope = np.empty_like(y)
        if self.second_order:
            F, first, second = self._derivatives(nu, w, drive)
            c = np.stack([y[[4, 5]], y[[5, 6]]])
            # sums written out: the order in which einsum adds depends on how many points there are
            curvature = 0.5 * sum(c[k, n] * second[:, k, n] for k in range(2) for n in range(2))
            slope[:2] = (F - nu + curvature) / self.T
            slope[4:] = self._covariance_slope(F, first, nu, c)
        else:
            slope[:2] = (self.target(nu, w, drive) - nu) / self.T
        slope[2:4] = self._adaptation_slope(nu, w, drive)
        return slope

    def _covariance_slope(self, F: Array, first: Array, nu: Array, c: Array) -> Array:
        # first[m, l] is the derivative of F_m by nu_l
        spread = np.stack(
            [[c[k, 0] * first[n, 0] + c[k, 1] * first[n, 1] for n in range(2)] for k in range(2)]
        )
        error = F - nu
        full = error[:, np.newaxis] * error[np.newaxis] + spread + spread.swapaxes(0, 1) - 2.0 * c
        for k in range(2):
            full[k, k] += F[k] * (1.0 / (self.T * PER_MS) - F[k]) / self.N[k]
        return np.stack([full[0, 0], full[0, 1], full[1, 1]]) / self.T

    def _derivatives(self, nu: Array, w: Array, drive: Drive) -> tuple[Array, Array, Array]:
        """Return F and its first and second derivatives, shapes (2, ...), (2, 2, ...), (2, 2, 2, ...)."""
        unit = np.eye(2).reshape(2, 2, *[1] * (nu.ndim - 1)) * _STEP
        shifts = [0.0 * unit[0]]
        shifts += [sign * unit[k] for k in range(2) for sign in (1, -1)]
        shifts += [0.5 * (s0 * unit[0] + s1 * unit[1]) for s0 in (1, -1) for s1 in (1, -1)]
        stencil = np.stack([nu + shift for shift in shifts], axis=1)
        F = self.target(stencil, np.broadcast_to(w[:, np.newaxis], stencil.shape), drive)
        middle, right, left, up, down = (F[:, i] for i in range(5))
        first = np.stack([right - left, up - down], axis=1) / (2.0 * _STEP)
        mixed = (F[:, 5] - F[:, 6] - F[:, 7] + F[:, 8]) / _STEP**2
        ee, ii = ((a - 2.0 * middle + b) / _STEP**2 for a, b in ((right, left), (up, down)))
        return middle, first, np.stack([np.stack([ee, mixed], 1), np.stack([mixed, ii], 1)], 1)

    def _adaptation_slope(self, nu: Array, w: Array, drive: Drive) -> Array:
        if self.adaptation is None:
            return np.zeros_like(w)
        rows = []
        for k, p in enumerate(self.adaptation):
            mu_V = self.mu_V(nu, w, drive)[k]
            F = (self.exc, self.inh)[k]
            rows.append(p.b * nu[k] * PER_MS + (p.a * (mu_V - F.cell.E_L) - w[k]) / p.tau_w)
        return np.stack(rows)

    def mu_V(self, nu: Array, w: Array, drive: Drive) -> Array:
        """Return the mean potential (mV) of both populations."""
        fe = [np.maximum(nu[0] + self.spontaneous + extra, 0.0) for extra in drive]
        fi = np.maximum(nu[1], 0.0)
        return np.stack([self.exc.mu_V(fe[0], fi, w[0]), self.inh.mu_V(fe[1], fi, w[1])])

    def stationary_w(self, nu: Array, drive: Drive) -> Array:
        """Return the adaptation current (pA) at which dW/dt vanishes; mu_V is linear in W."""
        if self.adaptation is None:
            return np.zeros_like(nu)
        none = np.zeros_like(nu)
        free = self.mu_V(nu, none, drive)
        per_pA = self.mu_V(nu, none + 1.0, drive) - free
        rows = []
        for k, p in enumerate(self.adaptation):
            E_L = (self.exc, self.inh)[k].cell.E_L
            kick = p.b * p.tau_w * nu[k] * PER_MS
            rows.append((kick + p.a * (free[k] - E_L)) / (1.0 - p.a * per_pA[k]))
        return np.stack(rows)


def integrate(
    model: MeanField, y: Array, drives: Any, dt: ms, n_steps: int, keep: NDArray[np.int64]
) -> Array:
    """Return the states at the steps `keep`, shape (len(keep), *y.shape), by Runge-Kutta of order 4.

    `drives(t)` is the drive at a time (ms) after the start.
    """
    kept = np.empty((len(keep), *y.shape))
    for step in range(n_steps + 1):
        kept[keep == step] = y
        if step == n_steps:
            break
        t = step * dt
        k1 = model.slope(y, drives(t))
        k2 = model.slope(y + 0.5 * dt * k1, drives(t + 0.5 * dt))
        k3 = model.slope(y + 0.5 * dt * k2, drives(t + 0.5 * dt))
        k4 = model.slope(y + dt * k3, drives(t + dt))
        y = y + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return kept


def fixed_points(model: MeanField, drive: Drive, max_rate: Hz) -> tuple[Array, Array]:
    """Return all first-order fixed points up to `max_rate` and their growth rates.

    Rates (Hz) in rising order of the excitatory one, shape (points, 2); the largest real part of the
    Jacobian's eigenvalues (per ms), shape (points,): negative where stable. Every cell of a fine grid in
    which both equations change sign is refined.
    """

    def excess(nu: Array) -> Array:
        return model.target(nu, model.stationary_w(nu, drive), drive) - nu

    axis = max_rate * np.linspace(0.0, 1.0, _SEARCH) ** 2
    above = excess(np.stack(np.meshgrid(axis, axis, indexing="ij"))) >= 0.0
    corners = np.stack([above[:, i : _SEARCH - 1 + i, j : _SEARCH - 1 + j] for i in (0, 1) for j in (0, 1)])
    changes = (corners.any(axis=0) & ~corners.all(axis=0)).all(axis=0)
    found: list[Array] = []
    for i, j in np.argwhere(changes):
        start = np.array([axis[i] + axis[i + 1], axis[j] + axis[j + 1]]) / 2.0
        solution = scipy.optimize.root(excess, start, tol=1e-12)
        nu = np.maximum(solution.x, 0.0)
        size = 4.0 * np.array([axis[i + 1] - axis[i], axis[j + 1] - axis[j]])
        is_root = np.abs(excess(nu)).max() < 1e-8 and (np.abs(nu - start) <= size).all()
        if is_root and all(np.abs(nu - other).max() > _SAME for other in found):
            found.append(nu)
    found.sort(key=lambda nu: float(nu[0]))
    rates = np.array(found).reshape(-1, 2)
    return rates, np.array([_growth(model, nu, drive) for nu in rates])


def _growth(model: MeanField, nu: Array, drive: Drive) -> float:
    """Return the largest real part of the Jacobian's eigenvalues (per ms) of the first-order equations."""
    w = model.stationary_w(nu, drive)
    n = 2 if model.adaptation is None else 4
    y = np.concatenate([nu, w])
    first = MeanField(model.exc, model.inh, model.T, model.N, False, model.adaptation, model.spontaneous)
    columns = []
    for k in range(n):
        shift = np.zeros(4)
        shift[k] = _STEP
        columns.append((first.slope(y + shift, drive) - first.slope(y - shift, drive))[:n] / (2.0 * _STEP))
    return float(np.linalg.eigvals(np.stack(columns, axis=1)).real.max())
