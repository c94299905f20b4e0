"""Sums of equal signals that come late, and of which some have the opposite sign."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from spikesweep.units import PER_MS

_ROUNDING = 1e-9  # of a signal


def attenuation(frequency: xr.DataArray, n: Any, delay_step: Any) -> xr.DataArray:
    """Return A_N: what is left at a frequency (Hz) of the sum of n signals, each `delay_step` (ms) later."""
    d = delay_step * PER_MS
    one = np.sin(np.pi * frequency * d)
    all_together = np.sin(np.pi * frequency * d * n)
    small = abs(one) < 1e-12
    kept: xr.DataArray = abs(all_together / (n * xr.where(small, 1.0, one)))
    return kept.where(~small, 1.0)


def disc_attenuation(frequency: xr.DataArray, n: Any, delay_step: Any) -> xr.DataArray:
    """Return what `attenuation` does for the n cells nearest to the middle of a disc."""
    numbers = xr.DataArray(n)
    places = xr.DataArray(np.sqrt(np.arange(int(numbers.max())) / np.pi), dims="cell")
    waves = np.exp(-2j * np.pi * frequency * (places * delay_step * PER_MS))
    return xr.DataArray(abs(waves.cumsum("cell").isel(cell=numbers - 1)) / numbers)


def opposed_powers(
    kept: xr.DataArray, n: Any, share: Any, pool: int | None
) -> Iterator[tuple[xr.DataArray, xr.DataArray]]:
    """Yield how likely each number of opposed signals among n is, and the power of their sum, over n.

    `kept` is what `attenuation` returns, of signals with one sign; `share` of those of a `pool`, of any
    number where None, have the other, in any order. The power is the mean over the orders.
    """
    numbers = xr.DataArray(n)
    for k in range(int(numbers.max()) + 1):
        chance = _chance(k, numbers, xr.DataArray(share), pool)
        if (chance > 0.0).any():
            # the mean product of the signs of two
            alike = ((numbers - 2 * k) ** 2 - numbers) / (numbers * np.maximum(numbers - 1, 1))
            yield chance, (1.0 + (numbers * kept**2 - 1.0) * alike).clip(min=0.0)


def _chance(k: int, n: xr.DataArray, share: xr.DataArray, pool: int | None) -> xr.DataArray:
    from scipy.stats import binom, hypergeom  # late: a second, and few ask for it

    if pool is None:
        found: xr.DataArray = xr.apply_ufunc(binom.pmf, k, n, share)
    else:
        found = xr.apply_ufunc(hypergeom.pmf, k, pool, np.floor(pool * share + _ROUNDING), n)
    return found
