"""A map of points that were chosen by results: what was looked at, between the points, and the points."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots.style import axis_label
from spikesweep.grid.attributes import structure
from spikesweep.grid.labels import is_label

#: Values of an axis of the map.
_VALUES = 128


def is_map(ds: xr.Dataset) -> bool:
    """Return whether a dataset has points on two axes that were chosen by results."""
    record = structure(ds.attrs.get("sample", {}))
    return record.get("method") == "refine" and len(record["axes"]) == 2


def figure(ds: xr.Dataset) -> Figure:
    """Return the map of the variable by which points were chosen, beside the error of its interpolation."""
    record = structure(ds.attrs["sample"])
    rule, (x, y) = record["refine"], record["axes"]
    name = rule["variable"]
    kept = ds[[name, "status"]].load()
    for dim, label in rule["at"].items():
        place = int(np.flatnonzero(is_label(kept[dim].values, label))[0])
        kept = kept.isel({dim: place})
    view = kept.sweep.on_grid(_VALUES)
    fig = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = fig.subplots(1, 2, sharex=True, sharey=True)
    for ax, key, what in ((left, name, ""), (right, f"{name}_error", "error: ")):
        values = view[key].mean([dim for dim in view[key].dims if dim not in (x, y)]).transpose(y, x)
        drawn = ax.pcolormesh(
            view[x], view[y], values, cmap="viridis" if not what else "cividis", rasterized=True
        )
        text = ds[name].attrs.get("long_name", name)
        fig.colorbar(drawn, ax=ax, label=f"{what}{text} ({ds[name].attrs.get('units', '1')})")
        ax.set_xlabel(axis_label(ds, x))
        for axis, scale in ((x, ax.set_xscale), (y, ax.set_yscale)):
            scale("log" if record["axes"][axis]["dist"] == "loguniform" else "linear")
        if (
            not what
            and rule["level"] is not None
            and float(values.min()) < rule["level"] < float(values.max())
        ):
            ax.contour(view[x], view[y], values, [rule["level"]], colors="white", linewidths=1.2)
    left.set_ylabel(axis_label(ds, y))
    right.plot(ds[x], ds[y], ".", color="white", markersize=2.5, markeredgewidth=0.0)
    right.set_title(f"{ds.sizes['point']} points", fontsize="medium")
    chosen = ", ".join(f"{dim} {label}" for dim, label in rule["at"].items())
    left.set_title(chosen or name, fontsize="medium")
    return fig
