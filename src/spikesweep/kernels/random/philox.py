"""Counter-based random numbers, keyed by labels.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
doi:10.1145/2063384.2063405). A number is a pure function of a 64-bit key and a 128-bit counter: there
is no state to seed, split or save. Keys come from the *values* that define a point, so the numbers
do not depend on workers, blocks, order, or on what else is in the grid.

Words are 32-bit numbers held in uint64, which is how vector units multiply them. Between rounds what stands
above the 32 bits has no meaning; it is cut off where a word is multiplied, at no cost, and at the end.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikesweep.kernels.compile.jit import compiled

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_TWELVE = np.uint64(12)
_ONE_BITS = np.uint64(0x3FF0000000000000)
_HALF_ULP = 2.0**-53


def _philox4x32(c0, c1, c2, c3, k0, k1):
    """Return the four words of counter (c0, c1, c2, c3) under key (k0, k1): words or arrays of them."""
    for _ in range(10):
        p0 = _M0 * (c0 & _LOW)
        p1 = _M1 * (c2 & _LOW)
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1, (p0 >> _SHIFT) ^ c3 ^ k1, p0
        k0 = k0 + _W0
        k1 = k1 + _W1
    return c0 & _LOW, c1 & _LOW, c2 & _LOW, c3 & _LOW


philox4x32 = compiled(_philox4x32)


@compiled
def uniform(high, low):
    """Return a float64 in the open interval (0, 1) from two words; 52 random bits."""
    bits = (((high << _SHIFT) | low) >> _TWELVE) | _ONE_BITS
    return (np.uint64(bits).view(np.float64) - 1.0) + _HALF_ULP


@cache
def name_hash(name: str) -> int:
    """Return 64 bits that stand for a name, the same on every machine."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def stream_word(name: str) -> np.uint64:
    """Return the counter word of a stream name."""
    return np.uint64(name_hash(name)) & _LOW


def derive(key: ArrayLike, name: str, value: ArrayLike) -> NDArray[np.uint64]:
    """Return the key(s) that follow from `key` when the label `name` has `value` (a number)."""
    k: Any = np.asarray(key, np.uint64)
    bits: Any = (np.asarray(value, np.float64) + 0.0).view(np.uint64)  # + 0.0: -0.0 and 0.0 are one label
    tag = np.uint64(name_hash(name))
    shape = np.broadcast_shapes(k.shape, bits.shape)
    if k.size == bits.size == 1:  # scalars: NumPy spends six times as long on arrays of one
        k, bits = k.reshape(-1)[0], bits.reshape(-1)[0]
    words = _philox4x32(bits & _LOW, bits >> _SHIFT, tag & _LOW, tag >> _SHIFT, k & _LOW, k >> _SHIFT)
    return np.asarray(words[0] | (words[1] << _SHIFT)).reshape(shape)


def point_keys(root_seed: int, labels: Mapping[str, ArrayLike]) -> NDArray[np.uint64]:
    """Return one key a point, shape of the labels' values; the order of the labels has no meaning.

    A label is left out where its value is NaN.
    """
    keys = np.asarray(np.uint64(root_seed))
    for name in sorted(labels):
        value = np.asarray(labels[name], np.float64)
        keys = np.where(np.isnan(value), keys, derive(keys, name, value))
    return keys


def uniforms(key: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return `n` numbers in (0, 1) for each key, shape (*shape of key, n); number i never depends on n."""
    keys = np.asarray(key, np.uint64)[..., np.newaxis]
    i = np.arange(n, dtype=np.uint64)
    zero = np.zeros(1, np.uint64)
    words = _philox4x32(i & _LOW, i >> _SHIFT, zero, zero, keys & _LOW, keys >> _SHIFT)
    bits = (((words[0] << _SHIFT) | words[1]) >> _TWELVE) | _ONE_BITS
    return np.asarray((bits.view(np.float64) - 1.0) + _HALF_ULP)
