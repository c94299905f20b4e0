"""The figure of a protocol that has none of its own: its first variable over its longest axes."""

import xarray as xr
from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> Figure:
    """Return the first variable against the longest axis, averaged over all other dimensions."""
    name = next(v for v in ds.attrs["results"].split() if v in ds)
    axis = max(ds.attrs["axes"].split(), key=lambda dim: ds.sizes[dim])
    values = ds[name].mean([dim for dim in ds[name].dims if dim != axis]).load()
    fig = Figure(figsize=(4.8, 3.4), layout="constrained")
    ax = fig.subplots()
    ax.plot(ds[axis], values)
    ax.set(
        xlabel=f"{axis} ({ds[axis].attrs.get('units', '1')})",
        ylabel=f"{ds[name].attrs.get('long_name', name)} ({ds[name].attrs.get('units', '1')})",
    )
    return fig
