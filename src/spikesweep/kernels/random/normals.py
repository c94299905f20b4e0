"""Normal random numbers, keyed by labels, with the same bits on every processor.

Box and Muller 1958, doi:10.1214/aoms/1177706645: the two numbers of counter i are
    sqrt(-2 log u) cos(2 pi v),  sqrt(-2 log u) sin(2 pi v)
with u and v from Philox. The polynomials of sine and cosine are those of fdlibm (k_sin.c, k_cos.c).
"""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import compiled, kept
from spikesweep.kernels.compile.vector_math import log
from spikesweep.kernels.random.draws import two_uniforms

_TURN = 2.0 * np.pi


@compiled
def of_turns(turns):
    """Return cosine and sine of an angle in turns, from 0 to 1."""
    quarter = np.floor(4.0 * turns + 0.5)
    x = (turns - 0.25 * quarter) * _TURN  # the difference is exact
    z = x * x
    c = 1.0 + z * (
        -0.5
        + z
        * (
            4.16666666666666019037e-02
            + z
            * (
                -1.38888888888741095749e-03
                + z
                * (
                    2.48015872894767294178e-05
                    + z
                    * (
                        -2.75573143513906633035e-07
                        + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)
                    )
                )
            )
        )
    )
    s = x + x * z * (
        -1.66666666666666324348e-01
        + z
        * (
            8.33333333332248946124e-03
            + z
            * (
                -1.98412698298579493134e-04
                + z
                * (
                    2.75573137070700676789e-06
                    + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)
                )
            )
        )
    )
    odd = (quarter == 1.0) | (quarter == 3.0)
    cosine, sine = s if odd else c, c if odd else s
    cosine = -cosine if (quarter == 1.0) | (quarter == 2.0) else cosine
    sine = -sine if (quarter == 2.0) | (quarter == 3.0) else sine
    return cosine, sine


@compiled
def normal_pair(u, v):
    """Return two independent standard normals from two uniforms in (0, 1)."""
    radius = np.sqrt(-2.0 * log(u))
    cosine, sine = of_turns(v)
    return radius * cosine, radius * sine


@kept
def fill_normals(out, key, first):
    """Write the normals number first, first + 1, ... of a key to `out`; `first` is even."""
    for i in range((len(out) + 1) // 2):
        u, v = two_uniforms(key, first // 2 + i, 0)
        a, b = normal_pair(u, v)
        out[2 * i] = a
        if 2 * i + 1 < len(out):
            out[2 * i + 1] = b


class Normals:
    """A stream of normals, drawn like from NumPy's generators; number i depends on the key and i alone."""

    def __init__(self, key: np.uint64) -> None:
        self._key = np.uint64(key)
        self._drawn = 0

    def standard_normal(self, size: int | None = None) -> NDArray[np.float64] | float:
        """Return the next `size` numbers, or one."""
        n = 1 if size is None else size
        skipped = self._drawn % 2
        out = np.empty(n + skipped)
        fill_normals(out, self._key, self._drawn - skipped)
        self._drawn += n
        return float(out[skipped]) if size is None else out[skipped:]
