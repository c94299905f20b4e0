"""Which variable, axes and values of a dataset a general figure shows, where they are not asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from spikesweep.analysis.plots.chosen import BANDS, Chosen
from spikesweep.analysis.plots.style import WORDS, place, short_name
from spikesweep.errors import InputError, nearest
from spikesweep.grid.attributes import configuration_of
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import is_label
from spikesweep.grid.schema import DONE

#: Values of words that are panels or curves unless another axis is asked for, and of numbers that are curves.
_FEW, _MANY = 8, 60
#: Dimensions whose values are alike: averaged.
_ALIKE = ("seed", "repeat", "cell", "neuron", "input", "pattern")


@dataclass(frozen=True)
class Axes:
    """The axes that a figure has; None where it has none."""

    x: str | None = None
    y: str | None = None
    hue: str | None = None
    panel: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """Return those that there are."""
        return tuple(name for name in (self.x, self.y, self.hue, self.panel) if name is not None)


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
    asked, name = Axes(x, y, hue, panel), _variable(ds, var)
    values = _done(ds, name)
    _refuse(ds, values, asked, at, band)
    means = [dim for dim, label in at.items() if label == "mean"]
    values, said = _selected(ds, values, {k: v for k, v in at.items() if k not in means})
    if not values.dims:  # a number: something to stand over
        values = values.expand_dims({"value": ["one"]})
    free = [str(dim) for dim in values.dims if values.sizes[dim] > 1]
    repeats = [d for d in free if d in means or (d not in asked.named and _is_alike(ds, d))]
    axes, rest = _assigned(ds, values, asked, [d for d in free if d not in repeats])
    assert axes.x is not None
    values, held = _held(ds, values, rest)
    kept = (*axes.named, _dim(ds, axes.x, values))
    drop = [d for d in values.dims if values.sizes[d] == 1 and d not in kept]
    said += [place(ds, str(d), values[d].values.ravel().tolist()[0]) for d in drop if d in values.coords]
    values = values.isel(dict.fromkeys(drop, 0)).load()
    said += [*held, *_of_repeats(values, repeats, "none" if axes.y else band)]
    shown = ds.isel({d: 0 for d in drop if d in ds.dims}).coords
    coordinates = _coordinates(shown, values, axes)
    return Chosen(
        coordinates, values, axes.x, axes.y, axes.hue, axes.panel, tuple(repeats), band, tuple(said)
    )


def _refuse(ds: xr.Dataset, values: xr.DataArray, asked: Axes, at: Mapping[str, Any], band: str) -> None:
    """Refuse axes that a variable does not have, and what cannot be drawn together; raise InputError."""
    if band not in BANDS:
        raise InputError(f"band = {band!r} is refused; allowed: {', '.join(BANDS)}")
    if asked.y is not None and asked.hue is not None:
        text = f"hue = {asked.hue} is refused beside y = {asked.y}"
        raise InputError(f"{text}; allowed: a panel for each value of it")
    known = [*map(str, values.dims), *(str(c) for c in ds.coords if {*ds[c].dims} <= {*values.dims})]
    for dim in (*asked.named, *at):
        if dim not in known:
            raise InputError(f"{dim} is no axis of {values.name}; {nearest(dim, dict.fromkeys(known))}")


def _assigned(ds: xr.Dataset, values: xr.DataArray, asked: Axes, left: list[str]) -> tuple[Axes, list[str]]:
    """Return the axes that are asked for, others where none are, and the dimensions that no axis shows."""
    x, hue, panel = asked.x, asked.hue, asked.panel
    taken = {_dim(ds, name, values) for name in asked.named}
    listed = POINT.name in values.dims
    if listed:
        columns = [str(c) for c in ds.coords if ds[c].dims == (POINT.name,) and c != POINT.name]
        x = x or next((c for c in columns if c != asked.y), POINT.name)
        taken |= {POINT.name}
    rest = [d for d in left if d not in taken]
    if x is None:
        x = _longest(ds, rest or list(map(str, values.dims)), values)
        rest = [d for d in rest if d != x]
    words = [d for d in rest if d in ds.coords and ds[d].dtype.kind in WORDS and ds.sizes[d] <= _FEW]
    if panel is None and words:
        panel = words[0]
    some = [d for d in rest if d != panel and ds.sizes[d] <= _MANY and _is_spread(d)]
    if hue is None and asked.y is None and not listed and some:
        hue = max(some, key=lambda d: (d in ds.coords and "key" in ds[d].attrs, ds.sizes[d]))
    return Axes(x, asked.y, hue, panel), [d for d in rest if d not in (hue, panel)]


def _coordinates(shown: Any, values: xr.DataArray, axes: Axes) -> xr.Dataset:
    """Return the coordinates of what is drawn: numbers where a dimension has none."""
    found = xr.Dataset(coords=values.coords)
    for name in (axes.x, axes.y):
        if name is not None and name not in found.coords and name in shown:
            found = found.assign_coords({name: shown[name]})
    lacking = [str(dim) for dim in values.dims if dim not in found.coords]
    return found.assign_coords({dim: np.arange(values.sizes[dim]) for dim in lacking})


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


def _is_spread(dim: str) -> bool:
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
        return numbers, numbers and name in own, _is_spread(name), values.sizes.get(name, 1)

    return max(names, key=rank)


def _held(ds: xr.Dataset, values: xr.DataArray, dims: list[str]) -> tuple[xr.DataArray, list[str]]:
    """Return one value of each of some axes, and which and why it.

    Of nested sizes the last; of a swept value the configured one, or the nearest to it; else the middle.
    """
    said = []
    for dim in dims:
        n = values.sizes[dim]
        i, why = (
            (n - 1, "") if not _is_spread(dim) else _configured(ds, dim) or ((n - 1) // 2, ", the middle")
        )
        values = values.isel({dim: i})
        label = ds[dim].values.tolist()[i] if dim in ds.coords else i
        said.append(f"{place(ds, dim, label)} (one of {n}{why})")
    return values, said


def _configured(ds: xr.Dataset, dim: str) -> tuple[int, str] | None:
    """Return where the configured value of a swept axis is, or the nearest, and what is said of it."""
    key = ds[dim].attrs.get("key") if dim in ds.coords else None
    if key is None or "configuration" not in ds.attrs:
        return None
    node: Any = configuration_of(ds.attrs)
    for name in str(key).split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    labels = ds[dim].values
    if node is None or isinstance(node, Mapping):
        return None
    if (found := np.flatnonzero(is_label(labels, node))).size:
        return int(found[0]), ", the configured one"
    if labels.dtype.kind not in "iuf" or isinstance(node, str):
        return None
    return int(np.argmin(np.abs(labels - node))), f", the nearest to the configured {node:g}"


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
