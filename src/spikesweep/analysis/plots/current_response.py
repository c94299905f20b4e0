"""Potentials under a current, a panel a population: what firing patterns are told by."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots.style import color_of, mean_of, say

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)

#: Panels side by side.
_COLUMNS = 4
#: What a panel has below its potential for the current, as a part of its height.
_BELOW = 0.25


def figure(ds: xr.Dataset) -> Figure:
    """Return v of each population at the middle of the currents, above the course of the current.

    Without traces the spikes alone are drawn, for every current.
    """
    if "v" not in ds:
        return _rasters(ds)
    point = {"i_ext": ds.sizes["i_ext"] // 2, "seed": 0}
    one = ds[["v", "current", "n_spikes"]].isel(point).load()
    names = one["population"].values
    rows = -(-len(names) // _COLUMNS)
    columns = min(_COLUMNS, len(names))
    fig = Figure(figsize=(1.0 + 2.6 * columns, 0.6 + 1.7 * rows), layout="constrained")
    for ax, name in zip(fig.subplots(rows, columns, squeeze=False).flat, names, strict=False):
        cell = one.sel(population=name)
        low, high = float(cell["v"].min()), float(cell["v"].max())
        room = _BELOW * max(high - low, 1.0)
        span = max(float(np.ptp(cell["current"].values)), 1e-9)
        drawn = low - 2.0 * room + room * (cell["current"] - cell["current"].min()) / span
        ax.plot(one["time"], cell["v"], color=color_of(0), linewidth=0.8)
        ax.plot(one["time"], drawn, color="gray", linewidth=0.8)
        n = int(cell["n_spikes"])
        ax.set_title(f"{name}: {n} {'spike' if n == 1 else 'spikes'}", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in fig.axes[len(names) :]:
        ax.set_axis_off()
    i_ext = float(ds["i_ext"][point["i_ext"]])
    fig.supylabel("membrane potential (mV)")
    several = [f"the middle of {n}" for n in [ds.sizes["i_ext"]] if n > 1]
    first = f"seed {ds['seed'].values[0]}, the first of {ds.sizes['seed']}" if ds.sizes["seed"] > 1 else ""
    at = f"at i_ext = {i_ext:g} pA" + "".join(f" ({text})" for text in several)
    say(fig, f"over time (ms), {at}; gray: course of the current", first)
    return fig


def _rasters(ds: xr.Dataset) -> Figure:
    """Return the number of spikes of each population over the current."""
    fig = Figure(figsize=(4.8, 3.4), layout="constrained")
    ax = fig.subplots()
    for name in ds["population"].values:
        one = ds["n_spikes"].sel(population=name).mean("seed").load()
        ax.plot(ds["i_ext"], one, ".-", label=str(name))
    ax.set(xlabel="current (pA)", ylabel="spikes")
    ax.legend()
    say(fig, mean_of(ds))
    return fig
