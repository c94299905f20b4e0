"""How well a test separates what is there from what is not: rates of detection and ROC curves.

The area under the curve is that by trapezoids, and also the original's by left rectangles (code: tfiers/phd).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Roc(NamedTuple):
    """Rates at each threshold, which rise from zero through all p-values."""

    threshold: Array
    tpr: Array
    fpr: Array

    def area(self) -> float:
        """Return the area below the curve, with lines between its points; NaN where a class is empty."""
        if len(self.threshold) < 2:  # no input has a p
            return float("nan")
        return float(np.sum(np.diff(self.fpr) * 0.5 * (self.tpr[1:] + self.tpr[:-1])))

    def area_left(self) -> float:
        """Return the original's area: each step counts the left point's rate, which ties lower."""
        if len(self.threshold) < 2:
            return float("nan")
        return float(np.sum(np.diff(self.fpr) * self.tpr[:-1]))


def roc(p: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Roc:
    """Return the curve that separates two classes by p; inputs without a p are left out."""
    p = np.asarray(p, np.float64)
    threshold = np.unique(np.concatenate([[0.0], p[np.isfinite(p)]]))
    below = p[np.newaxis] <= threshold[:, np.newaxis]
    return Roc(threshold, _share(below, p, positive), _share(below, p, negative))


def _share(chosen: NDArray[np.bool_], p: Array, members: ArrayLike) -> Array:
    """Return the share of the members of a class that are chosen, NaN where it is empty."""
    inside = np.asarray(members, bool) & np.isfinite(p)
    with np.errstate(invalid="ignore"):
        share: Array = chosen[..., inside].sum(axis=-1) / np.float64(inside.sum())
    return share


def evaluate(
    p: ArrayLike, is_connected: ArrayLike, is_inhibitory: ArrayLike, alpha: float
) -> dict[str, float]:
    """Return the rates of detection at `alpha` and the areas below the ROC curves, by name.

    True positives are counted over all connected inputs, and over those of a type; false ones over all that
    are not connected, of whatever type. NaN where a class is empty.
    """
    p, connected = np.asarray(p, np.float64), np.asarray(is_connected, bool)
    inhibitory = np.asarray(is_inhibitory, bool)
    types = {"": connected, "_exc": connected & ~inhibitory, "_inh": connected & inhibitory}
    found = {f"tpr{name}": float(_share(p <= alpha, p, members)) for name, members in types.items()}
    found["fpr"] = float(_share(p <= alpha, p, ~connected))
    for name, members in types.items():
        curve = roc(p, members, ~connected)
        found |= {f"auc{name}": curve.area(), f"auc{name}_left": curve.area_left()}
    return found


def fastest(
    counts: NDArray[np.int64],
    is_connected: NDArray[np.bool_],
    is_inhibitory: NDArray[np.bool_],
    n: int | None,
) -> NDArray[np.int64]:
    """Return the inputs to test: of each class the n with most spikes, the first ones among equals; or all.

    The classes are connected excitatory, connected inhibitory, and not connected.
    """
    if n is None:
        return np.arange(len(counts))
    classes = (is_connected & ~is_inhibitory, is_connected & is_inhibitory, ~is_connected)
    chosen = []
    for members in map(np.flatnonzero, classes):
        order = np.argsort(-counts[members], kind="stable")
        chosen.append(members[order[:n]])
    return np.sort(np.concatenate(chosen))
