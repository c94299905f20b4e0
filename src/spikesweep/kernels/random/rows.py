"""Rows of random numbers below a bound, as sets of bits: what the rules of connection are drawn with.

Row j of a stream is the Philox counter (call, j), so that what one cell draws does not depend on how many
others there are. A number below n is (word n) >> 32 of a 32-bit word: some numbers are drawn more often than
others by at most n / 2**32 of their probability (2e-5 for 100 000 cells). Samples without repetition are
redrawn where a bit is set already; where more than half of a row is chosen, the others are.
"""

import numpy as np

from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.random.philox import philox4x32

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_SIX = np.uint64(6)
_IN_WORD = np.uint64(63)
CALLS = 16  # of Philox at once: LLVM turns the loop over them into vector code
WORDS = 4 * CALLS
# the place of a single set bit by a de Bruijn sequence (Leiserson, Prokop, Randall 1998)
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_TOP = np.uint64(58)
_PLACE = np.argsort((_SEQUENCE << np.arange(64, dtype=np.uint64)) >> _TOP).astype(np.uint64)


@compiled
def draw_words(words, key, row, batch):
    """Write words number 64 batch, ... of a row of a stream to `words`."""
    row = np.uint64(row)
    for k in range(CALLS):
        call = np.uint64(batch * CALLS + k)
        w0, w1, w2, w3 = philox4x32(
            call & _LOW, call >> _SHIFT, row & _LOW, row >> _SHIFT, key & _LOW, key >> _SHIFT
        )
        words[4 * k], words[4 * k + 1], words[4 * k + 2], words[4 * k + 3] = w0, w1, w2, w3


@compiled
def below(word, n, skip):
    """Return a number below n from a word, with `skip` left out and those from there on moved by one."""
    k = (np.uint64(word) * np.uint64(n)) >> _SHIFT
    return k + (_ONE if k >= np.uint64(skip) else _ZERO)


@compiled
def mark(bits, words, key, row, n, skip, draws, wanted):
    """Set the bits of at most `draws` numbers below n, until `wanted` are set; return how many were set."""
    found, drawn = 0, 0
    while drawn < draws and found < wanted:
        draw_words(words, key, row, drawn // WORDS)
        for j in range(min(WORDS, draws - drawn)):
            k = below(words[j], n, skip)
            # without a branch, which would be taken at random
            new = ~(bits[k >> _SIX] >> (k & _IN_WORD)) & np.uint64(found < wanted)
            bits[k >> _SIX] |= new << (k & _IN_WORD)
            found += int(new)
        drawn += WORDS
    return found


@compiled
def turn(bits, size, skip):
    """Set the bits of all others below size, but for `skip`."""
    for i in range(bits.size):
        bits[i] = ~bits[i]
    if skip < size:
        bits[skip >> 6] &= ~(_ONE << np.uint64(skip & 63))
    if size % 64 > 0:
        bits[size >> 6] &= (_ONE << np.uint64(size % 64)) - _ONE


@compiled
def choose(bits, words, key, row, size, skip, wanted):
    """Set the bits of `wanted` different numbers below size, without `skip`; none was set before."""
    n = size - (1 if skip < size else 0)
    others = 2 * wanted > n
    mark(bits, words, key, row, n, skip, np.int64(2**62), n - wanted if others else wanted)
    if others:
        turn(bits, size, skip)


@compiled
def list_marked(out, bits):
    """Write the numbers of the set bits, ascending, and clear them; return how many there are."""
    n = 0
    for i in range(bits.size):
        word = bits[i]
        bits[i] = _ZERO
        while word != _ZERO:
            out[n] = np.uint64(64 * i) + _PLACE[((word & (~word + _ONE)) * _SEQUENCE) >> _TOP]
            word &= word - _ONE
            n += 1
    return n


@compiled
def sample(out, bits, words, key, row, size, skip):
    """Fill `out` with different numbers below size, ascending, without `skip`."""
    choose(bits, words, key, row, size, skip, out.size)
    list_marked(out, bits)


@compiled
def repeat(out, bits, times, found, words, key, row, size, skip):
    """Fill `out` with numbers below size, ascending, drawn each on its own, without `skip`."""
    n = size - (1 if skip < size else 0)
    for first in range(0, out.size, WORDS):
        draw_words(words, key, row, first // WORDS)
        for j in range(min(WORDS, out.size - first)):
            k = below(words[j], n, skip)
            bits[k >> _SIX] |= _ONE << (k & _IN_WORD)
            times[k] += _ONE
    at = 0
    for i in range(list_marked(found, bits)):
        k = found[i]
        for _ in range(times[k]):
            out[at] = k
            at += 1
        times[k] = _ZERO


@compiled
def empty_bits(size):
    """Return a bit for each number below size, none of them set."""
    return np.zeros((size + 63) // 64, np.uint64)
