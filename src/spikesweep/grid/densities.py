"""Densities and distribution functions of recorded priors (`grid.priors`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.labels import same_labels
from spikesweep.grid.priors import SAMPLED, SPACINGS, Spec, frozen_of, mass_of


def log_density(recorded: Spec, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the logarithm of the density of a recorded distribution at values, -inf outside of it.

    Of whole numbers and choices it is that of their probability.
    """
    name = recorded["dist"]
    if name == "choices":
        weights = np.array(recorded["weights"]) / np.sum(recorded["weights"])
        among, keys = same_labels(np.array(recorded["values"])), same_labels(np.asarray(values))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log((keys[..., np.newaxis] == among) @ weights), np.float64)
    x = np.asarray(values, np.float64)
    low, high = recorded.get("low", -np.inf), recorded.get("high", np.inf)
    slack = 10.0**-SAMPLED * np.abs(x)  # a value is rounded, and may have left its range by that
    inside = (x >= low - slack) & (x <= high + slack)
    if name not in SPACINGS:
        frozen, mass = frozen_of(recorded), mass_of(frozen_of(recorded), low, high)
        found = frozen.logpdf(x) - np.log(mass)
    elif recorded["integer"]:
        inside &= x == np.round(x)
        whole = np.where(inside, x, low)
        n = high - low + 1
        found = np.log(np.log1p(1 / whole) / np.log((high + 1) / low)) if name == "loguniform" else -np.log(n)
    else:
        width = np.log(high / low) if name == "loguniform" else high - low
        found = -np.log(width * (np.where(inside, x, low) if name == "loguniform" else 1.0))
    return np.where(inside, found, -np.inf)


def cumulative(recorded: Spec, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability of a recorded distribution up to each value, 0 .. 1.

    It is that of the continuous ones: whole numbers and choices are refused before.
    """
    x = np.asarray(values, np.float64)
    low, high = recorded.get("low", -np.inf), recorded.get("high", np.inf)
    if recorded["dist"] == "uniform":
        found = (x - low) / (high - low)
    elif recorded["dist"] == "loguniform":
        found = np.log(np.maximum(x, low) / low) / np.log(high / low)
    else:
        frozen = frozen_of(recorded)
        if low > frozen.ppf(0.5):  # there the upper tail has more digits
            below = frozen.sf(low) - frozen.sf(x)
        else:
            below = frozen.cdf(x) - (frozen.cdf(low) if np.isfinite(low) else 0.0)
        found = below / mass_of(frozen, low, high)
    return np.asarray(np.clip(found, 0.0, 1.0), np.float64)
