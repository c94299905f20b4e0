"""Branch-free exp and log that LLVM turns into vector code, with the same bits on every processor.

Argument reduction and polynomials are those of fdlibm (Sun Microsystems, e_exp.c and e_log.c), whose
error stays below one unit in the last place; the branches are replaced by selections. Only
additions, multiplications, one division and bit casts are used, so no library and no processor
changes a bit.
"""

import numpy as np

from spikesweep.kernels.jit import compiled, kept

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
    hi = z - k * _LN2_HI
    lo = k * _LN2_LO
    r = hi - lo
    t = r * r
    c = r - t * (
        1.66666666666666019037e-01
        + t
        * (
            -2.77777777770155933842e-03
            + t
            * (
                6.61375632143793436117e-05
                + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08)
            )
        )
    )
    y = 1.0 - ((lo - (r * c) / (2.0 - c)) - hi)
    # 2**(k-1) times 2: the largest k, 1024, has no float64 power of its own
    bits = ((np.float64(shifted).view(np.int64) - 1) << 52) + _ONE_BITS
    y = y * np.int64(bits).view(np.float64) * 2.0
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
