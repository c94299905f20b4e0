"""Which neurons of a recurrent network drive an imaged one, told from its potential and everybody's spikes.

Each imaged neuron is tested with the trains of all others: by the shuffle test of `analysis.shuffle_test`,
one input at a time, or by the regression of `analysis.connection_regression` on all of them at once.
Decisions are taken over all pairs with a bounded false discovery rate (Benjamini and Hochberg), then compared
with the connections that the network has. Neurons of a network do not fire independently, as inputs of the
connection test do: who fires together with an input passes for one in an average, less so in a regression.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray

from spikesweep.analysis.connection_regression import Course, discoveries, regress
from spikesweep.analysis.connection_test import connections
from spikesweep.analysis.detection import roc
from spikesweep.errors import InputError
from spikesweep.grid.schema import DONE
from spikesweep.kernels.random.draws import uniform_numbers
from spikesweep.kernels.random.philox import derive
from spikesweep.units import Fraction, NonNegative, mV

Array = NDArray[np.float64]
Method = Literal["shuffle", "regression"]

_SCORES = ("n_found", "n_false", "false_discovery_rate", "detection_rate", "auc")


def found_connections(
    ds: xr.Dataset,
    *,
    method: Method,
    noise_sd: NonNegative[mV],
    q: Fraction = 0.05,
    below: mV = np.inf,
    course: Course | None = None,
    window: float = 100.0,
    n_shuffles: int = 1000,
    noise_seed: int = 0,
) -> xr.Dataset:
    """Return p, decision and truth of each pair of an imaged neuron and another, and how good they are.

    `ds` is one point of a sweep of protocol=spiking_network, `ds.sel(seed=0)`, with spikes, connections and
    the potential of imaged neurons (`protocol.record=[v]`, `protocol.neurons`). It is cut at `below`, then
    imaged with white noise of `noise_sd` a sample. A regression needs the `course` of a response.
    With m pairs of which k are found the shuffle test needs more than m / (q k) shuffles: p is no smaller
    than 1 / (n_shuffles + 1).

    `p_value`, `found`, `connected` and `weight` have the dims (recorded, neuron), p is NaN of a neuron and
    itself; `n_found`, `n_false`, `false_discovery_rate`, `detection_rate` and `auc` are numbers. Raises
    InputError for a store that lacks something.
    """
    _check(method, course)
    v, trains, dt = _recording(ds)
    shuffling: dict[str, Any] = {"window": window, "n_shuffles": n_shuffles, "alpha": q, "seed": noise_seed}
    p = np.full((len(v), len(trains)), np.nan)
    for row, (neuron, potential) in enumerate(zip(v["recorded"].values.tolist(), v.values, strict=True)):
        others = np.flatnonzero(np.arange(len(trains)) != neuron)
        key = np.uint64(derive(derive(np.uint64(noise_seed), "imaging", 0.0), "neuron", neuron))
        noise = scipy.special.ndtri(uniform_numbers(key, len(potential)))
        signal = np.minimum(potential, below) + noise_sd * noise
        inputs = [trains[j] for j in others]
        if course is not None:
            p[row, others] = regress(signal, inputs, dt, course)["p_value"].values
        else:
            p[row, others] = connections(signal, inputs, dt, **shuffling)["p_value"].values
    weight = _truth(ds, v["recorded"].values, len(trains))
    return _scored(p, weight, q, v["recorded"])


def scores(ds: xr.Dataset, noise_sd: Sequence[float], **settings: Any) -> xr.Dataset:
    """Return how good `found_connections` is at every point of a sweep, under several noises.

    `n_found`, `n_false`, `false_discovery_rate`, `detection_rate` and `auc` over `noise_sd` (mV) and the
    dimensions of points, NaN where a point has no results. `settings` and errors are those of
    `found_connections`.
    """
    axes = {dim: ds[dim] for dim in ds["status"].dims}
    status = ds["status"].values
    shape = (len(noise_sd), *status.shape)
    found = {name: np.full(shape, np.nan) for name in _SCORES}
    for where in map(tuple, np.argwhere(np.isin(status, DONE)).tolist()):
        one = ds.isel(dict(zip(axes, ([i] for i in where), strict=True)))
        for k, sd in enumerate(noise_sd):
            values = found_connections(one, noise_sd=sd, **settings)
            for name in _SCORES:
                found[name][(k, *where)] = float(values[name])
    dims = ("noise_sd", *axes)
    noise = ("noise_sd", list(noise_sd), {"units": "mV", "long_name": "noise of a sample of the potential"})
    variables = {name: (dims, values, {"units": "1"}) for name, values in found.items()}
    return xr.Dataset(variables, {"noise_sd": noise, **axes})


def _check(method: str, course: Course | None) -> None:
    """Refuse a method that there is not, and one without what it needs; raise InputError."""
    if method not in ("shuffle", "regression"):
        raise InputError(f"method = {method!r} is refused; allowed: shuffle, regression")
    if (method == "regression") != (course is not None):
        text = f"method = {method!r} with course = {course} is refused"
        raise InputError(f"{text}; allowed: a course for a regression, none for shuffles")


def _recording(ds: xr.Dataset) -> tuple[xr.DataArray, list[Array], float]:
    """Return the potentials, shape (recorded, time), the train of each neuron and the time step (ms)."""
    for name, word in (
        ("v", "protocol.record=[v]"),
        ("spike_size", "protocol.record_spikes=true"),
        ("connection_size", "protocol.record_connections=true"),
    ):
        if name not in ds:
            text = f"this sweep has no {name}"
            raise InputError(f"{text}; allowed: one of protocol=spiking_network with {word}")
    several = {dim: n for dim, n in ds["status"].sizes.items() if n > 1}
    if several:
        raise InputError(f"this sweep has points along {several}; allowed: one point, ds.sel(...)")
    v = ds["v"].squeeze(list(ds["status"].dims)).transpose("recorded", "time").load()
    spikes = ds.sweep.spikes()
    whose, times = spikes["spike_neuron"].values, spikes["spike_times"].values
    n = ds.sizes["neuron"] if "neuron" in ds.sizes else int(whose.max(initial=0)) + 1
    order = np.argsort(whose, kind="stable")
    trains = np.split(times[order], np.searchsorted(whose[order], np.arange(1, n)))
    time = v["time"].values
    simulated = np.isfinite(v.values).all(axis=0)  # a shorter point of the sweep has none of the later times
    return v[:, : int(simulated.sum())], trains, float(time[1] - time[0])


def _truth(ds: xr.Dataset, recorded: NDArray[Any], n: int) -> Array:
    """Return the weights onto the recorded neurons, those of a pair added up; zero where there is none."""
    there = ds.sweep.ragged("connection")
    target, source = there["connection_target"].values, there["connection_source"].values
    weight = np.zeros((len(recorded), n))
    for row, neuron in zip(weight, recorded.tolist(), strict=True):
        onto = target == neuron
        np.add.at(row, source[onto], there["connection_weight"].values[onto])
    return weight


def _scored(p: Array, weight: Array, q: Fraction, recorded: xr.DataArray) -> xr.Dataset:
    found, connected, tested = discoveries(p.ravel(), q).reshape(p.shape), weight != 0.0, np.isfinite(p)
    n_found, n_false = int(found.sum()), int((found & ~connected).sum())
    there = connected & tested
    pairs = ("recorded", "neuron")
    return xr.Dataset(
        {
            "p_value": (pairs, p, {"units": "1", "long_name": "probability without a connection"}),
            "found": (pairs, found, {"long_name": "whether it is found"}),
            "connected": (pairs, connected, {"long_name": "whether there is a connection"}),
            "weight": (pairs, weight, {"units": "1", "long_name": "multiple of the weight of its synapse"}),
            "n_found": ((), n_found, {"units": "1"}),
            "n_false": ((), n_false, {"units": "1"}),
            "false_discovery_rate": ((), n_false / max(n_found, 1), {"units": "1"}),
            "detection_rate": ((), found[there].sum() / max(there.sum(), 1), {"units": "1"}),
            "auc": ((), roc(p.ravel(), there.ravel(), (~connected & tested).ravel()).area(), {"units": "1"}),
        },
        {"recorded": recorded.values, "neuron": np.arange(p.shape[1])},
    )
