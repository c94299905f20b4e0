"""Designs and estimators of sensitivity analysis: the one file that knows SALib, an optional package.

Both designs are blocks of points in the unit cube that are analysed together: for d axes 2d + 2 points of
Saltelli's extension of a Sobol sequence (doi:10.1016/S0010-4655(02)00280-1), d + 1 of a trajectory of Morris
(doi:10.1080/00401706.1991.10484804). They follow one another, so a longer design begins with the shorter one.
"""

from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError

Unit = NDArray[np.float64]
#: Levels of an axis in a trajectory of Morris, whose steps are levels / (2 levels - 2) = 2/3.
LEVELS = 4
#: Bootstrap samples behind an interval.
_RESAMPLES = 500


def _salib(name: str, what: str) -> ModuleType:
    """Return a module of SALib; raise InputError where it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"SALib.{name}")
    except ImportError as error:
        raise InputError(
            f'{what} needs the package SALib; allowed: pip install "spikesweep[sensitivity]", or another '
            "sample.method"
        ) from error


def drawn_by() -> str:
    """Return which SALib draws here."""
    return f"SALib {version('SALib')}"


def _problem(d: int) -> dict[str, Any]:
    return {"num_vars": d, "names": [str(i) for i in range(d)], "bounds": [[0.0, 1.0]] * d}


def saltelli(n: int, d: int, seed: int) -> Unit:
    """Return n blocks of Saltelli's design, shape (n (2 d + 2), d)."""
    sample = _salib("sample.sobol", "sample.method = 'saltelli'").sample
    return np.asarray(sample(_problem(d), n, seed=np.random.default_rng(seed)), np.float64)


def morris(n: int, d: int, seed: int) -> Unit:
    """Return n trajectories of Morris, shape (n (d + 1), d)."""
    sample = _salib("sample.morris", "sample.method = 'morris'").sample
    rng = np.random.default_rng(seed)
    return np.asarray(sample(_problem(d), n, num_levels=LEVELS, seed=rng), np.float64)


def sobol_indices(y: NDArray[np.float64], d: int, level: float, seed: int) -> dict[str, NDArray[np.float64]]:
    """Return first-order, total and second-order indices of whole blocks with half-widths of intervals.

    `y` has the shape (blocks (2 d + 2),), first-order and total ones (d,), second-order ones (d, d), filled
    on both sides of the diagonal, which is NaN.
    """
    analyze = _salib("analyze.sobol", "sensitivity").analyze
    # SALib takes a seed of 0 for none
    found = analyze(_problem(d), y, num_resamples=_RESAMPLES, conf_level=level, seed=seed + 1)
    for name in ("S2", "S2_conf"):
        found[name] = np.where(np.isnan(found[name]), found[name].T, found[name])
    return {name: np.asarray(found[name]) for name in ("S1", "S1_conf", "ST", "ST_conf", "S2", "S2_conf")}


def morris_effects(
    x: Unit, y: NDArray[np.float64], level: float, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Return mean, mean of the absolute value and SD of elementary effects of whole trajectories, shape (d,).

    Effects are those of an axis from one end to the other: `x` is in the unit cube. Half-widths are of both
    means.
    """
    from scipy import stats  # late: it costs a second

    analyze, d = _salib("analyze.morris", "sensitivity").analyze, x.shape[1]
    more: dict[str, Any] = {"num_resamples": _RESAMPLES, "conf_level": level, "num_levels": LEVELS}
    found = analyze(_problem(d), x, y, seed=np.random.default_rng(seed), **more)
    n = len(y) // (d + 1)
    wide = stats.t.ppf(0.5 + level / 2, n - 1) * np.asarray(found["sigma"]) / np.sqrt(n)
    names = ("mu", "mu_star", "mu_star_conf", "sigma")
    return {name: np.asarray(found[name], np.float64) for name in names} | {"mu_conf": wide}
