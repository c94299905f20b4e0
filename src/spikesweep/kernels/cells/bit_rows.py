"""Connections as rows of bits: where a cell's targets all get the same weight after the same delay.

The row of a source has one bit a target. The rows of all cells that spike in a step are added, bit by bit,
into planes: plane q holds bit q of every target's count, so that 64 targets are counted with a few logical
operations (a carry-save adder; Harley and Seal's counter, Warren 2013, "Hacker's Delight", section 5-1). No
count overflows: a step with m spikes has as many planes as m has bits.
"""

import numpy as np

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled, disjoint, kept

#: Bits of a word.
WORD = 64
_SEVEN = 7  # rows that are added at once
_32 = np.uint32


@kept
def bits_of(rows, target, width):
    """Return rows of bits, flat and `width` words each, of connections in rows."""
    n = rows.size - 1
    bits = np.zeros(n * width, np.uint64)
    for i in range(n):
        for e in range(rows[i], rows[i + 1]):
            j = np.int64(target[e])
            bits[i * width + j // WORD] |= np.uint64(1) << np.uint64(j % WORD)
    return bits


@compiled
def planes_of(count):
    """Return how many planes hold a count."""
    n = 0
    while count > 0:
        count >>= 1
        n += 1
    return n


@disjoint
def _add_seven(a, b, c, d, e, f, g, ones, twos, fours, carry):
    """Add seven rows to planes 0, 1 and 2; write what is carried to plane 3 to `carry`."""
    for w in range(ones.size):
        u = a[w] ^ b[w]
        s1, c1 = u ^ c[w], (a[w] & b[w]) | (u & c[w])
        u = d[w] ^ e[w]
        s2, c2 = u ^ f[w], (d[w] & e[w]) | (u & f[w])
        u = s1 ^ s2
        s3, c3 = u ^ g[w], (s1 & s2) | (u & g[w])
        u = c1 ^ c2
        t, q = u ^ c3, (c1 & c2) | (u & c3)
        x = ones[w]
        r = x & s3
        ones[w] = x ^ s3
        x = twos[w]
        u = x ^ t
        twos[w] = u ^ r
        r = (x & t) | (u & r)
        x = fours[w]
        u = x ^ q
        fours[w] = u ^ r
        carry[w] = (x & q) | (u & r)


@disjoint
def _ripple(plane, carry):
    """Add what is carried to a plane; `carry` is then what goes on."""
    for w in range(plane.size):
        x = plane[w]
        plane[w] = x ^ carry[w]
        carry[w] = x & carry[w]


@compiled
def add_rows(bits, begin, width, active, count, planes, at, carry):
    """Add the rows of the first `count` of `active` sources of a projection to its planes.

    Row i begins at `begin` + i * `width` of `bits`, whose last `width` words are zero; planes begin at `at`.
    There must be room for three planes at least, and `carry` has room for a row.
    """
    n = max(planes_of(count), 3)
    planes[at : at + n * width] = np.uint64(0)
    ones, twos = planes[at : at + width], planes[at + width : at + 2 * width]
    fours, rest = planes[at + 2 * width : at + 3 * width], carry[:width]
    empty = bits.size - width
    for i in range(0, count, _SEVEN):
        j0 = begin + active[i] * width
        j1 = begin + active[i + 1] * width if i + 1 < count else empty
        j2 = begin + active[i + 2] * width if i + 2 < count else empty
        j3 = begin + active[i + 3] * width if i + 3 < count else empty
        j4 = begin + active[i + 4] * width if i + 4 < count else empty
        j5 = begin + active[i + 5] * width if i + 5 < count else empty
        j6 = begin + active[i + 6] * width if i + 6 < count else empty
        _add_seven(
            bits[j0 : j0 + width],
            bits[j1 : j1 + width],
            bits[j2 : j2 + width],
            bits[j3 : j3 + width],
            bits[j4 : j4 + width],
            bits[j5 : j5 + width],
            bits[j6 : j6 + width],
            ones,
            twos,
            fours,
            rest,
        )
        for q in range(3, n):
            _ripple(planes[at + q * width : at + (q + 1) * width], rest)


@compiled
def _add_four_planes(p0, p1, p2, p3, factor, kicks, at):
    """Add `factor` times the counts of 32 lanes, held in the bits of four words, to `kicks` from `at` on."""
    for lane in range(LANES):
        b = _32(lane)
        low = ((p0 >> b) & _32(1)) | (((p1 >> b) & _32(1)) << _32(1))
        high = ((p2 >> b) & _32(1)) | (((p3 >> b) & _32(1)) << _32(1))
        kicks[at + np.uint64(lane)] += factor * np.float64(np.int32(low | (high << _32(2))))


@compiled
def _add_eight_planes(p0, p1, p2, p3, p4, p5, p6, p7, factor, kicks, at):
    """Add `factor` times the counts of 32 lanes, held in the bits of eight words, to `kicks` from `at` on."""
    for lane in range(LANES):
        b = _32(lane)
        low = ((p0 >> b) & _32(1)) | (((p1 >> b) & _32(1)) << _32(1))
        low |= (((p2 >> b) & _32(1)) << _32(2)) | (((p3 >> b) & _32(1)) << _32(3))
        high = ((p4 >> b) & _32(1)) | (((p5 >> b) & _32(1)) << _32(1))
        high |= (((p6 >> b) & _32(1)) << _32(2)) | (((p7 >> b) & _32(1)) << _32(3))
        kicks[at + np.uint64(lane)] += factor * np.float64(np.int32(low | (high << _32(4))))


@compiled
def _add_planes(planes, place, width, shift, n, factor, kicks, at):
    """Add `factor` times the counts of 32 lanes, held in any number of planes, to `kicks` from `at` on."""
    for lane in range(LANES):
        count = np.int64(0)
        for q in range(n):
            bit = (planes[place + np.uint64(q) * width] >> (shift + np.uint64(lane))) & np.uint64(1)
            count |= np.int64(bit) << np.int64(q)
        kicks[at + np.uint64(lane)] += factor * np.float64(count)


@disjoint
def add_counts(planes, depth, kicks, where, slot, slots, begin, width, deep, group, factor, at, step, m, n):
    """Add `factor` times what the n slots from `slot` on of a ring hold for m groups to `kicks`.

    The ring begins at `begin` of `planes` and has `slots` slots of `deep` planes of `width` words, and
    `depth` says from `where` on how many rows were added in each. The kicks of a step begin `step` after
    those of the one before, from `at` on, those of a group after all steps of the one before.
    """
    w, none = np.uint64(width), _32(0)
    for s in range(n):
        rows = depth[np.uint64(where + slot)]
        k = planes_of(rows)
        for g in range(m if rows > 0 else 0):
            own = group + g
            shift, place = np.uint64(LANES * (own % 2)), np.uint64(begin + slot * deep * width + own // 2)
            to = np.uint64(at + (g * n + s) * step)
            p0 = _32(planes[place] >> shift)
            p1 = _32(planes[place + w] >> shift) if k > 1 else none
            p2 = _32(planes[place + w + w] >> shift) if k > 2 else none
            p3 = _32(planes[place + np.uint64(3) * w] >> shift) if k > 3 else none
            if k <= 4:
                _add_four_planes(p0, p1, p2, p3, factor, kicks, to)
            elif k <= 8:
                p4 = _32(planes[place + np.uint64(4) * w] >> shift)
                p5 = _32(planes[place + np.uint64(5) * w] >> shift) if k > 5 else none
                p6 = _32(planes[place + np.uint64(6) * w] >> shift) if k > 6 else none
                p7 = _32(planes[place + np.uint64(7) * w] >> shift) if k > 7 else none
                _add_eight_planes(p0, p1, p2, p3, p4, p5, p6, p7, factor, kicks, to)
            else:
                _add_planes(planes, place, w, shift, k, factor, kicks, to)
        slot = slot + 1 if slot + 1 < slots else 0
