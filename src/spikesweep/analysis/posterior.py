"""A posterior from the simulations of a sampled sweep: approximate Bayesian computation, with regression.

Of all simulations those whose results are nearest to an observation are kept, weighted by their distance, and
moved to where the observation is by a linear regression of parameters on results (Beaumont, Zhang and Balding
2002, doi:10.1093/genetics/162.4.2025). The regression is of normal scores of the prior: what it moves stays
within.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.analysis.samples import Arrays, arrays, results_of, sample_of
from spikesweep.errors import InputError, nearest
from spikesweep.grid.densities import cumulative
from spikesweep.grid.priors import sampled
from spikesweep.grid.schema import Axis
from spikesweep.store import durable

Array = NDArray[np.float64]
Observed = Mapping[str, float] | Sequence[float] | Array
#: How near to the ends of a prior its normal scores are taken.
_END = 1e-9


def abc(
    ds: xr.Dataset,
    observed: Observed,
    variables: Sequence[str] | None = None,
    *,
    accept: float = 0.05,
    adjust: bool = True,
) -> xr.Dataset:
    """Return draws of the posterior of a sampled sweep's parameters, given observed results.

    `observed` holds the results by their names in `arrays(ds, variables)`, or in that order. The part
    `accept` of the valid simulations that is nearest to it is kept; distances are those of results in units
    of their median absolute deviation. With `adjust` the draws are moved by regression; else they are
    simulations that were run, and as wide as the results that were accepted. The dataset has a variable for
    each parameter along `draw`, in its unit, and `weight` (mean 1) and `distance`; `attrs` says of how many
    simulations.

    Raises InputError for a sweep that was not sampled, for observations of other names or not finite, for
    results that are the same everywhere, for parts too small for the regression, and, with `adjust`, for
    whole numbers and choices.
    """
    table = arrays(ds, variables)
    record = sample_of(ds)
    at = _observation(observed, table.x_names)
    theta, x = table.theta[table.valid], table.x[table.valid]
    n = _accepted(accept, len(x), x.shape[1] + 1 if adjust else 1)
    apart = (x - at) / _spread(x, table.x_names)
    distance = np.sqrt((apart**2).sum(axis=1))
    near = np.argsort(distance, kind="stable")[:n]
    theta, apart, distance = theta[near], apart[near], distance[near]
    widest = distance[-1]
    weight = np.ones(n) if widest == 0.0 else np.maximum(1.0 - (distance / widest) ** 2, 0.0)
    if not adjust:
        weight = np.ones(n)
    elif np.count_nonzero(weight) <= x.shape[1] + 1:
        weight = np.ones(n)  # nearly all are equally near
    if adjust:
        theta = _moved(theta, apart, weight, record["priors"])
    return _draws(ds, table, theta, weight / weight.mean(), distance, len(x))


def _observation(observed: Observed, names: Sequence[str]) -> Array:
    """Return the observed results in the order of their names."""
    if isinstance(observed, Mapping):
        for name in {*observed} ^ {*names}:
            what = "is not given" if name in names else "is no result"
            raise InputError(f"observed: {name} {what}; {nearest(name, names)}")
        observed = [observed[name] for name in names]
    found = np.asarray(observed, np.float64)
    if found.shape != (len(names),) or not np.isfinite(found).all():
        raise InputError(
            f"observed = {found.tolist()} is refused; allowed: finite numbers, {', '.join(names)}"
        )
    return found


def _accepted(accept: float, n: int, least: int) -> int:
    """Return how many simulations are accepted of n."""
    if not 0.0 < accept <= 1.0:
        raise InputError(f"accept = {accept!r} is refused; allowed: above 0, up to 1")
    found = round(accept * n)
    if found <= least:
        raise InputError(
            f"accept = {accept:g} of {n} valid simulations are {found}; allowed: more than {least}, "
            "by more points or a larger part"
        )
    return found


def _spread(x: Array, names: Sequence[str]) -> Array:
    """Return the median absolute deviation of each result, or where that is 0 its SD; raise InputError."""
    mad = np.median(np.abs(x - np.median(x, axis=0)), axis=0)
    found = np.where(mad > 0.0, mad, x.std(axis=0))
    for name, value in zip(names, found, strict=True):
        if value == 0.0:
            raise InputError(f"{name} is the same in all simulations; allowed: variables=[...] without it")
    return np.asarray(found, np.float64)


def _moved(theta: Array, apart: Array, weight: Array, priors: Mapping[str, Mapping[str, Any]]) -> Array:
    """Return parameters moved along their regression to results that are no longer apart."""
    from scipy import special  # late: it costs a while

    columns = []
    root = np.sqrt(weight)[:, np.newaxis]
    design = np.concatenate([np.ones((len(apart), 1)), apart], axis=1)
    for (name, prior), values in zip(priors.items(), theta.T, strict=True):
        if prior["dist"] == "choices" or prior.get("integer"):
            raise InputError(f"{name} has whole numbers or choices; allowed: adjust=False")
        scores = special.ndtri(np.clip(cumulative(prior, values), _END, 1.0 - _END))
        slopes = np.linalg.lstsq(root * design, root[:, 0] * scores, rcond=None)[0][1:]
        unit = special.ndtr(scores - apart @ slopes)
        columns.append(sampled(Axis(name, "1", name, -np.inf), prior, unit)[0])
    return np.stack(columns, axis=1)


def _draws(
    ds: xr.Dataset, table: Arrays, theta: Array, weight: Array, distance: Array, n_valid: int
) -> xr.Dataset:
    found = xr.Dataset(attrs={"simulations": n_valid, "left_out": len(table.valid) - n_valid})
    for name, units, values in zip(table.names, table.units, theta.T, strict=True):
        kept = {k: ds[name].attrs[k] for k in ("long_name", "key") if k in ds[name].attrs}
        found[name] = ("draw", values, {"units": units, **kept})
    found["weight"] = ("draw", weight, {"units": "1", "long_name": "weight of the draw"})
    found["distance"] = ("draw", distance, {"units": "1", "long_name": "distance of results, in deviations"})
    return found


def write_points(posterior: xr.Dataset, path: str | Path, n: int, seed: int = 0) -> None:
    """Write n draws of a posterior as a CSV file for `points=`: the next sweep is its predictive check.

    Draws are taken by their weights, each once. Raises InputError for more than half as many as there are:
    they would be the lightest, too.
    """
    weight = posterior["weight"].values
    most = min(int(np.count_nonzero(weight)), max(len(weight) // 2, 1))
    if not 1 <= n <= most:
        raise InputError(f"n = {n} draws of {len(weight)} is refused; allowed: 1 to {most}")
    rng = np.random.default_rng(seed)
    places = rng.choice(len(weight), n, replace=False, p=weight / weight.sum())
    names = [str(name) for name in posterior.data_vars if name not in ("weight", "distance")]
    columns = [posterior[name].values[places].tolist() for name in names]
    lines = [",".join(str(posterior[name].attrs.get("key", name)) for name in names)]
    lines += [",".join(map(repr, row)) for row in zip(*columns, strict=True)]
    durable.write(Path(path), ("\n".join(lines) + "\n").encode())


def predictive(ds: xr.Dataset, observed: Observed, variables: Sequence[str] | None = None) -> xr.Dataset:
    """Return where observed results lie among those of a sweep at draws of the posterior.

    Along `result`: `observed`, `median`, `low` and `high` (2.5 and 97.5 %), and `below`, the part of the
    simulations whose result is lower, of ties a half. Raises InputError as `abc` does.
    """
    results = results_of(ds, variables)
    at, x = _observation(observed, results.names), results.x[results.valid]
    if len(x) < 2:
        raise InputError(f"{len(x)} valid simulations are too few; allowed: 2 or more")
    low, median, high = np.quantile(x, [0.025, 0.5, 0.975], axis=0)
    below = (x < at).mean(axis=0) + 0.5 * (x == at).mean(axis=0)
    columns = {"observed": at, "low": low, "median": median, "high": high, "below": below}
    found = xr.Dataset({name: ("result", values) for name, values in columns.items()})
    return found.assign_coords(result=list(results.names), units=("result", list(results.units)))
