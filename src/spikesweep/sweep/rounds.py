"""Sweeps that go on by what came out: each round asks for more than the one before, in the same store.

What a round asks for follows from the results of the earlier ones alone, which the store holds. So a run that
was killed, or one that is given more to do, goes through the same rounds again, computes nothing that is
there, and goes on where it was.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.analysis.replicates import interval, repetitions
from spikesweep.config.options import Options
from spikesweep.config.rounds import Chosen, Refine, Replicate, Round
from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.densities import cumulative
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import is_label
from spikesweep.grid.mesh import chosen
from spikesweep.grid.priors import values_of
from spikesweep.grid.schema import Coordinate
from spikesweep.grid.trials import chosen as trials
from spikesweep.grid.trials import losses, valid
from spikesweep.store import Store
from spikesweep.sweep.job import Job

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Next:
    """What comes after a round."""

    round: Round | None  #: none after the last
    text: str  #: how far it is


def after(job: Job, options: Options, ds: "xr.Dataset") -> Next:
    """Return what comes after a round, given all that it asked for; raise InputError."""
    if options.chosen:
        return _more_points(job, options.chosen, ds)
    assert options.replicate
    return _more_seeds(options.replicate, ds)


def _more_seeds(replicate: Replicate, ds: "xr.Dataset") -> Next:
    n, name = ds.sizes["seed"], replicate.variable
    measured = interval(valid(ds, name, {}))
    worst, units = float(measured["sem"].max()), ds[name].attrs.get("units", "1")
    unknown = int(measured["sem"].isnull().sum())
    more = f"; {unknown} have fewer than two results" if unknown else ""
    where = f"{name}: SEM up to {worst:.3g} {units} at {measured['sem'].size} points with {n} seeds{more}"
    missed = int((measured["sem"] > replicate.sem).sum())
    if not missed:
        return Next(None, where)
    if n >= replicate.most:
        return Next(None, f"{where}; {missed} above {replicate.sem:g}: replicate.most = {replicate.most}")
    wanted = max(n + replicate.batch, repetitions(measured, replicate.sem))
    return Next(Round(seeds=min(wanted, replicate.most)), where)


def check_chosen(job: Job, refine: Chosen) -> None:
    """Refuse results that are more than a number at each point; raise InputError."""
    variable = next(v for v in job.variables if v.name == refine.variable)
    labels: dict[str, Any] = {dim: job.coordinates.get(dim, []) for dim in variable.dims}
    labels |= {
        axis.name: values
        for axis, values in zip(job.grid.axes, job.grid.values, strict=True)
        if axis.name not in ("seed", POINT.name, *variable.without)
    }
    for dim in refine.at:
        if dim not in labels:
            text = f"{refine.key}.at.{dim} is no dimension of {variable.name}"
            raise InputError(f"{text}; {nearest(dim, labels)}")
    for dim, each in labels.items():
        own = each.values if isinstance(each, Coordinate) else np.asarray(each)
        given = refine.at.get(dim)
        if given is None and len(own) > 1:
            raise InputError(
                f"{refine.key}: {variable.name} has {len(own)} values along {dim} at each point; "
                f"allowed: {refine.key}.at.{dim} = one of {shown(own.tolist())}"
            )
        if given is not None and not is_label(own, given).any():
            raise InputError(f"{refine.key}.at.{dim} = {given!r}; allowed: one of {shown(own.tolist())}")


def _more_points(job: Job, refine: Chosen, ds: "xr.Dataset") -> Next:
    """Return the round after one of points, all of which have been computed, or failed."""
    n, record = ds.sizes[POINT.name], job.grid.sample
    stored = _stored(job)
    text = f"{refine.variable}: {n} of {refine.budget} points chosen"
    if n >= refine.budget:
        return Next(None, text)
    whole = refine.rounds(min(len(stored), refine.budget))
    if whole > n:  # rounds that an earlier run has been through
        return Next(Round(points=stored[:whole]), text)
    wanted = min(refine.after(n), refine.budget)
    if len(stored) < wanted:  # perhaps a part of the round is there, by a smaller budget
        by = _chosen if isinstance(refine, Refine) else _tried
        new = by(refine, record["axes"], ds, refine.after(n) - n)
        if new is None:
            return Next(None, f"{text}; too few have results to choose more")
        there = {tuple(row) for row in stored.tolist()}
        stored = np.concatenate([stored, [row for row in new.tolist() if tuple(row) not in there]])
        if len(stored) <= n:
            return Next(None, f"{text}; none is left to choose")
    return Next(Round(points=stored[:wanted]), text)


def _stored(job: Job) -> NDArray[np.float64]:
    """Return the points that the store of a sweep has, shape (points, axes); refuse those of another rule."""
    store = Store.at(job.path)
    assert store is not None
    if store.attrs.get("sample") != job.grid.sample:
        key = job.grid.sample["method"]
        there = (store.attrs.get("sample") or {}).get(key)
        raise InputError(
            f"{store.path} has points chosen by {key} = {there}, here {job.grid.sample[key]}; "
            "allowed: the same, another name=..., or overwrite=true"
        )
    columns = store.columns()
    return np.stack([columns[axis.name] for axis, _ in job.grid.columns], axis=1)


def _chosen(refine: Any, axes: Mapping[str, Any], ds: "xr.Dataset", n: int) -> NDArray[Any] | None:
    """Return n new points by what came out at those that are there; None where that is too little."""
    values = valid(ds, refine.variable, refine.at)
    if "seed" in values.dims:
        measured = interval(values)
        y, sem = measured["mean"], measured["sem"].fillna(0.0)
    else:
        y, sem = values, values * 0.0
    numbers = [array.squeeze([d for d in array.dims if d != POINT.name]).values for array in (y, sem)]
    unit = np.stack([cumulative(prior, ds[name].values) for name, prior in axes.items()], axis=1)
    good = np.isfinite(numbers[0])
    own, doubt = (array[good] for array in numbers)
    if good.sum() < unit.shape[1] + 2 or (np.ptp(unit[good], axis=0) == 0).any():
        return None
    level = 0.0 if refine.level is None else refine.level
    more = n + int((~good).sum())  # a place that failed may come up again
    found = values_of(axes, chosen(unit[good], own, doubt, refine.loss, level, more))
    known = {tuple(row) for row in values_of(axes, unit[~good]).tolist()}
    new = [row for row in found.tolist() if tuple(row) not in known]
    return np.array(new[:n])


def _tried(optimise: Any, axes: Mapping[str, Any], ds: "xr.Dataset", n: int) -> NDArray[Any] | None:
    """Return n new points by how good those are that are there; None where none has a result."""
    found = losses(ds, asdict(optimise)).values
    if not np.isfinite(found).any():
        return None
    unit = np.stack([cumulative(prior, ds[name].values) for name, prior in axes.items()], axis=1)
    return values_of(axes, trials(np.clip(unit, 0.0, 1.0), found, n, optimise.seed))
