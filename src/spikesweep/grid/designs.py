"""Designs of samples: points in the unit cube, by what they are good for. Each knows how it grows.

All but the plain Latin hypercube grow: a longer design begins with the shorter one, so a store that holds
the shorter one has those points already. Random and nested designs are drawn from the bits of Philox, which
NumPy promises to keep (what `Generator` makes of them it may change).

The nested Latin hypercube doubles: of the 2n parts of each axis n hold a point already, and each of the n
others gets a new one, in random order (Sallaberry, Helton and Hora 2008, doi:10.1016/j.ress.2007.04.005). So
every power of 2 of its points is a Latin hypercube. A plain one of 256 points holds one of 64 never but by
chance: each of its 256 parts would have to be met by one of them.

Those of sensitivity analysis are drawn in blocks of several points (`grid.salib`): `sample.num` counts these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid import salib

Unit = NDArray[np.float64]
#: Bits of a number of 0 .. 1.
_BITS = 53


def _sobol(n: int, d: int, seed: int) -> Unit:
    from scipy.stats import qmc  # late: it costs a second

    return np.asarray(qmc.Sobol(d, rng=np.random.default_rng(seed)).random(n), np.float64)


def _latin_hypercube(n: int, d: int, seed: int) -> Unit:
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(d, rng=np.random.default_rng(seed)).random(n), np.float64)


def _drawn(philox: np.random.Philox, n: int, d: int) -> NDArray[np.int64]:
    """Return the next n x d whole numbers of _BITS bits."""
    return (philox.random_raw(n * d) >> np.uint64(64 - _BITS)).astype(np.int64).reshape(n, d)


def _random(n: int, d: int, seed: int) -> Unit:
    return np.asarray(_drawn(np.random.Philox(seed), n, d) * 2.0**-_BITS, np.float64)


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
    return np.asarray(points * 2.0**-_BITS, np.float64)


@dataclass(frozen=True)
class Design:
    """A way to fill the unit cube."""

    points: Callable[[int, int, int], Unit]  #: of sample.num, dimensions and seed; shape (points, dimensions)
    powers: str = ""  #: why sample.num has to be a power of 2
    grows: bool = True  #: begins with the points of a shorter one
    rows: Callable[[int], int] = lambda d: 1  #: points that `num` counts as one, of the number of axes
    blocks: str = ""  #: what these are called, where points are analysed in blocks
    drawn_by: Callable[[], str] | None = None  #: the package, and its version, that it needs


#: All designs, as `sample.method` names them.
DESIGNS = {
    "latin_hypercube": Design(_latin_hypercube, grows=False),
    "nested_latin_hypercube": Design(_nested, "a nested Latin hypercube doubles"),
    "sobol": Design(_sobol, "a Sobol sample is even for powers of 2"),
    "random": Design(_random),
    "saltelli": Design(
        salib.saltelli,
        "a design of Saltelli is of Sobol points, even for powers of 2",
        rows=lambda d: 2 * d + 2,
        blocks="blocks",
        drawn_by=salib.drawn_by,
    ),
    "morris": Design(salib.morris, rows=lambda d: d + 1, blocks="trajectories", drawn_by=salib.drawn_by),
}


def unit_points(method: str, num: int, n_axes: int, seed: int) -> Unit:
    """Return the points of a design, shape (points, axes); raise InputError for a number it cannot have."""
    design = DESIGNS[method]
    if design.blocks and num < 2:
        raise InputError(f"sample.num = {num}: {method} needs 2 {design.blocks} at least")
    if design.powers and num & (num - 1):
        powers = f"{2 ** int(log2(num))} or {2 ** ceil(log2(num))}"
        raise InputError(f"sample.num = {num}: {design.powers}; allowed: {powers}")
    return design.points(num, n_axes, seed)
