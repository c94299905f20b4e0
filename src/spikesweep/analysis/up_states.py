"""Up and Down states of a network, from the rate of a population in time bins.

A state is Up from a bin whose rate is `high` or more up to one whose rate is below `low` (two thresholds, so
that a rate near one does not flicker); Downs up to `gap` between two Ups are part of one Up; then Ups up to
`shortest` are none, such as the answer to a kick that fails. Gap and shortest state as in the analysis of
Soldado-Magraner, Seay, Laje and Buonomano 2022, doi:10.1073/pnas.2200621119 (code:
mikejseay/spiking-upstates): bins of 10 ms, Up from 0.2 Hz of inhibitory cells on, gaps up to 100 ms, longer
than 100 ms. The thresholds here are for the network of Jercog et al. 2017, doi:10.7554/eLife.22425. Durations
are those of states with a beginning and an end in the run.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.units import Hz, ms

Array = NDArray[np.float64]
_OF_STATES = ("n_up", "up_fraction", "up_duration", "up_duration_sd", "down_duration", "down_duration_sd")


class Rule(NamedTuple):
    """What counts as an Up state."""

    high: Hz = 1.0  #: rate that begins one
    low: Hz = 0.5  #: rate below which one ends
    gap: ms = 100.0  #: longest interruption
    shortest: ms = 100.0  #: what is not longer is none


#: For the network of Jercog et al. 2017.
RULE = Rule()


def is_up(rate: Array, width: ms, rule: Rule = RULE) -> NDArray[np.bool_]:
    """Return whether each time bin belongs to an Up state, shape (bins,); bins of `width`.

    >>> rate = np.array([0.0, 2.0, 0.7, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0])
    >>> is_up(rate, 50.0, Rule(gap=50.0)).astype(int).tolist()
    [0, 1, 1, 1, 1, 0, 0, 0, 0]
    """
    decided = np.flatnonzero((rate >= rule.high) | (rate < rule.low))
    last = np.searchsorted(decided, np.arange(len(rate)), side="right") - 1
    up = np.zeros(len(rate), np.bool_)
    up[last >= 0] = rate[decided[last[last >= 0]]] >= rule.high
    for state, longest in ((False, rule.gap), (True, rule.shortest)):
        for begin, end in _runs(up):
            inside = state or (begin > 0 and end < len(up))  # a Down at an end is between no Ups
            if up[begin] == state and inside and (end - begin) * width <= longest * (1.0 + 1e-9):
                up[begin:end] = not state
    return up


def up_states(ds: xr.Dataset, population: str, rule: Rule = RULE, discard: ms = 0.0) -> xr.Dataset:
    """Return measures of the Up and Down states of each network of a sweep of protocol=spiking_network.

    `n_up` whole states; `up_fraction` of time; mean and SD of `up_duration` and `down_duration` (ms);
    `up_rate` and `down_rate` (Hz) of each population. The rate of `population` decides. The first `discard`
    ms are left out. NaN where there is no such state, and all of a network that was not simulated to its end.
    Raises InputError for an unknown population and for thresholds in the wrong order.
    """
    rates, names, width = _chosen(ds, population, rule, discard)
    of_states, of_rates = xr.apply_ufunc(
        lambda x: _measured(x, width, names.index(population), rule),
        rates,
        input_core_dims=[["population", "time_bin"]],
        output_core_dims=[["measure"], ["state", "population"]],
        vectorize=True,
    )
    units = {"n_up": "1", "up_fraction": "1"}
    found = {
        name: of_states.isel(measure=k).assign_attrs(units=units.get(name, "ms"))
        for k, name in enumerate(_OF_STATES)
    }
    for k, name in enumerate(("down_rate", "up_rate")):
        found[name] = of_rates.isel(state=k).assign_attrs(units="Hz")
    return xr.Dataset(found)


def lag_correlations(
    ds: xr.Dataset,
    population: str,
    rule: Rule = RULE,
    discard: ms = 0.0,
    over: Sequence[str] = ("seed",),
    outlier: float = 2.5,
) -> xr.Dataset:
    """Return how the durations of consecutive states correlate (Pearson), as in Jercog et al. 2017.

    `up_down`: of an Up state and the Down state after it; `down_up`: of a Down state and the Up state after
    it; `n_up_down`, `n_down_up`: from how many pairs, those of the networks along `over` together. Durations
    further than `outlier` SDs from the mean of their kind are left out, as in the code of
    Soldado-Magraner et al. 2022. NaN below three pairs, or where a duration is always the same. Raises
    InputError as `up_states`.
    """
    rates, names, width = _chosen(ds, population, rule, discard)
    dims = [dim for dim in over if dim in rates.dims]
    values = xr.apply_ufunc(
        lambda x: _lagged(x.reshape(-1, *x.shape[-2:]), width, names.index(population), rule, outlier),
        rates,
        input_core_dims=[[*dims, "population", "time_bin"]],
        output_core_dims=[["measure"]],
        vectorize=True,
    )
    found = ("up_down", "down_up", "n_up_down", "n_down_up")
    return xr.Dataset({name: values.isel(measure=k).assign_attrs(units="1") for k, name in enumerate(found)})


def _chosen(ds: xr.Dataset, population: str, rule: Rule, discard: ms) -> tuple[xr.DataArray, list[str], ms]:
    """Return the rates of whole networks after `discard`, the names of populations, the width of a bin."""
    rates = ds["population_rate"]
    names = rates["population"].values.tolist()
    if population not in names:
        raise InputError(f"population = {population!r}; allowed: {', '.join(names)}")
    if not 0.0 < rule.low <= rule.high:
        raise InputError(
            f"low = {rule.low} Hz with high = {rule.high} Hz; allowed: above 0, and high not below low"
        )
    rates = rates.sel(time_bin=slice(discard, None)).load()
    if "status" in ds:
        rates = rates.where(ds["status"].load() == OK)
    if rates.sizes["time_bin"] < 2:
        raise InputError(
            f"discard = {discard} ms leaves {rates.sizes['time_bin']} time bins; allowed: at least two"
        )
    begin = rates["time_bin"].values
    return rates, names, float(begin[1] - begin[0])


def _lagged(rates: Array, width: ms, which: int, rule: Rule, outlier: float) -> Array:
    """Return correlations and numbers of pairs, of the rates of networks (networks, populations, bins)."""
    pairs: dict[bool, list[tuple[int, int]]] = {True: [], False: []}  # by whether the first one is Up
    for one in rates:
        if np.isnan(one).any():
            continue
        up = is_up(one[which], width, rule)
        for (a, b), (_, c) in pairwise(_runs(up)[1:-1]):
            pairs[bool(up[a])].append((b - a, c - b))
    found = [_correlation(np.array(pairs[first], float).reshape(-1, 2), outlier) for first in (True, False)]
    return np.array([*(r for r, _ in found), *(n for _, n in found)])


def _correlation(pairs: Array, outlier: float) -> tuple[float, float]:
    """Return the correlation of pairs without outliers, and how many they are."""
    if len(pairs):
        far = abs(pairs - pairs.mean(axis=0)) > outlier * pairs.std(axis=0)
        pairs = pairs[~far.any(axis=1)]
    if len(pairs) < 3 or (np.ptp(pairs, axis=0) == 0.0).any():
        return np.nan, float(len(pairs))
    matrix: Array = np.asarray(np.corrcoef(pairs.T))
    return float(matrix[0, 1]), float(len(pairs))


def _runs(up: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first bin and the bin after the last of each state, in the order of time."""
    edges = [0, *(np.flatnonzero(np.diff(up.astype(np.int8))) + 1).tolist(), len(up)]
    return list(pairwise(edges))


def _measured(rates: Array, width: ms, which: int, rule: Rule) -> tuple[Array, Array]:
    """Return the measures of states, and the rates in Down and Up states, shape (2, populations)."""
    if np.isnan(rates).any():
        return np.full(len(_OF_STATES), np.nan), np.full((2, len(rates)), np.nan)
    up = is_up(rates[which], width, rule)
    whole = _runs(up)[1:-1]
    ups = [(b - a) * width for a, b in whole if up[a]]
    downs = [(b - a) * width for a, b in whole if not up[a]]
    found = [float(len(ups)), float(up.mean()), *_mean_sd(ups), *_mean_sd(downs)]
    either = [
        rates[:, up == state].mean(axis=1) if (up == state).any() else np.full(len(rates), np.nan)
        for state in (False, True)
    ]
    return np.array(found), np.array(either)


def _mean_sd(durations: list[float]) -> tuple[float, float]:
    if not durations:
        return np.nan, np.nan
    return float(np.mean(durations)), float(np.std(durations))
