"""The connection test of a recorded signal: which of given spike trains are its neuron's inputs.

The test itself, its statistics and its departures from the original are those of `analysis.shuffle_test`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.random import RandomState
from numpy.typing import ArrayLike

from spikesweep.analysis.shuffle_test import Found as Found
from spikesweep.analysis.shuffle_test import Settings as Settings
from spikesweep.analysis.shuffle_test import Statistic, batch_averages
from spikesweep.analysis.shuffle_test import p_values as p_values
from spikesweep.analysis.shuffle_test import relative_height as relative_height
from spikesweep.analysis.shuffle_test import shuffle_test as shuffle_test
from spikesweep.analysis.shuffle_test import sign as sign
from spikesweep.errors import InputError
from spikesweep.kernels.random.philox import derive
from spikesweep.models.inputs.spike_trains import KeyedShuffles, LegacyShuffles, Trains, trains_of
from spikesweep.units import ms


def connections(
    signal: ArrayLike,
    spike_times: Sequence[ArrayLike],
    dt: ms,
    *,
    window: ms,
    n_shuffles: int,
    alpha: float,
    statistic: Statistic = "height",
    seed: int = 0,
    legacy: bool = False,
) -> xr.Dataset:
    """Return the test of every input of a recorded signal (mV), along `input`.

    `spike_times` (ms, sorted) are those of the inputs; `legacy` draws the shuffles as the original does.
    Raises InputError for a signal that is not finite or shorter than the window, and for times that are
    not sorted, negative or not finite.
    """
    values = np.asarray(signal, np.float64)
    samples = round(window / dt)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError("the signal has values that are not finite, or more than one dimension")
    if not 1 <= samples < len(values):
        raise InputError(f"window = {window} ms is refused; allowed: {dt} to {(len(values) - 1) * dt} ms")
    trains = _checked(spike_times, dt)
    n = trains.n
    keys = derive(derive(np.uint64(seed), "shuffles", 0.0), "input", np.arange(n))
    shuffles = LegacyShuffles(RandomState(seed)) if legacy else KeyedShuffles(keys)
    settings = Settings(samples, n_shuffles, statistic, "corrected", alpha)
    found = shuffle_test(values, trains, shuffles, settings, np.arange(n))
    return labelled(found, settings, dt)


def examples(
    signal: ArrayLike, spike_times: ArrayLike, dt: ms, *, window: ms, n_shuffles: int, seed: int = 0
) -> xr.Dataset:
    """Return the average after the spikes of a train, `sta`, and after those of shuffles, `shuffled_sta`.

    The arguments and errors are those of `connections`.
    """
    trains = _checked([spike_times], dt)
    shuffles = KeyedShuffles(derive(np.uint64(seed), "input", np.zeros(1)))
    values, w = np.asarray(signal, np.float64), round(window / dt)
    found = batch_averages(values, trains, shuffles, np.zeros(1, np.int64), n_shuffles, w)[0]
    lag = ("lag", np.arange(w) * dt, {"units": "ms", "long_name": "time after the spike"})
    both = {"sta": ("lag", found[0]), "shuffled_sta": (("shuffle", "lag"), found[1:])}
    return xr.Dataset(both, coords={"lag": lag})


def _checked(spike_times: Sequence[ArrayLike], dt: ms) -> Trains:
    for number, times in enumerate(spike_times):
        t = np.asarray(times, np.float64)
        if t.ndim != 1 or not np.isfinite(t).all() or (np.diff(t, prepend=0.0) < 0.0).any():
            raise InputError(
                f"the spike times of input {number} are refused; allowed: finite, sorted, from 0 on"
            )
    return trains_of(spike_times, dt)


def labelled(found: Found, settings: Settings, dt: ms) -> xr.Dataset:
    """Return what was found with its names and units."""
    along = ("input",)
    variables: dict[str, tuple[Any, Any, str]] = {
        "sta": (("input", "lag"), found.sta, "mV"),
        "sta_height": (along, found.height, "mV"),
        "shuffled_height": (("input", "shuffle"), found.shuffled_height, "mV"),
        "n_larger": (along, found.n_larger, "1"),
        "p_value": (along, found.p_value(settings, "corrected"), "1"),
        "p_upstream": (along, found.p_value(settings, "upstream"), "1"),
        "relative_height": (along, relative_height(found), "1"),
        "sta_area": (along, found.area * dt, "mV ms"),
        "sign": (along, sign(found), "1"),
        "template_correlation": (along, found.template_correlation, "1"),
    }
    lag = ("lag", np.arange(settings.window) * dt, {"units": "ms", "long_name": "time after the spike"})
    ds = xr.Dataset({k: (dims, v, {"units": unit}) for k, (dims, v, unit) in variables.items()})
    return ds.assign_coords(lag=lag)
