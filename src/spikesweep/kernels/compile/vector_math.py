"""Branch-free exp and log that LLVM turns into vector code, with the same bits on every processor.

Argument reductions, and the polynomial of log, are those of fdlibm (Sun Microsystems, e_exp.c and
e_log.c); the polynomial of exp is the Chebyshev interpolant over half of ln 2 on both sides. Errors stay
below one unit in the last place; the branches are replaced by selections. Only additions,
multiplications, one division and bit casts are used, so no library and no processor changes a bit.
"""

import numpy as np

from spikesweep.kernels.compile.jit import compiled, kept

_LN2_HI = 6.93147180369123816490e-01
_LN2_LO = 1.90821492927058770002e-10
_PER_LN2 = 1.44269504088896338700
_ROUND = 1.5 * 2.0**52  # adding it rounds to an integer, which then stands in the low bits
_EXP_MIN = -707.0  # results below exp(-707) ~ 1e-307 are flushed to zero: no subnormal numbers
_EXP_MAX = 709.782712893384
_ONE_BITS = 0x3FF0000000000000
_SQRT_HALF_BITS = 0x3FE6A09E00000000
_TWO52_BITS = 0x4330000000000000
_FRACTION = 0x000FFFFFFFFFFFFF
_TWO52 = 2.0**52


@compiled
def exp(x):
    """Return e**x of a float64: 0 below exp(-707), inf on overflow, NaN for NaN."""
    z = _EXP_MIN if x < _EXP_MIN else x
    z = _EXP_MAX if z > _EXP_MAX else z
    shifted = z * _PER_LN2 + _ROUND
    k = shifted - _ROUND
    r = (z - k * _LN2_HI) - k * _LN2_LO
    r2 = r * r
    r4 = r2 * r2
    # (exp(r) - 1 - r) / r**2 by Estrin's scheme: its chain is half as long as Horner's with a division
    low = (0.5 + 0.1666666666666667 * r) + r2 * (0.04166666666666667 + 0.008333333333326112 * r)
    mid = (0.001388888888888373 + 0.0001984126987490126 * r) + r2 * (
        2.4801587325605324e-05 + 2.7557255297969643e-06 * r
    )
    high = (2.755727357010214e-07 + 2.5105259538448494e-08 * r) + r2 * 2.0914717341716378e-09
    y = 1.0 + (r + r2 * (low + r4 * (mid + r4 * high)))
    # 2**k is added to the exponent: the largest k, 1024, has no float64 power of its own
    bits = np.float64(y).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)
    y = np.int64(bits).view(np.float64)
    y = np.inf if x > _EXP_MAX else y
    return 0.0 if x < _EXP_MIN else y


@compiled
def log(x):
    """Return the natural logarithm of a positive, normal, finite float64 (nothing else is checked)."""
    bits = np.float64(x).view(np.int64) + (_ONE_BITS - _SQRT_HALF_BITS)
    k = np.int64((bits >> 52) + _TWO52_BITS).view(np.float64) - (_TWO52 + 1023.0)
    m = np.int64((bits & _FRACTION) + _SQRT_HALF_BITS).view(np.float64)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half = 0.5 * f * f
    return k * _LN2_HI - ((half - (s * (half + (even + odd)) + k * _LN2_LO)) - f)


@kept
def exp_each(x):
    """Return e**x for each number of a one-dimensional array."""
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = exp(x[i])
    return out
