"""Which cell connects to which: pairs drawn by counting, in rows, without a list of sources.

A result is (rows, target): the targets of source i are target[rows[i] : rows[i + 1]], ascending. `rows` of
this folder says what a row of a stream is, and how numbers are drawn from it.
"""

import numpy as np

from spikesweep.kernels.compile.jit import compiled, disjoint, kept
from spikesweep.kernels.compile.vector_math import log
from spikesweep.kernels.random.draws import two_uniforms
from spikesweep.kernels.random.rows import (
    CALLS,
    WORDS,
    below,
    choose,
    draw_words,
    empty_bits,
    list_marked,
    mark,
    repeat,
    sample,
    turn,
)


@compiled
def _summed(rows):
    for i in range(rows.size - 1):
        rows[i + 1] += rows[i]


@compiled
def _onto(out, bits, words, key, target, size, skip, multapses):
    """Write the sources of a target to `out`."""
    if multapses:
        n = size - (1 if skip < size else 0)
        for first in range(0, out.size, WORDS):
            draw_words(words, key, target, first // WORDS)
            for j in range(min(WORDS, out.size - first)):
                out[first + j] = below(words[j], n, skip)
    else:
        sample(out, bits, words, key, target, size, skip)


@kept
def in_degree_pairs(key, n_sources, n_targets, n, no_autapses, multapses):
    """Return pairs in which every target has n sources; those of a target are drawn from its row."""
    rows, bits = np.zeros(n_sources + 1, np.int64), empty_bits(n_sources)
    words, found = np.empty(WORDS, np.uint64), np.empty(n, np.uint32)
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
def _transpose(rows):
    """Exchange rows and bits of each column of 64 words: bit i of row j for bit j of row i."""
    half, low = 32, np.uint64(0xFFFFFFFF)
    while half > 0:
        by = np.uint64(half)
        for upper in range(0, 64, 2 * half):
            for j in range(upper, upper + half):
                a, b = rows[j], rows[j + half]
                for w in range(a.size):
                    t = ((a[w] >> by) ^ b[w]) & low
                    b[w] ^= t
                    a[w] ^= t << by
        half //= 2
        low ^= low << np.uint64(half)


@kept
def in_degree_bits(key, n_sources, n_targets, n, no_autapses):
    """Return the pairs of `in_degree_pairs` without multapses as bits, one a target, in a row a source.

    The shape is (n_sources, words). The sources of 64 targets at a time are drawn as bits, then transposed.
    """
    found = np.zeros((n_sources, (n_targets + 63) // 64), np.uint64)
    rows, words = np.zeros((64, (n_sources + 63) // 64), np.uint64), np.empty(WORDS, np.uint64)
    for first in range(0, n_targets, 64):
        rows[:] = np.uint64(0)
        for t in range(first, min(first + 64, n_targets)):
            choose(rows[t - first], words, key, t, n_sources, t if no_autapses else n_sources, n)
        _transpose(rows)
        for s in range(n_sources):
            found[s, first // 64] = rows[s % 64, s // 64]
    return found


@compiled
def _fill_rows(target, rows, key, n_targets, no_autapses, multapses):
    """Write the targets of every source, as many as its row is long, drawn from its row."""
    bits, words = empty_bits(n_targets), np.empty(WORDS, np.uint64)
    times = np.zeros(n_targets if multapses else 0, np.uint64)
    found = np.empty(times.size, np.uint32)
    for s in range(rows.size - 1):
        own = target[rows[s] : rows[s + 1]]
        skip = s if no_autapses else n_targets
        if multapses:
            repeat(own, bits, times, found, words, key, s, n_targets, skip)
        else:
            sample(own, bits, words, key, s, n_targets, skip)


@kept
def out_degree_pairs(key, n_sources, n_targets, n, no_autapses, multapses):
    """Return pairs in which every source has n targets; those of a source are drawn from its row."""
    rows, target = np.arange(n_sources + 1) * n, np.empty(n * n_sources, np.uint32)
    _fill_rows(target, rows, key, n_targets, no_autapses, multapses)
    return rows, target


@compiled
def _add_sources(counts, words, key, row, n):
    """Add to the counts of sources those of n draws of a row of a stream."""
    for first in range(0, n, WORDS):
        draw_words(words, key, row, first // WORDS)
        for j in range(min(WORDS, n - first)):
            counts[below(words[j], counts.size, counts.size)] += 1


@compiled
def _draws_until(found, wanted, source_key, key, n_targets, each, no_autapses):
    """Return how often each source draws until there are `wanted` pairs; write how many it then has."""
    draws, bits, words = np.zeros_like(found), empty_bits(n_targets), np.empty(WORDS, np.uint64)
    left, turn = wanted, 0
    while left > 0:  # as many again as came twice: the set is that of pairs drawn one by one
        more = np.zeros_like(found)
        _add_sources(more, words, source_key, turn, left)
        turn += 1
        for s in range(found.size):
            if more[s] > 0:
                draws[s] += more[s]
                now = mark(bits, words, key, s, each, s if no_autapses else n_targets, draws[s], each)
                left -= now - found[s]
                found[s] = now
                bits[:] = 0
    return draws


@kept
def number_pairs(source_key, key, n_sources, n_targets, n, no_autapses, multapses):
    """Return n pairs. Sources are drawn one for each, then the targets of a source from its row."""
    rows, words = np.zeros(n_sources + 1, np.int64), np.empty(WORDS, np.uint64)
    target = np.empty(n, np.uint32)
    if multapses:
        _add_sources(rows[1:], words, source_key, 0, n)
        _summed(rows)
        _fill_rows(target, rows, key, n_targets, no_autapses, True)
        return rows, target
    each = n_targets - (1 if no_autapses else 0)
    others = 2 * n > n_sources * each
    wanted = n_sources * each - n if others else n
    draws = _draws_until(rows[1:], wanted, source_key, key, n_targets, each, no_autapses)
    if others:
        rows[1:] = each - rows[1:]
    _summed(rows)
    bits = empty_bits(n_targets)
    for s in range(n_sources):
        skip = s if no_autapses else n_targets
        mark(bits, words, key, s, each, skip, draws[s], each)
        if others:
            turn(bits, n_targets, skip)
        list_marked(target[rows[s] : rows[s + 1]], bits)
    return rows, target


@compiled
def _uniforms(out, key, row, batch):
    """Write the uniform numbers of a batch of a row."""
    for k in range(CALLS):
        out[2 * k], out[2 * k + 1] = two_uniforms(key, batch * CALLS + k, row)


@disjoint
def _skips(skips, uniforms, per):
    """Write how far it is from each chosen number of a row to the next: geometric numbers."""
    for k in range(skips.size):
        x = log(uniforms[k]) * per
        skips[k] = np.int64(1e15 if x > 1e15 else x) + 1


@kept
def chosen_pairs(key, n_sources, n_targets, p, no_autapses):
    """Return pairs of which each is chosen on its own with probability p; those of a source by its row."""
    rows = np.zeros(n_sources + 1, np.int64)
    if p <= 0.0:
        return rows, np.empty(0, np.uint32)
    per = 1.0 / np.log1p(-p) if p < 1.0 else 0.0
    mean = p * n_sources * n_targets
    target = np.empty(np.int64(mean + 6.0 * np.sqrt(mean * (1.0 - p))) + 2 * CALLS, np.uint32)
    skips, uniforms, n = np.empty(2 * CALLS, np.int64), np.empty(2 * CALLS), 0
    for s in range(n_sources):
        column, batch = np.int64(-1), 0
        while column < n_targets:
            _uniforms(uniforms, key, s, batch)
            _skips(skips, uniforms, per)
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
