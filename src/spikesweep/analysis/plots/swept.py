"""The first variable of a sweep whose points are no grid: dots over each coordinate, a row of panels a label.

Whatever else it depends on is averaged, which is said below.
"""

import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots.style import color_of, long_label, say, variable_label
from spikesweep.grid.schema import DONE

#: Rows of panels: where there are more labels, as neurons, their mean is shown.
_ROWS = 8


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a dataset whose points are a list."""
    names = [v for v in ds.attrs["results"].split() if v in ds.data_vars]
    name = next((v for v in names if ds[v].dtype.kind == "f"), names[0])
    values = ds[name].where(ds["status"].isin(DONE))
    own = (dim for dim in values.dims if dim not in ds["status"].dims)
    label_dim = next((dim for dim in own if ds.sizes[dim] <= _ROWS), None)
    labels = [None] if label_dim is None else ds[label_dim].values.tolist()
    shown = [str(c) for c in ds.coords if ds[c].dims == ("point",) and c != "point"]
    fig = Figure(figsize=(1.0 + 3.2 * len(shown), 0.8 + 2.6 * len(labels)), layout="constrained")
    panels = fig.subplots(len(labels), len(shown), squeeze=False, sharey=True)
    others = [dim for dim in values.dims if dim not in ("point", label_dim)]
    mean = values.mean(others, keep_attrs=True).load()
    for row, label in zip(panels, labels, strict=True):
        part = mean if label is None else mean.sel({label_dim: label})
        for ax, x in zip(row, shown, strict=True):
            ax.plot(ds[x].values, part.values, ".", markersize=4, color=color_of(0))
            ax.set_xlabel(long_label(ds, x))
        row[0].set_ylabel(variable_label(ds[name]))
        row[0].set_title("" if label is None else str(label))
    several = [f"{ds.sizes[dim]} {dim}" for dim in others if ds.sizes[dim] > 1]
    say(fig, f"mean over {' x '.join(several)}" if several else "")
    return fig
