"""Output rate against fe, mean and SD over seeds, with the fitted transfer function."""

import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.transfer_function import fit
from spikesweep.errors import InputError
from spikesweep.plots import any_protocol
from spikesweep.plots.fit import curves


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a scan; without curves where there are too few points for a fit."""
    try:
        fitted = fit(ds)
    except InputError:
        return any_protocol.figure(ds)
    n = ds.sizes["population"]
    fig = Figure(figsize=(0.6 + 4.8 * n, 3.6), layout="constrained")
    axes = fig.subplots(1, n, squeeze=False)[0]
    sd = ds["rate"].std("seed", ddof=1) if ds.sizes["seed"] > 1 else None
    for ax, name in zip(axes, ds["population"].values, strict=True):
        curves(fig, ax, fitted, str(name), None if sd is None else sd.sel(population=name))
    n_saturated = int((ds["status"] == 4).any("seed").sum())
    if n_saturated:
        fig.text(0.01, 0.01, f"{n_saturated} points beyond saturation were not reached", fontsize=7)
    return fig
