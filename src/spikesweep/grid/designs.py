"""Designs of samples: points in the unit cube, by what they are good for. Each knows how it grows.

All but the plain Latin hypercube grow: a longer design begins with the shorter one, so a store that holds
the shorter one has those points already. Random and nested designs are drawn from the bits of Philox, which
NumPy promises to keep (what `Generator` makes of them it may change).

The nested Latin hypercube doubles: of the 2n parts of each axis n hold a point already, and each of the n
others gets a new one, in random order (Sallaberry, Helton and Hora 2008, doi:10.1016/j.ress.2007.04.005). So
every power of 2 of its points is a Latin hypercube. A plain one of 256 points holds one of 64 never but by
chance: each of its 256 parts would have to be met by one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError

Unit = NDArray[np.float64]
#: Levels of each axis that trajectories of Morris move on.
LEVELS = 4
#: Bits of a number of 0 .. 1.
_BITS = 53


def _sobol(n: int, d: int, seed: int) -> Unit:
    from scipy.stats import qmc  # late: it costs a second

    return np.asarray(qmc.Sobol(d, rng=np.random.default_rng(seed)).random(n))


def _latin_hypercube(n: int, d: int, seed: int) -> Unit:
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(d, rng=np.random.default_rng(seed)).random(n))


def _drawn(philox: np.random.Philox, n: int, d: int) -> NDArray[np.int64]:
    """Return the next n x d whole numbers of _BITS bits."""
    return (philox.random_raw(n * d) >> np.uint64(64 - _BITS)).astype(np.int64).reshape(n, d)


def _random(n: int, d: int, seed: int) -> Unit:
    return _drawn(np.random.Philox(seed), n, d) * 2.0**-_BITS


def _nested(n: int, d: int, seed: int) -> Unit:
    philox = np.random.Philox(seed)
    points = _drawn(philox, 1, d)
    while len(points) < n:
        parts = 2 * len(points)
        width = _BITS - (parts.bit_length() - 1)  # bits of a place within one of the parts
        order, inside = (_drawn(philox, len(points), d) for _ in range(2))
        new = inside >> (_BITS - width)
        for axis in range(d):
            free = np.setdiff1d(np.arange(parts), points[:, axis] >> width)
            new[:, axis] |= free[np.argsort(order[:, axis], kind="stable")] << width
        points = np.concatenate([points, new])
    return points * 2.0**-_BITS


def _saltelli(n: int, d: int, seed: int) -> Unit:
    return np.asarray(salib("sample.sobol").sample(problem(d), n, seed=seed))


def _morris(n: int, d: int, seed: int) -> Unit:
    return np.asarray(salib("sample.morris").sample(problem(d), n, num_levels=LEVELS, seed=seed))


@dataclass(frozen=True)
class Design:
    """A way to fill the unit cube."""

    points: Callable[[int, int, int], Unit]  #: of sample.num, dimensions and seed; shape (points, dimensions)
    size: Callable[[int, int], int]  #: points, of sample.num and dimensions
    powers: str = ""  #: why sample.num has to be a power of 2
    grows: bool = True  #: begins with the points of a shorter one
    indices: bool = False  #: made for sensitivity indices: needs every point of it


def _each(n: int, _: int) -> int:
    return n


#: All designs, as `sample.method` names them.
DESIGNS = {
    "latin_hypercube": Design(_latin_hypercube, _each, grows=False),
    "nested_latin_hypercube": Design(_nested, _each, "a nested Latin hypercube doubles"),
    "sobol": Design(_sobol, _each, "a Sobol sample is even for powers of 2"),
    "random": Design(_random, _each),
    "saltelli": Design(
        _saltelli, lambda n, d: n * (2 * d + 2), "a Sobol sample is even for powers of 2", indices=True
    ),
    "morris": Design(_morris, lambda n, d: n * (d + 1), indices=True),
}


def unit_points(method: str, num: int, n_axes: int, seed: int) -> Unit:
    """Return the points of a design, shape (points, axes); raise InputError for a number it cannot have."""
    design = DESIGNS[method]
    if design.powers and num & (num - 1):
        powers = f"{2 ** int(log2(num))} or {2 ** ceil(log2(num))}"
        raise InputError(f"sample.num = {num}: {design.powers}; allowed: {powers}")
    if design.indices and (num < 2 or n_axes < 2):
        raise InputError(
            f"sample.method = {method!r} with sample.num = {num} and {n_axes} ranges has no indices; "
            "allowed: two at least of both"
        )
    return design.points(num, n_axes, seed)


def problem(n_axes: int) -> dict[str, Any]:
    """Return the unit cube as SALib describes it."""
    names = [f"x{i}" for i in range(n_axes)]
    return {"num_vars": n_axes, "names": names, "bounds": [[0.0, 1.0]] * n_axes}


def salib(name: str) -> Any:
    """Return a module of SALib; raise InputError where it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"SALib.{name}")
    except ImportError as error:
        raise InputError(
            f"sensitivity needs SALib, which cannot be imported ({error}); allowed: "
            'pip install "spikesweep[sensitivity]"'
        ) from error
