"""The public names for sweeps: load, run, plan, open, replay."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from spikesweep import trust
from spikesweep.api import join
from spikesweep.api.main import plan_of, run_rounds
from spikesweep.config import compose
from spikesweep.config.compose import Configuration
from spikesweep.errors import InputError
from spikesweep.store import Store, folders, place
from spikesweep.store import accessor as accessor  # registers ds.sweep
from spikesweep.sweep import replay as recompute
from spikesweep.sweep.job import make_job

if TYPE_CHECKING:
    from spikesweep.sweep.plan import Plan

load = compose.load


def run(cfg: Configuration) -> xr.Dataset:
    """Run what is missing of a configuration's sweep and return its dataset, read lazily.

    Raises InputError where the configuration or its store is refused, and where it asks for a plan alone.
    """
    job, compute, options = make_job(cfg)
    if options.plan:
        raise InputError("plan = True is refused by ss.run; allowed: ss.plan(cfg), or plan=false")
    return run_rounds(cfg, job, compute, options)[1].dataset


def plan(cfg: Configuration) -> "Plan":
    """Return what `run` would do, and how long it would take here; as text it is that of `plan=true`.

    Some points are computed to see how long they take, and nothing is written. Raises InputError.
    """
    return plan_of(*make_job(cfg))


def open(path: str | Path | Sequence[str | Path]) -> xr.Dataset | xr.DataTree:  # the word of xarray and zarr
    """Return a sweep's dataset, or those of all sweeps in a folder or below a URL, read lazily.

    Of a pattern (`"outputs/*/adexp-fs_rs*.zarr"`) or a list of paths, as `xarray.open_mfdataset` takes them,
    it is one dataset: each plain value in which the configurations differ is an axis. Raises InputError
    where they differ in more, or code does.

    Sweeps of one protocol over the same axes are joined along `neuron` and `network`, others come as a
    DataTree. Raises InputError where there is no store.
    """
    if not isinstance(path, (str, Path)):
        return join.join(path)
    found = join.matches(path)
    return folders.open_folder(place(path)) if found is None else join.join(found)


def replay(
    path: str | Path,
    population: str | None = None,
    neuron: int = 0,
    models: str | Path | Sequence[str | Path] = (),
    **axes: float,
) -> xr.Dataset:
    """Compute one point of a store again, from the store alone, with full traces over `time`.

    `axes` are the point's values (`fe=4, fi=10, seed=3`); the traces are those of neuron number `neuron`.
    `models` is a folder of models outside this package, or several, as in `load("models=FOLDER")`.
    Protocols without traces give the stored point, once it has come out equal. Raises InputError for a
    point that the store does not hold or has not computed, ArithmeticError where the stored value does
    not come out equal, and for a point that failed what it failed with.
    """
    trust.named_words(())
    trust.trust([models] if isinstance(models, (str, Path)) else models)
    at = place(path)
    store = Store.at(at) if isinstance(at, Path) else None
    if store is None:
        what = "does not exist" if isinstance(at, Path) else "is a URL, and is refused"
        raise InputError(f"{at} {what}; allowed: the path of a store (.zarr)")
    labels = {**axes, **({} if population is None else {"population": population})}
    return recompute.replay(store, labels, neuron)
