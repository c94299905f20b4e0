"""Pairs of cells are their naive twins: the same streams in Python's integers, sets and lists."""

import math

import numpy as np
import pytest

from spikesweep.kernels.compile.vector_math import log
from spikesweep.kernels.random.pairs import (
    chosen_pairs,
    in_degree_bits,
    in_degree_pairs,
    number_pairs,
    out_degree_pairs,
)

KEY = np.uint64(0x123456789ABCDEF)


def philox(key, call, row):
    c = [call & 0xFFFFFFFF, call >> 32, row & 0xFFFFFFFF, row >> 32]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def numbers(key, row, n, skip):
    """Yield numbers below n from a row, those from `skip` on moved by one."""
    call = 0
    while True:
        for word in philox(int(key), call, row):
            k = word * n >> 32
            yield k + (skip is not None and k >= skip)
        call += 1


def different(stream, n):
    found = set()
    while len(found) < n:
        found.add(next(stream))
    return found


def sample(key, row, n, size, skip):
    """Return n different numbers below size without `skip`, by drawing these or all others."""
    possible = set(range(size)) - {skip}
    stream = numbers(key, row, len(possible), skip)
    if 2 * n > len(possible):
        return possible - different(stream, len(possible) - n)
    return different(stream, n)


def row_of(key, row, n, size, skip, multapses):
    if not multapses:
        return sample(key, row, n, size, skip)
    stream = numbers(key, row, size - (skip is not None), skip)
    return [next(stream) for _ in range(n)]


def twin_in(key, n_sources, n_targets, n, no_autapses, multapses):
    drawn = [row_of(key, t, n, n_sources, t if no_autapses else None, multapses) for t in range(n_targets)]
    return sorted((s, t) for t in range(n_targets) for s in drawn[t])


def twin_out(key, n_sources, n_targets, n, no_autapses, multapses):
    drawn = [row_of(key, s, n, n_targets, s if no_autapses else None, multapses) for s in range(n_sources)]
    return sorted((s, t) for s in range(n_sources) for t in drawn[s])


def twin_number(source_key, key, n_sources, n_targets, n, no_autapses, multapses):
    each = n_targets - no_autapses
    rows = [numbers(key, s, each, s if no_autapses else None) for s in range(n_sources)]
    if multapses:
        sources = numbers(source_key, 0, n_sources, None)
        return sorted((s, next(rows[s])) for s in (next(sources) for _ in range(n)))
    every = {(s, t) for s in range(n_sources) for t in range(n_targets) if not (no_autapses and s == t)}
    others = 2 * n > len(every)
    wanted, found, turn = len(every) - n if others else n, set(), 0
    while len(found) < wanted:
        sources = numbers(source_key, turn, n_sources, None)
        found |= {(s, next(rows[s])) for s in [next(sources) for _ in range(wanted - len(found))]}
        turn += 1
    return sorted(every - found if others else found)


def twin_chosen(key, n_sources, n_targets, p, no_autapses):
    pairs, per = [], 1.0 / np.log1p(-p) if 0.0 < p < 1.0 else 0.0
    for s in range(n_sources if p > 0.0 else 0):
        column, call = -1, 0
        while column < n_targets:
            words = philox(int(key), call, s)
            for high, low in (words[:2], words[2:]):
                u = ((high << 32 | low) >> 12) * 2.0**-52 + 2.0**-53
                column += math.floor(log.py_func(np.float64(u)) * per) + 1
                if column < n_targets and not (no_autapses and s == column):
                    pairs.append((s, column))
            call += 1
    return sorted(set(pairs))


def bits_of(rows):
    """Return the pairs of rows of bits."""
    bits = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")
    return list(zip(*map(np.ndarray.tolist, bits.nonzero()), strict=True))


def pairs_of(rows, target):
    source = np.repeat(np.arange(len(rows) - 1), np.diff(rows))
    return list(zip(source.tolist(), target.tolist(), strict=True))


@pytest.mark.parametrize("multapses", [False, True])
@pytest.mark.parametrize(
    ("n_sources", "n_targets", "n", "no_autapses"),
    [
        (70, 70, 3, True),
        (70, 70, 40, True),
        (64, 64, 63, True),
        (130, 21, 5, False),
        (21, 130, 20, False),
        (1, 9, 1, False),
        (2, 2, 1, True),
        (65, 65, 0, True),
        (128, 128, 64, False),
    ],
)
def test_degrees_are_their_naive_twins(n_sources, n_targets, n, no_autapses, multapses):
    case = (KEY, n_sources, n_targets, n, no_autapses, multapses)
    assert pairs_of(*in_degree_pairs(*case)) == twin_in(*case)
    if not multapses:
        assert bits_of(in_degree_bits(*case[:-1])) == twin_in(*case)
    case = (KEY, n_targets, n_sources, n, no_autapses, multapses)
    assert pairs_of(*out_degree_pairs(*case)) == twin_out(*case)


@pytest.mark.parametrize("multapses", [False, True])
@pytest.mark.parametrize(
    ("n_sources", "n_targets", "n", "no_autapses"),
    [
        (30, 30, 100, True),
        (30, 30, 869, True),
        (12, 70, 420, False),
        (70, 12, 421, False),
        (9, 9, 0, True),
        (1, 65, 64, False),
        (20, 20, 380, True),
    ],
)
def test_fixed_numbers_are_their_naive_twin(n_sources, n_targets, n, no_autapses, multapses):
    case = (np.uint64(5), KEY, n_sources, n_targets, n, no_autapses, multapses)
    assert pairs_of(*number_pairs(*case)) == twin_number(*case)


@pytest.mark.parametrize("p", [0.0, 1e-3, 0.1, 0.7, 1.0])
@pytest.mark.parametrize(("n_sources", "n_targets", "no_autapses"), [(60, 60, True), (7, 300, False)])
def test_chosen_pairs_are_their_naive_twin(p, n_sources, n_targets, no_autapses):
    case = (KEY, n_sources, n_targets, p, no_autapses)
    assert pairs_of(*chosen_pairs(*case)) == twin_chosen(*case)


def test_more_pairs_than_there_was_room_for_are_kept():
    """Of 0.01 pairs on average: room is made for none, and a network with one has to grow."""
    case = (20, 50, 1e-5, False)
    found = [pairs_of(*chosen_pairs(np.uint64(key), *case)) for key in range(1500)]
    assert found == [twin_chosen(key, *case) for key in range(1500)]
    assert sum(len(pairs) > 0 for pairs in found) > 5
