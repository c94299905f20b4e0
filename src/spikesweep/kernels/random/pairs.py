"""Which cell connects to which: pairs drawn by counting, in rows, without a list of sources.

A result is (rows, target): the targets of source i are target[rows[i] : rows[i + 1]], ascending. Row j of a
stream is the Philox counter (call, j), so that what one cell draws does not depend on how many others there
are. A number below n is (word n) >> 32 of a 32-bit word: some numbers are drawn more often than others by at
most n / 2**32 of their probability (2e-5 for 100 000 cells). Samples without repetition are redrawn where a
bit of the row is set already; where more than half of a row is chosen, the others are.
"""

import numpy as np

from spikesweep.kernels.compile.jit import compiled, kept
from spikesweep.kernels.compile.vector_math import log
from spikesweep.kernels.random.draws import two_uniforms
from spikesweep.kernels.random.philox import philox4x32

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_SIX = np.uint64(6)
_IN_WORD = np.uint64(63)
_CALLS = 16  # of Philox at once: LLVM turns the loop over them into vector code
_WORDS = 4 * _CALLS
# the place of a single set bit by a de Bruijn sequence (Leiserson, Prokop, Randall 1998)
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_TOP = np.uint64(58)
_PLACE = np.argsort((_SEQUENCE << np.arange(64, dtype=np.uint64)) >> _TOP).astype(np.uint64)


@compiled
def _draw(words, key, row, batch):
    """Write words number 64 batch, ... of a row of a stream to `words`."""
    row = np.uint64(row)
    for k in range(_CALLS):
        call = np.uint64(batch * _CALLS + k)
        w0, w1, w2, w3 = philox4x32(
            call & _LOW, call >> _SHIFT, row & _LOW, row >> _SHIFT, key & _LOW, key >> _SHIFT
        )
        words[4 * k], words[4 * k + 1], words[4 * k + 2], words[4 * k + 3] = w0, w1, w2, w3


@compiled
def _below(word, n, skip):
    """Return a number below n from a word, with `skip` left out and those from there on moved by one."""
    k = (np.uint64(word) * np.uint64(n)) >> _SHIFT
    return k + (_ONE if k >= np.uint64(skip) else _ZERO)


@compiled
def _mark(bits, words, key, row, n, skip, draws, wanted):
    """Set the bits of at most `draws` numbers below n, until `wanted` are set; return how many were set."""
    found, drawn = 0, 0
    while drawn < draws and found < wanted:
        _draw(words, key, row, drawn // _WORDS)
        for j in range(min(_WORDS, draws - drawn)):
            k = _below(words[j], n, skip)
            if found < wanted and (bits[k >> _SIX] >> (k & _IN_WORD)) & _ONE == _ZERO:
                bits[k >> _SIX] |= _ONE << (k & _IN_WORD)
                found += 1
        drawn += _WORDS
    return found


@compiled
def _list(out, bits, size, skip, others):
    """Write the set bits, ascending, or the `others` below size but for `skip`; clear them all."""
    if others and skip < size:
        bits[skip >> 6] |= _ONE << np.uint64(skip & 63)
    n = 0
    for i in range(bits.size):
        word = bits[i]
        bits[i] = _ZERO
        if others:
            word = ~word
            if size - 64 * i < 64:
                word &= (_ONE << np.uint64(size - 64 * i)) - _ONE
        while word != _ZERO:
            out[n] = np.uint64(64 * i) + _PLACE[((word & (~word + _ONE)) * _SEQUENCE) >> _TOP]
            word &= word - _ONE
            n += 1
    return n


@compiled
def _sample(out, bits, words, key, row, size, skip):
    """Fill `out` with different numbers below size, ascending, without `skip`."""
    n = size - (1 if skip < size else 0)
    others = 2 * out.size > n
    _mark(bits, words, key, row, n, skip, np.int64(2**62), n - out.size if others else out.size)
    _list(out, bits, size, skip, others)


@compiled
def _repeat(out, bits, times, found, words, key, row, size, skip):
    """Fill `out` with numbers below size, ascending, drawn each on its own, without `skip`."""
    n = size - (1 if skip < size else 0)
    for first in range(0, out.size, _WORDS):
        _draw(words, key, row, first // _WORDS)
        for j in range(min(_WORDS, out.size - first)):
            k = _below(words[j], n, skip)
            bits[k >> _SIX] |= _ONE << (k & _IN_WORD)
            times[k] += _ONE
    at = 0
    for i in range(_list(found, bits, size, skip, False)):
        k = found[i]
        for _ in range(times[k]):
            out[at] = k
            at += 1
        times[k] = _ZERO


@compiled
def _bits(size):
    return np.zeros((size + 63) // 64, np.uint64)


@compiled
def _summed(rows):
    for i in range(rows.size - 1):
        rows[i + 1] += rows[i]


@compiled
def _onto(out, bits, words, key, target, size, skip, multapses):
    """Write the sources of a target to `out`."""
    if multapses:
        n = size - (1 if skip < size else 0)
        for first in range(0, out.size, _WORDS):
            _draw(words, key, target, first // _WORDS)
            for j in range(min(_WORDS, out.size - first)):
                out[first + j] = _below(words[j], n, skip)
    else:
        _sample(out, bits, words, key, target, size, skip)


@kept
def in_degree_pairs(key, n_sources, n_targets, n, no_autapses, multapses):
    """Return pairs in which every target has n sources; those of a target are drawn from its row."""
    rows, bits = np.zeros(n_sources + 1, np.int64), _bits(n_sources)
    words, found = np.empty(_WORDS, np.uint64), np.empty(n, np.uint32)
    for t in range(n_targets):
        _onto(found, bits, words, key, t, n_sources, t if no_autapses else n_sources, multapses)
        for j in range(n):
            rows[np.int64(found[j]) + 1] += 1
    _summed(rows)
    place, target = rows[:-1].copy(), np.empty(n * n_targets, np.uint32)
    for t in range(n_targets):  # drawn again: cheaper than kept
        _onto(found, bits, words, key, t, n_sources, t if no_autapses else n_sources, multapses)
        for j in range(n):
            s = np.uint64(found[j])
            target[place[s]] = t
            place[s] += 1
    return rows, target


@compiled
def _fill_rows(target, rows, key, n_targets, no_autapses, multapses):
    """Write the targets of every source, as many as its row is long, drawn from its row."""
    bits, words = _bits(n_targets), np.empty(_WORDS, np.uint64)
    times = np.zeros(n_targets if multapses else 0, np.uint64)
    found = np.empty(times.size, np.uint32)
    for s in range(rows.size - 1):
        own = target[rows[s] : rows[s + 1]]
        skip = s if no_autapses else n_targets
        if multapses:
            _repeat(own, bits, times, found, words, key, s, n_targets, skip)
        else:
            _sample(own, bits, words, key, s, n_targets, skip)


@kept
def out_degree_pairs(key, n_sources, n_targets, n, no_autapses, multapses):
    """Return pairs in which every source has n targets; those of a source are drawn from its row."""
    rows, target = np.arange(n_sources + 1) * n, np.empty(n * n_sources, np.uint32)
    _fill_rows(target, rows, key, n_targets, no_autapses, multapses)
    return rows, target


@compiled
def _add_sources(counts, words, key, row, n):
    """Add to the counts of sources those of n draws of a row of a stream."""
    for first in range(0, n, _WORDS):
        _draw(words, key, row, first // _WORDS)
        for j in range(min(_WORDS, n - first)):
            counts[_below(words[j], counts.size, counts.size)] += 1


@kept
def number_pairs(source_key, key, n_sources, n_targets, n, no_autapses, multapses):
    """Return n pairs. Sources are drawn one for each, then the targets of a source from its row."""
    rows, words = np.zeros(n_sources + 1, np.int64), np.empty(_WORDS, np.uint64)
    target = np.empty(n, np.uint32)
    if multapses:
        _add_sources(rows[1:], words, source_key, 0, n)
        _summed(rows)
        _fill_rows(target, rows, key, n_targets, no_autapses, True)
        return rows, target
    each = n_targets - (1 if no_autapses else 0)
    others = 2 * n > n_sources * each
    draws, bits = np.zeros(n_sources, np.int64), _bits(n_targets)
    left, turn = n_sources * each - n if others else n, 0
    while left > 0:  # as many pairs again as are there twice: the set is that of pairs drawn one by one
        more = np.zeros(n_sources, np.int64)
        _add_sources(more, words, source_key, turn, left)
        turn += 1
        for s in range(n_sources):
            if more[s] > 0:
                draws[s] += more[s]
                skip = s if no_autapses else n_targets
                now = _mark(bits, words, key, s, each, skip, draws[s], each)
                left -= now - rows[s + 1]
                rows[s + 1] = now
                bits[:] = _ZERO
    if others:
        rows[1:] = each - rows[1:]
    _summed(rows)
    for s in range(n_sources):
        skip = s if no_autapses else n_targets
        _mark(bits, words, key, s, each, skip, draws[s], each)
        _list(target[rows[s] : rows[s + 1]], bits, n_targets, skip, others)
    return rows, target


@compiled
def _skips(skips, key, row, batch, per):
    """Write how far it is from each chosen number of a row to the next: geometric numbers."""
    for k in range(_CALLS):
        u0, u1 = two_uniforms(key, batch * _CALLS + k, row)
        skips[2 * k] = np.int64(min(log(u0) * per, 1e15)) + 1
        skips[2 * k + 1] = np.int64(min(log(u1) * per, 1e15)) + 1


@kept
def chosen_pairs(key, n_sources, n_targets, p, no_autapses):
    """Return pairs of which each is chosen on its own with probability p; those of a source by its row."""
    rows = np.zeros(n_sources + 1, np.int64)
    if p <= 0.0:
        return rows, np.empty(0, np.uint32)
    per = 1.0 / np.log1p(-p) if p < 1.0 else 0.0
    mean = p * n_sources * n_targets
    target = np.empty(np.int64(mean + 6.0 * np.sqrt(mean * (1.0 - p))) + 2 * _CALLS, np.uint32)
    skips, n = np.empty(2 * _CALLS, np.int64), 0
    for s in range(n_sources):
        column, batch = np.int64(-1), 0
        while column < n_targets:
            _skips(skips, key, s, batch, per)
            batch += 1
            if n + skips.size > target.size:  # once in 1e9 networks, but for small ones
                grown = np.empty(target.size + target.size // 8 + skips.size, np.uint32)
                grown[:n] = target[:n]
                target = grown
            for j in range(skips.size):
                column += skips[j]
                if column >= n_targets:
                    break
                if not (no_autapses and column == s):
                    target[n] = column
                    n += 1
        rows[s + 1] = n
    return rows, target[:n]
