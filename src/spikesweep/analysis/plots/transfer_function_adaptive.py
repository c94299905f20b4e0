"""Output rate against fe, mean and SD over seeds, with the fitted transfer function."""

import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.fitted import transfer_function
from spikesweep.analysis.plots.fit import curves
from spikesweep.analysis.plots.style import mean_of, say
from spikesweep.analysis.transfer_function import fit
from spikesweep.errors import InputError
from spikesweep.grid.schema import SATURATED

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a scan, one panel a population."""
    ds = ds.load()
    try:
        fitted, note = fit(ds), ""
    except InputError as error:
        fitted, note = None, f"no fit: {error}. "
    n = ds.sizes["population"]
    fig = Figure(figsize=(0.6 + 4.8 * n, 3.6), layout="constrained")
    axes = fig.subplots(1, n, squeeze=False)[0]
    for ax, name in zip(axes, ds["population"].values, strict=True):
        rate = ds["rate"].sel(population=name)
        sd = rate.std("seed", ddof=1) if ds.sizes["seed"] > 1 else None
        F = None if fitted is None else transfer_function(fitted, str(name))
        curves(fig, ax, rate.mean("seed"), F, sd)
        if fitted is not None:
            ax.set_title(f"{name}: fit with rmse {float(fitted['rmse'].sel(population=name)):.2f} Hz")
    n_saturated = int((ds["status"] == SATURATED).any("seed").sum())
    if n_saturated:
        note += f"{n_saturated} samples of a saturated row do not exist"
    say(fig, mean_of(ds, band="bars"), "lines: the fit" if fitted is not None else "", note)
    return fig
