"""Connections as rows of bits: where a cell's targets all get the same weight after the same delay.

The row of a source has one bit a target. The rows of all cells that spike in a step are added, bit by bit, into
planes: plane q holds bit q of every target's count, so that 64 targets are counted with a few logical operations
(a carry-save adder; Harley and Seal's counter, Warren 2013, "Hacker's Delight", section 5-1). No count overflows: a
step with m spikes has as many planes as m has bits.
"""

import numpy as np

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.jit import compiled, disjoint

#: Bits of a word.
WORD = 64
_SEVEN = 7  # rows that are added at once
_32 = np.uint32


@compiled
def planes_of(count):
    """Return how many planes hold a count."""
    n = 0
    while count >> n:
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

    Row i begins at `begin` + i * `width` of `bits`, whose last `width` words are zero; planes begin at `at`. There
    must be room for three planes at least, and `carry` has room for a row.
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


@disjoint
def _add_four_planes(p0, p1, p2, p3, factor, row):
    """Add `factor` times the counts of 32 lanes, held in the bits of four words, to `row`."""
    for lane in range(LANES):
        b = _32(lane)
        low = ((p0 >> b) & _32(1)) | (((p1 >> b) & _32(1)) << _32(1))
        high = ((p2 >> b) & _32(1)) | (((p3 >> b) & _32(1)) << _32(1))
        row[lane] += factor * np.float64(np.int32(low | (high << _32(2))))


@disjoint
def _add_eight_planes(p0, p1, p2, p3, p4, p5, p6, p7, factor, row):
    """Add `factor` times the counts of 32 lanes, held in the bits of eight words, to `row`."""
    for lane in range(LANES):
        b = _32(lane)
        low = ((p0 >> b) & _32(1)) | (((p1 >> b) & _32(1)) << _32(1))
        low |= (((p2 >> b) & _32(1)) << _32(2)) | (((p3 >> b) & _32(1)) << _32(3))
        high = ((p4 >> b) & _32(1)) | (((p5 >> b) & _32(1)) << _32(1))
        high |= (((p6 >> b) & _32(1)) << _32(2)) | (((p7 >> b) & _32(1)) << _32(3))
        row[lane] += factor * np.float64(np.int32(low | (high << _32(4))))


@compiled
def add_counts(planes, at, width, n, group, factor, row):
    """Add `factor` times the counts of a group of lanes, held in n planes from `at` on, to `row`."""
    place, shift = at + group // 2, np.uint64(LANES * (group % 2))
    none = _32(0)
    p0 = _32(planes[place] >> shift) if n > 0 else none
    p1 = _32(planes[place + width] >> shift) if n > 1 else none
    p2 = _32(planes[place + 2 * width] >> shift) if n > 2 else none
    p3 = _32(planes[place + 3 * width] >> shift) if n > 3 else none
    if n <= 4:
        _add_four_planes(p0, p1, p2, p3, factor, row)
        return
    p4 = _32(planes[place + 4 * width] >> shift) if n > 4 else none
    p5 = _32(planes[place + 5 * width] >> shift) if n > 5 else none
    p6 = _32(planes[place + 6 * width] >> shift) if n > 6 else none
    p7 = _32(planes[place + 7 * width] >> shift) if n > 7 else none
    if n <= 8:
        _add_eight_planes(p0, p1, p2, p3, p4, p5, p6, p7, factor, row)
        return
    for lane in range(LANES):
        count = np.int64(0)
        for q in range(n):
            bit = (planes[place + q * width] >> (shift + np.uint64(lane))) & np.uint64(1)
            count |= np.int64(bit) << np.int64(q)
        row[lane] += factor * np.float64(count)
