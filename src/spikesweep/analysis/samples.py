"""What inference needs of a sampled sweep: parameters and results as arrays, and the prior as an object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.grid.attributes import structure
from spikesweep.grid.densities import log_density
from spikesweep.grid.grid import POINT, label_text
from spikesweep.grid.priors import sampled
from spikesweep.grid.schema import DONE, Axis
from spikesweep.grid.trials import BY_RESULTS

Array = NDArray[np.float64]


def sample_of(ds: xr.Dataset) -> dict[str, Any]:
    """Return how the points of a sweep were sampled: method, num, seed, and priors by name of their axes.

    `exclude` stands there where combinations were left out. Raises InputError for a dataset that has no
    record of it: points of a list or a grid, stores of before there was one.
    """
    if "sample" not in ds.attrs:
        raise InputError(
            "this dataset does not say how its points were sampled; allowed: that of a sweep with "
            "sample.num=..., with its attributes"
        )
    record = structure(ds.attrs["sample"])
    if (method := record["method"]) in BY_RESULTS:
        raise InputError(
            f"points of {method} follow results, and no prior; allowed: a sweep with sample.num=..."
        )
    return record


def log_prior(ds: xr.Dataset, theta: Mapping[str, Any] | None = None) -> xr.DataArray:
    """Return the logarithm of the prior density at the points of a sampled sweep, dims (point,).

    Axes are independent. Densities are per unit of each axis, of whole numbers and choices they are
    probabilities. `theta` has other values by name of each sampled axis, arrays of one shape, which the
    result has, too; outside of the prior it is -inf. Where combinations were left out (`exclude`), it is that
    up to a constant, and says nothing of `theta`. Raises InputError where `theta` lacks an axis, or has
    another one, and for a dataset without a record of its sample.
    """
    record = sample_of(ds)
    priors: Mapping[str, Any] = record["priors"]
    if theta is not None and record.get("exclude"):
        raise InputError(
            f"theta cannot be judged by exclude = {record['exclude']}; allowed: the sweep's points"
        )
    given = {name: ds[name] for name in priors if name in ds} if theta is None else dict(theta)
    for name in {*priors} ^ {*given}:
        what = "is not given" if name in priors else "was not sampled"
        raise InputError(f"theta: {name} {what}; {nearest(name, priors)}")
    columns = {name: xr.DataArray(values) for name, values in given.items()}
    total = sum(
        xr.DataArray(log_density(priors[name], column.values), dims=column.dims)
        for name, column in columns.items()
    )
    found = xr.DataArray(total, name="log_prior", attrs={"units": "1", "long_name": "log prior density"})
    return found.assign_coords({name: c.drop_vars(c.coords) for name, c in columns.items()})


@dataclass(frozen=True)
class Arrays:
    """Parameters and results of a sampled sweep, a row a simulation: each point in each seed."""

    theta: Any  #: parameters, shape (rows, parameters): float64, or a tensor of float32
    x: Any  #: results, shape (rows, results), NaN where there are none
    valid: Any  #: which rows have results, all of them finite, shape (rows,)
    names: tuple[str, ...]  #: of parameters
    units: tuple[str, ...]
    x_names: tuple[str, ...]  #: of results, as `rate[population=RS]`
    x_units: tuple[str, ...]


def arrays(ds: xr.Dataset, variables: Sequence[str] | None = None, *, torch: bool = False) -> Arrays:
    """Return parameters and results of a sampled sweep as arrays, with which rows are valid.

    Results are all variables that have numbers at each point, or `variables`, at each of their labels; seeds
    are rows, which share their parameters. `torch` makes tensors (torch is installed by its user). Raises
    InputError for a sweep that was not sampled, axes of words, and where torch is missing.
    """
    names = tuple(sample_of(ds)["priors"])
    columns = [np.atleast_1d(ds[name].values) for name in names]
    for name, column in zip(names, columns, strict=True):
        if column.dtype.kind not in "iuf":
            raise InputError(f"{name} holds words; allowed: axes of numbers")
    results = results_of(ds, variables)
    per = len(results.valid) // len(columns[0])
    theta = np.repeat(np.stack(columns, axis=1).astype(np.float64), per, axis=0)
    found: tuple[Any, Any, Any] = (theta, results.x, results.valid)
    if torch:
        as_tensor = _torch().as_tensor
        floats = (as_tensor(array.astype(np.float32)) for array in found[:2])
        found = (*floats, as_tensor(results.valid))
    units = tuple(_units(ds, name) for name in names)
    return Arrays(*found, names, units, results.names, results.units)


@dataclass(frozen=True)
class Results:
    """Results of a sweep over points, a row a simulation: each point in each seed."""

    x: Array  #: shape (rows, results), NaN where there are none
    valid: NDArray[np.bool_]  #: shape (rows,)
    names: tuple[str, ...]
    units: tuple[str, ...]


def results_of(ds: xr.Dataset, variables: Sequence[str] | None = None) -> Results:
    """Return the results of a sweep over points, whether these were sampled or given."""
    rows = [dim for dim in (POINT.name, "seed") if dim in ds["status"].dims]
    done = ds["status"].isin(DONE)
    valid = done.all([dim for dim in done.dims if dim not in rows]).transpose(*rows).values.ravel()
    parts: list[Array] = []
    names: list[str] = []
    units: list[str] = []
    for name in numbers_of(ds, variables):
        own = [str(dim) for dim in ds[name].dims if dim not in rows]
        there = done.all([dim for dim in done.dims if dim not in ds[name].dims])
        values = ds[name].astype(np.float64).where(there).transpose(*rows, *own).values
        parts.append(values.reshape(len(valid), -1))
        names += _names(ds[name], own)
        units += [_units(ds, name)] * parts[-1].shape[1]
    x = np.concatenate(parts, axis=1)
    return Results(x, valid & np.isfinite(x).all(axis=1), tuple(names), tuple(units))


def numbers_of(ds: xr.Dataset, variables: Sequence[str] | None = None) -> list[str]:
    """Return the variables that have numbers at each point, or the ones asked for; raise InputError."""
    known = [
        str(name)
        for name, array in ds.data_vars.items()
        if POINT.name in array.dims
        and array.dtype.kind in "fiub"
        and name != "status"
        and "sample_dimension" not in array.attrs
    ]
    for name in variables or ():
        if name not in known:
            raise InputError(f"variables: {name!r} is no number of each point; {nearest(name, known)}")
    return known if variables is None else list(variables)


def _units(ds: xr.Dataset, name: str) -> str:
    return str(ds[name].attrs.get("units", "1"))


def _names(array: xr.DataArray, dims: Sequence[str]) -> list[str]:
    """Return a name for each number of a result along dims: of those with several labels, its label."""
    labels = [
        [f"{dim}={label_text(v)}" for v in (array[dim].values if dim in array.coords else places).tolist()]
        for dim in dims
        for places in [np.arange(array.sizes[dim])]
    ]
    several = [len(each) > 1 for each in labels]
    texts = (",".join(t for t, many in zip(row, several, strict=True) if many) for row in product(*labels))
    return [f"{array.name}[{text}]" if text else str(array.name) for text in texts]


def _torch() -> Any:
    """Return torch; raise InputError where it is not installed."""
    try:
        import torch  # late: optional
    except ImportError as error:
        raise InputError("torch=True needs the package torch; allowed: pip install torch") from error
    return torch


@dataclass  # not frozen: sbi notes a mean and a variance in it
class Prior:
    """The prior of a sampled sweep, as `sbi` and others take one: `sample` and `log_prob`.

    Parameters stand in the order of `names`. With `torch` both return tensors of float32.
    """

    priors: Mapping[str, Mapping[str, Any]]  #: as recorded, by name
    units: tuple[str, ...]
    torch: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of parameters."""
        return tuple(self.priors)

    def sample(self, sample_shape: Sequence[int] = (), seed: int | None = None) -> Any:
        """Return draws, shape (*sample_shape, parameters); of `seed`, or others at each call."""
        unit = np.random.default_rng(seed).random((int(np.prod(sample_shape)), len(self.priors)))
        columns = [
            sampled(Axis(name, "1", name, -np.inf), prior, u)[0].astype(np.float64)
            for (name, prior), u in zip(self.priors.items(), unit.T, strict=True)
        ]
        return self._given(np.stack(columns, axis=-1).reshape(*sample_shape, len(columns)))

    def log_prob(self, value: Any) -> Any:
        """Return the logarithm of the density, shape (...), at values of shape (..., parameters)."""
        plain = value.detach() if hasattr(value, "detach") else value  # a tensor with gradients
        theta = np.asarray(plain, np.float64)
        if theta.shape[-1:] != (len(self.priors),):
            raise InputError(
                f"theta of the shape {theta.shape} is refused; allowed: (..., {len(self.priors)})"
            )
        pairs = zip(self.priors.values(), np.moveaxis(theta, -1, 0), strict=True)
        return self._given(np.asarray(sum(log_density(prior, column) for prior, column in pairs)))

    def _given(self, array: Array) -> Any:
        return _torch().as_tensor(array.astype(np.float32)) if self.torch else array


def prior(ds: xr.Dataset, *, torch: bool = False) -> Prior:
    """Return the prior of a sampled sweep; raise InputError for words and for combinations left out."""
    record = sample_of(ds)
    if record.get("exclude"):
        raise InputError(f"a prior with exclude = {record['exclude']} has no density; allowed: without")
    for name, one in record["priors"].items():
        if one["dist"] == "choices" and any(isinstance(value, str) for value in one["values"]):
            raise InputError(f"{name} holds words; allowed: axes of numbers")
    return Prior(record["priors"], tuple(_units(ds, name) for name in record["priors"]), torch)
