"""Points that are chosen to make a number small, by Optuna: the one file that knows it, an optional package.

By a tree-structured Parzen estimator (Bergstra et al. 2011) in the unit cube, all axes together. The sampler
is made anew for each batch and told all points, so that a batch follows from them and from nothing else.
"""

import warnings
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import is_label
from spikesweep.grid.schema import DONE, GATED

if TYPE_CHECKING:
    import xarray as xr

#: Keys of a configuration by which points follow results; also the `method` of a record of such points.
BY_RESULTS = ("refine", "optimise")


def optuna(what: str) -> ModuleType:
    """Return Optuna; raise InputError where it is not installed."""
    try:
        found = import_module("optuna")
    except ImportError as error:
        raise InputError(
            f'{what} needs the package optuna; allowed: pip install "spikesweep[optimisation]", or refine, '
            "or a sample"
        ) from error
    found.logging.set_verbosity(found.logging.WARNING)
    return found


def chosen(unit: NDArray[np.float64], losses: NDArray[np.float64], n: int, seed: int) -> NDArray[np.float64]:
    """Return n new points of the unit cube, shape (n, axes), given points and their losses, NaN where none.

    Points without a loss count as worse than all others.
    """
    package = optuna("optimise")
    with warnings.catch_warnings():  # that its options may change
        warnings.simplefilter("ignore", package.exceptions.ExperimentalWarning)
        own = (seed * 1_000_003 + len(unit)) % 2**32
        options = {"n_startup_trials": 1, "multivariate": True, "constant_liar": True}
        sampler = package.samplers.TPESampler(seed=own, **options)
    study = package.create_study(sampler=sampler)
    names = [f"u{i}" for i in range(unit.shape[1])]
    space = {name: package.distributions.FloatDistribution(0.0, 1.0) for name in names}
    states = package.trial.TrialState
    for row, loss in zip(unit.tolist(), losses.tolist(), strict=True):
        known = np.isfinite(loss)
        state, value = (states.COMPLETE, loss) if known else (states.PRUNED, None)
        params = dict(zip(names, row, strict=True))
        study.add_trial(
            package.trial.create_trial(state=state, value=value, params=params, distributions=space)
        )
    asked = [study.ask(space) for _ in range(n)]
    return np.array([[trial.params[name] for name in names] for trial in asked])


def valid(ds: "xr.Dataset", variable: str, at: Mapping[str, Any]) -> "xr.DataArray":
    """Return a variable at labels of its other dimensions, loaded; NaN where a point has no valid results."""
    values = ds[variable].where(ds["status"].isin(DONE)).load()
    for dim, label in at.items():
        values = values.isel({dim: int(np.flatnonzero(is_label(values[dim].values, label))[0])})
    return values


def losses(ds: "xr.Dataset", rule: Mapping[str, Any]) -> "xr.DataArray":
    """Return what is made small, along point: the distance from a target, or a number or its negative.

    Means over the seeds that did not fail; NaN where nothing is valid, or a seed is gated: else a point would
    win by the seeds that its gate lets through. `rule` says variable, at, direction, target.
    """
    import xarray as xr  # late: what chooses no points needs none

    values = valid(ds, rule["variable"], rule["at"])
    if "seed" in values.dims:
        values = values.mean("seed").where(~(ds["status"].load() == GATED).any("seed"))
    values = values.squeeze([d for d in values.dims if d != POINT.name], drop=True)
    if rule["target"] is not None:
        return xr.DataArray(abs(values - rule["target"]))
    return xr.DataArray(-values if rule["direction"] == "maximise" else values)


def best(ds: "xr.Dataset", record: Mapping[str, Any]) -> "xr.Dataset":
    """Return the point of least loss, with its `loss`; raise InputError where nothing was searched for."""
    if "optimise" not in record:
        raise InputError("these points were not chosen by optimise; allowed: a sweep with optimise={...}")
    found = losses(ds, record["optimise"])
    if not found.notnull().any():
        raise InputError(f"no point has a valid {record['optimise']['variable']}")
    return ds.assign(loss=found).isel({POINT.name: int(np.nanargmin(found.values))}).load()
