"""How populations of rate units represent a set of patterns, one pass over their activity.

The measures and losses are those of Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code:
Milstein-Lab/dentate_circuit_model, analyze_slice and get_objectives), an active unit being one whose activity
is not zero:

    sparsity         active units, the mean over patterns
    selectivity      active patterns, the mean over units
    similarity       cosine of the responses to two patterns, the mean over pairs; 1 where either is silent
    active_patterns  part of the patterns with a response
    active_units     part of the units with a response
    NAME_loss        sum over patterns, units or pairs of ((value - target) / range)^2

and the index of selectivity of Bienenstock, Cooper and Munro 1982, doi:10.1523/JNEUROSCI.02-01-00032.1982,
1 - mean / highest of a unit's responses, the mean over units with a response. Departure: active_units is a
part of the units; the code divides by the number of patterns.
"""

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import compiled, kept

Array = NDArray[np.float64]

#: What has a target and a range, in this order.
AIMS = ("sparsity", "similarity", "selectivity", "active_patterns", "active_units")
#: The columns of what `represent` returns.
MEASURES = ("mean_activity", "selectivity_index", *AIMS, *(f"{name}_loss" for name in AIMS), "loss")


def represent(activity: Array, sizes: list[int], targets: Array, ranges: Array) -> Array:
    """Return MEASURES of each population, shape (measures, populations, points).

    `activity` has the shape (cells, patterns, points), the cells of `sizes` populations in turn; targets and
    ranges are those of AIMS. NaN in a population's activity makes all its measures NaN; the index of one that
    is silent is NaN.
    """
    stops = np.cumsum(np.array(sizes, np.int64))
    of_points = np.ascontiguousarray(np.moveaxis(activity, -1, 0))
    found = np.empty((len(of_points), len(sizes), len(MEASURES)))
    _represent(of_points, stops, np.ascontiguousarray(targets), np.ascontiguousarray(ranges), found)
    return np.moveaxis(found, (0, 1, 2), (2, 1, 0))


@kept
def _represent(activity, stops, targets, ranges, found):
    n_patterns = activity.shape[2]
    norm, of_pattern = np.empty(n_patterns), np.empty(n_patterns)
    for p in range(activity.shape[0]):
        start = 0
        for k in range(stops.size):
            _one(activity[p, start : stops[k]], norm, of_pattern, targets, ranges, found[p, k])
            start = stops[k]


@compiled
def _one(activity, norm, of_pattern, targets, ranges, found):
    """Write the measures of one population at one point."""
    n_cells, n_patterns = activity.shape
    total, selective, index, n_active_units, unit_loss = 0.0, 0.0, 0.0, 0.0, 0.0
    for q in range(n_patterns):
        norm[q], of_pattern[q] = 0.0, 0.0
    for c in range(n_cells):
        highest, here, n_active = 0.0, 0.0, 0.0
        for q in range(n_patterns):
            a = activity[c, q]
            here += a
            highest = max(highest, a)
            norm[q] += a * a
            if a != 0.0:
                n_active += 1.0
                of_pattern[q] += 1.0
        total += here
        selective += n_active
        unit_loss += ((n_active - targets[2]) / ranges[2]) ** 2
        if highest > 0.0:
            n_active_units += 1.0
            index += 1.0 - here / n_patterns / highest
    sparse, n_active_patterns, pattern_loss = 0.0, 0.0, 0.0
    for q in range(n_patterns):
        sparse += of_pattern[q]
        n_active_patterns += 1.0 if of_pattern[q] > 0.0 else 0.0
        pattern_loss += ((of_pattern[q] - targets[0]) / ranges[0]) ** 2
    similar, pair_loss, n_pairs = _pairs(activity, norm, of_pattern, targets[1], ranges[1])
    found[0] = total / (n_cells * n_patterns)
    found[1] = index / n_active_units if n_active_units > 0.0 else np.nan
    found[2] = sparse / n_patterns
    found[3] = similar / n_pairs if n_pairs > 0.0 else np.nan
    found[4] = selective / n_cells
    found[5] = n_active_patterns / n_patterns
    found[6] = n_active_units / n_cells
    found[7], found[8], found[9] = pattern_loss, pair_loss, unit_loss
    found[10] = ((found[5] - targets[3]) / ranges[3]) ** 2
    found[11] = ((found[6] - targets[4]) / ranges[4]) ** 2
    found[12] = found[7] + found[8] + found[9] + found[10] + found[11]
    if total != total:
        for m in range(found.size):
            found[m] = np.nan


@compiled
def _pairs(activity, norm, of_pattern, target, reach):
    """Return the sum of similarities over pairs of patterns, their loss, and how many there are."""
    n_cells, n_patterns = activity.shape
    similar, loss, n = 0.0, 0.0, 0.0
    for q in range(n_patterns):
        for r in range(q):
            cosine = 1.0
            if of_pattern[q] > 0.0 and of_pattern[r] > 0.0:
                product = 0.0
                for c in range(n_cells):
                    product += activity[c, q] * activity[c, r]
                cosine = product / np.sqrt(norm[q] * norm[r])
            similar += cosine
            loss += ((cosine - target) / reach) ** 2
            n += 1.0
    return similar, loss, n
