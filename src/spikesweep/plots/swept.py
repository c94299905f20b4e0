"""The first variable of a sweep over parameters, averaged over what is not shown; a panel a label.

A grid is drawn as curves over its longest swept axis, one for each value of the longest other axis; points
that are no grid as dots over each of their coordinates.
"""

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Curves in a panel: more cannot be told apart.
_CURVES = 7
#: Rows of panels: where there are more labels, as neurons, their mean is shown.
_ROWS = 8


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a dataset with swept parameters."""
    names = [v for v in ds.attrs["results"].split() if v in ds.data_vars]
    name = next((v for v in names if ds[v].dtype.kind == "f"), names[0])
    values = ds[name].where(ds["status"] == 1)
    own = (dim for dim in values.dims if dim not in ds["status"].dims)
    label_dim = next((dim for dim in own if ds.sizes[dim] <= _ROWS), None)
    labels = [None] if label_dim is None else ds[label_dim].values.tolist()
    columns = [str(c) for c in ds.coords if ds[c].dims == ("point",) and c != "point"]
    shown = columns or [_longest(ds, [str(c) for c in ds.coords if "key" in ds[c].attrs])]
    fig = Figure(figsize=(1.0 + 3.2 * len(shown), 0.6 + 2.6 * len(labels)), layout="constrained")
    panels = fig.subplots(len(labels), len(shown), squeeze=False, sharey=True)
    for row, label in zip(panels, labels, strict=True):
        part = values if label is None else values.sel({label_dim: label})
        for ax, x in zip(row, shown, strict=True):
            (_dots if columns else _curves)(ax, ds, part, x)
            ax.set_xlabel(_title(ds, x))
            ax.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"{ds[name].attrs['long_name']} ({ds[name].attrs['units']})")
        row[0].set_title("" if label is None else str(label))
    return fig


def _longest(ds: xr.Dataset, names: list[str]) -> str:
    return max(names, key=lambda name: (ds[name].dtype.kind in "iuf", ds[name].size))


def _title(ds: xr.Dataset, name: str) -> str:
    unit = ds[name].attrs.get("units", "1")
    return name if unit == "1" else f"{name} ({unit})"


def _dots(ax: Axes, ds: xr.Dataset, values: xr.DataArray, x: str) -> None:
    mean = values.mean([dim for dim in values.dims if dim != "point"])
    ax.plot(ds[x].values, mean.values, ".", markersize=4)


def _curves(ax: Axes, ds: xr.Dataset, values: xr.DataArray, x: str) -> None:
    others = [dim for dim in values.dims if dim != x and ds.sizes[dim] > 1 and dim != "seed"]
    by = max(others, key=lambda dim: ds.sizes[dim]) if others else None
    mean = values.mean([dim for dim in values.dims if dim not in (x, by)]).load()
    places = (
        np.arange(1)
        if by is None
        else np.unique(np.linspace(0, ds.sizes[by] - 1, _CURVES).round().astype(int))
    )
    for k, place in enumerate(places):
        curve = mean if by is None else mean.isel({by: place})
        color = mpl.colormaps["viridis"](k / max(len(places) - 1, 1) * 0.9)
        label = None if by is None else f"{_title(ds, str(by))}: {ds[by].values[place]}"
        ax.plot(ds[x].values, curve.values, ".-", color=color, linewidth=1.2, label=label)
    if by is not None:
        ax.legend(fontsize=7, frameon=False)
