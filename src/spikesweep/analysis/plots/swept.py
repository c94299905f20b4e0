"""The first variable of a sweep over parameters, a panel a label.

A grid is drawn as curves over its longest swept axis, one for each value of the longest other axis; points
that are no grid as dots over each of their coordinates. Other swept axes are held at their first value, all
else is averaged: the title says over what.
"""

from collections.abc import Hashable

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Curves in a panel: more cannot be told apart.
_CURVES = 7
#: Points of a curve up to which each is marked.
_MARKED = 100
#: Rows of panels: where there are more labels, as neurons, their mean is shown.
_ROWS = 8


def figure(ds: xr.Dataset, over: str | None = None) -> Figure:
    """Return the figure of a dataset with swept parameters, over one axis or the longest swept one."""
    names = [v for v in ds.attrs["results"].split() if v in ds.data_vars]
    name = next((v for v in names if ds[v].dtype.kind == "f"), names[0])
    values = ds[name].where(ds["status"] == 1)
    own = (dim for dim in values.dims if dim not in ds["status"].dims)
    label_dim = next((dim for dim in own if ds.sizes[dim] <= _ROWS), None)
    labels = [None] if label_dim is None else ds[label_dim].values.tolist()
    columns = [str(c) for c in ds.coords if ds[c].dims == ("point",) and c != "point"]
    shown = columns or [over or _longest(ds, [str(c) for c in ds.coords if "key" in ds[c].attrs])]
    fig = Figure(figsize=(1.0 + 3.2 * len(shown), 0.6 + 2.6 * len(labels)), layout="constrained")
    panels = fig.subplots(len(labels), len(shown), squeeze=False, sharey=True)
    for row, label in zip(panels, labels, strict=True):
        part = values if label is None else values.sel({label_dim: label})
        for ax, x in zip(row, shown, strict=True):
            aside = (_dots if columns else _curves)(ax, ds, part, x)
            ax.set_xlabel(axis_label(ds, x))
            ax.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"{ds[name].attrs['long_name']} ({ds[name].attrs['units']})")
        row[0].set_title("" if label is None else str(label))
    lines, texts = panels[0, 0].get_legend_handles_labels()
    if lines:
        fig.legend(lines, texts, loc="outside right upper", fontsize=7, frameon=False)
    if aside:
        fig.suptitle("; ".join(aside), fontsize="medium")
    return fig


def _longest(ds: xr.Dataset, names: list[str]) -> str:
    return max(names, key=lambda name: (ds[name].dtype.kind in "iuf", ds[name].size))


def axis_label(ds: xr.Dataset, name: str) -> str:
    """Return the name of an axis with its unit."""
    unit = ds[name].attrs.get("units", "1")
    return name if unit == "1" else f"{name} ({unit})"


def _dots(ax: Axes, ds: xr.Dataset, values: xr.DataArray, x: str) -> list[str]:
    """Draw a dot a point; return what the title says."""
    others = [dim for dim in values.dims if dim != "point"]
    ax.plot(ds[x].values, values.mean(others).values, ".", markersize=4)
    return _mean_over(values, others)


def _curves(ax: Axes, ds: xr.Dataset, values: xr.DataArray, x: str) -> list[str]:
    """Draw curves over x, one for some values of the longest other axis; return what the title says."""
    others = [dim for dim in values.dims if dim != x and ds.sizes[dim] > 1 and dim != "seed"]
    by = max(others, key=lambda dim: ds.sizes[dim]) if others else None
    held = {dim: 0 for dim in others if dim != by and "key" in ds[dim].attrs}
    values = values.isel(held)
    rest = [dim for dim in values.dims if dim not in (x, by)]
    mean = values.mean(rest).load()
    n = 1 if by is None else ds.sizes[by]
    places = np.unique(np.linspace(0, n - 1, min(n, _CURVES)).round().astype(int))
    for k, place in enumerate(places):
        curve = mean if by is None else mean.isel({by: place})
        color = mpl.colormaps["viridis"](k / max(len(places) - 1, 1) * 0.9)
        label = None if by is None else f"{axis_label(ds, str(by))}: {ds[by].values[place]}"
        style = ".-" if ds.sizes[x] <= _MARKED else "-"
        ax.plot(ds[x].values, curve.values, style, color=color, linewidth=1.2, label=label)
    return [f"{axis_label(ds, str(dim))}: {ds[dim].values[0]}" for dim in held] + _mean_over(values, rest)


def _mean_over(values: xr.DataArray, dims: list[Hashable]) -> list[str]:
    several = [f"{values.sizes[dim]} {dim}" for dim in dims if values.sizes[dim] > 1]
    return [f"mean over {', '.join(several)}"] if several else []
