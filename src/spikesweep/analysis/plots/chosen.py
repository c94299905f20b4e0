"""What of a dataset a general figure shows: its variable, its axes, and what becomes of all others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.analysis.plots.style import WORDS, place, short_name
from spikesweep.errors import InputError, nearest
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import is_label
from spikesweep.grid.schema import DONE

BANDS = ("sd", "sem", "none")
#: Values of words that are panels or curves unless another axis is asked for, and of numbers that are curves.
_FEW, _MANY = 8, 60
#: Dimensions whose values are alike: averaged.
_ALIKE = ("seed", "repeat", "cell", "neuron", "input", "pattern")


@dataclass(frozen=True)
class Chosen:
    """A variable, which dimensions are drawn and how, and what is said of the others."""

    ds: xr.Dataset  #: coordinates of what is drawn
    values: xr.DataArray  #: over the dimensions that are drawn and those that are averaged
    x: str
    y: str | None
    hue: str | None
    panel: str | None
    averaged: tuple[str, ...]
    band: str
    said: tuple[str, ...]

    @property
    def columns(self) -> bool:
        """Return whether points are no grid."""
        return POINT.name in self.values.dims

    @property
    def along(self) -> str:
        """Return the dimension of x, which is another where x is a coordinate along it."""
        return self.x if self.x in self.values.dims else str(self.ds[self.x].dims[-1])

    @property
    def meanings(self) -> tuple[str, ...]:
        """Return what the values 0, 1, ... mean, where they mean something."""
        return tuple(str(self.values.attrs.get("flag_meanings", "")).split())

    @cached_property
    def mean(self) -> xr.DataArray:
        """Return the mean over what is averaged; of words that numbers stand for the highest."""
        if self.meanings:
            return self.values.max(self.averaged)
        return self.values.mean(self.averaged, keep_attrs=True)

    @cached_property
    def spread(self) -> xr.DataArray | None:
        """Return the SD, or the SEM, over what is averaged; None where there is none."""
        n = int(np.prod([self.values.sizes[dim] for dim in self.averaged]))
        if self.band == "none" or n < 2 or self.meanings:
            return None
        sd = self.values.std(self.averaged, ddof=1)
        return sd if self.band == "sd" else sd / np.sqrt(self.values.count(self.averaged))

    @property
    def hues(self) -> NDArray[np.float64]:
        """Return the values of the hue, as numbers."""
        if self.hue is None or self.ds[self.hue].dtype.kind not in "iufb":
            return np.zeros(1)
        return np.asarray(self.labels(self.hue), np.float64)

    def labels(self, dim: str) -> list[Any]:
        """Return the values of a dimension."""
        found: list[Any] = self.ds[dim].values.tolist()
        return found

    def at(self, label: Any) -> "Chosen":
        """Return the part of one panel."""
        assert self.panel is not None
        where = {self.panel: self.labels(self.panel).index(label)}
        return replace(self, values=self.values.isel(where), ds=self.ds.isel(where), panel=None)

    def curve(self, hue: Any) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any]]:
        """Return mean, spread and x of a curve."""
        where = {} if self.hue is None else {self.hue: self.labels(self.hue).index(hue)}
        x = self.ds[self.x]
        x = x.isel({k: v for k, v in where.items() if k in x.dims})
        if more := [dim for dim in x.dims if dim != self.along]:
            x = x.mean(more)
        mean = self.mean.isel(where).transpose(self.along).values
        spread = None if self.spread is None else self.spread.isel(where).transpose(self.along).values
        return mean, spread, x.values

    def as_numbers(self) -> "Chosen":
        """Return the same with numbers in the place of words, which say what they mean."""
        names, codes = np.unique(self.values.values, return_inverse=True)
        values = self.values.copy(data=codes.reshape(self.values.shape))
        return replace(self, values=values.assign_attrs(flag_meanings=" ".join(map(str, names))))


def choose(
    ds: xr.Dataset,
    *,
    var: str | None,
    x: str | None,
    y: str | None,
    hue: str | None,
    panel: str | None,
    at: Mapping[str, Any],
    band: str,
) -> Chosen:
    """Return what is drawn of a dataset; raise InputError for what it does not have."""
    if band not in BANDS:
        raise InputError(f"band = {band!r} is refused; allowed: {', '.join(BANDS)}")
    if y is not None and hue is not None:
        raise InputError(f"hue = {hue} is refused beside y = {y}; allowed: a panel for each value of it")
    name = _variable(ds, var)
    values = _done(ds, name)
    known = [*map(str, values.dims), *(str(c) for c in ds.coords if {*ds[c].dims} <= {*values.dims})]
    for dim in (*filter(None, (x, y, hue, panel)), *at):
        if dim not in known:
            raise InputError(f"{dim} is no axis of {name}; {nearest(dim, dict.fromkeys(known))}")
    means = [dim for dim, label in at.items() if label == "mean"]
    values, said = _selected(ds, values, {k: v for k, v in at.items() if k not in means})
    if not values.dims:  # a number: something to stand over
        values = values.expand_dims({"value": ["one"]})
    free = [str(dim) for dim in values.dims if values.sizes[dim] > 1]
    repeats = [d for d in free if d in means or (d not in (x, y, hue, panel) and _is_alike(ds, d))]
    left = [d for d in free if d not in repeats]
    taken = {_dim(ds, n, values) for n in (x, y, hue, panel) if n is not None}
    if POINT.name in values.dims:
        columns = [str(c) for c in ds.coords if ds[c].dims == (POINT.name,) and c != POINT.name]
        x = x or next((c for c in columns if c != y), POINT.name)
        taken |= {POINT.name}
    rest = [d for d in left if d not in taken]
    if x is None:
        x = _longest(ds, rest or list(map(str, values.dims)), values)
        rest = [d for d in rest if d != x]
    words = [d for d in rest if d in ds.coords and ds[d].dtype.kind in WORDS and ds.sizes[d] <= _FEW]
    if panel is None and words:
        panel = words[0]
        rest.remove(panel)
    if hue is None and y is None and POINT.name not in values.dims:
        if some := [d for d in rest if ds.sizes[d] <= _MANY and _is_spread(ds, d)]:
            hue = max(some, key=lambda d: (d in ds.coords and "key" in ds[d].attrs, ds.sizes[d]))
            rest.remove(hue)
    values, more = _held(ds, values, [d for d in rest if d not in (hue, panel, y)])
    drop = [
        d for d in values.dims if values.sizes[d] == 1 and d not in (x, y, hue, panel, _dim(ds, x, values))
    ]
    said += [place(ds, str(d), values[d].values.ravel().tolist()[0]) for d in drop if d in values.coords]
    values = values.isel(dict.fromkeys(drop, 0)).load()
    said += [*more, *_of_repeats(values, repeats, "none" if y else band)]
    shown = ds.drop_vars([v for v in ds.data_vars]).isel({d: 0 for d in drop if d in ds.dims}) if drop else ds
    coordinates = xr.Dataset(coords=values.coords)
    for c in (x, y):
        if c is not None and c not in coordinates.coords and c in shown.coords:
            coordinates = coordinates.assign_coords({c: shown[c]})
    for dim in map(str, values.dims):
        if dim not in coordinates.coords:
            coordinates = coordinates.assign_coords({dim: np.arange(values.sizes[dim])})
    return Chosen(coordinates, values, x, y, hue, panel, tuple(repeats), band, tuple(said))


def _variable(ds: xr.Dataset, var: str | None) -> str:
    """Return the variable that is drawn: the first result unless another is named; raise InputError."""
    names = [str(v) for v in ds.data_vars if ds[v].dtype.kind in "iufb" + WORDS]
    if var is None:
        results = [v for v in str(ds.attrs.get("results", "")).split() if v in names]
        others = [v for v in (*results, *names) if ds[v].dtype.kind == "f"]
        if not (others or names):
            raise InputError("this dataset has no variable; allowed: one of a sweep")
        return (others or names)[0]
    if var not in names:
        raise InputError(f"{var} is no variable; {nearest(var, names)}")
    return var


def _done(ds: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable where points have results, as long as the status is that of points."""
    values = ds[name]
    status = ds.get("status")
    if name == "status" or status is None or status.dtype.kind not in "iu" or values.dtype.kind not in "iufb":
        return values
    return values.where(status.isin(DONE))


def _selected(ds: xr.Dataset, values: xr.DataArray, at: Mapping[str, Any]) -> tuple[xr.DataArray, list[str]]:
    """Return the part at some labels, and what is said of it; raise InputError."""
    said = []
    for name, label in at.items():
        known = np.atleast_1d(ds[name].values)
        found = np.flatnonzero(is_label(known, label))
        if not found.size:
            few = ", ".join(map(str, known[:8].tolist())) + (", ..." if len(known) > 8 else "")
            raise InputError(f"{name} = {label} is not there; allowed: {few}")
        if name in values.dims:
            values = values.isel({name: int(found[0])})
        said.append(place(ds, name, known.tolist()[found[0]]))
    return values, said


def _is_alike(ds: xr.Dataset, dim: str) -> bool:
    text = str(ds[dim].attrs.get("long_name", "")) if dim in ds.coords else ""
    return dim in _ALIKE or text == "repetition" or (dim not in ds.coords and dim != POINT.name)


def _is_spread(ds: xr.Dataset, dim: str) -> bool:
    """Return whether values of an axis are worth a curve each: nested sizes are not."""
    return dim != "pop_size"


def _dim(ds: xr.Dataset, name: str, values: xr.DataArray) -> str:
    """Return the dimension along which a coordinate is."""
    if name in values.dims or name not in ds.coords or not ds[name].dims:
        return name
    return str(ds[name].dims[-1])


def _longest(ds: xr.Dataset, names: list[str], values: xr.DataArray) -> str:
    """Return the axis of curves: numbers before words, of the variable's own before others."""
    own = set(values.dims) - set(map(str, ds["status"].dims)) if "status" in ds else set()

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        numbers = name in ds.coords and ds[name].dtype.kind in "iuf"
        return numbers, numbers and name in own, _is_spread(ds, name), values.sizes.get(name, 1)

    return max(names, key=rank)


def _held(ds: xr.Dataset, values: xr.DataArray, dims: list[str]) -> tuple[xr.DataArray, list[str]]:
    """Return one value of each of some axes, the last of nested sizes, else the middle one; and which."""
    said = []
    for dim in dims:
        n = values.sizes[dim]
        i = n - 1 if not _is_spread(ds, dim) else (n - 1) // 2
        values = values.isel({dim: i})
        label = ds[dim].values.tolist()[i] if dim in ds.coords else i
        said.append(f"{place(ds, dim, label)} (one of {n})")
    return values, said


def _of_repeats(values: xr.DataArray, repeats: list[str], band: str) -> list[str]:
    """Return over what the mean is, and what the band is."""
    if not repeats:
        return []
    over = " x ".join(f"{values.sizes[d]} {short_name(values, d)}s" for d in repeats)
    n = int(np.prod([values.sizes[d] for d in repeats]))
    word = {"sd": f", shades and bars: SD, n = {n}", "sem": f", shades and bars: SEM, n = {n}", "none": ""}[
        band
    ]
    return [f"mean over {over}{word}"]
