"""Relative errors over the time step, a line a cell, with the slope of order 1."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

_MARKERS = "osD^v<>Ph*"


def figure(found: Mapping[str, xr.Dataset], dim: str = "dt") -> Figure:
    """Return the figure of results of `analysis.convergence`, a line each, by what the legend calls it."""
    fig = Figure(figsize=(6.4, 4.2), layout="constrained")
    ax = fig.subplots()
    for k, (name, one) in enumerate(found.items()):
        colour = mpl.colormaps["viridis"](0.9 * k / max(len(found) - 1, 1))
        label = f"{name}: order {float(one['order']):.2f}"
        ax.plot(one[dim], one["error"], marker=_MARKERS[k % len(_MARKERS)], color=colour, label=label)
    steps = next(iter(found.values()))[dim].values
    lowest = min(float(one["error"].min()) for one in found.values())
    x = np.array([float(steps.min()), float(steps.max())])
    ax.plot(x, 0.5 * lowest * x / x[0], "k--", linewidth=0.8, label="order 1")
    ax.set(xscale="log", yscale="log", xlabel="time step (ms)", ylabel="relative error")
    ax.set_xticks(steps, [f"{dt:g}" for dt in steps.tolist()])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    fig.legend(loc="outside right upper", frameon=False, fontsize=7)
    return fig
