"""What population rates do in a network and in its mean field: means, SDs and correlation over the drive."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spikesweep.analysis.plots.style import axis_label, color_of, say


def beside(network: xr.Dataset, mean_field: xr.Dataset) -> Figure:
    """Return the figure of `network_fluctuations` (symbols) and `mean_field_fluctuations` (lines).

    Over `drive`; means over all other axes of each, roots of mean squares of SDs; bars are standard errors.
    """
    fig = Figure(figsize=(10.0, 3.4), layout="constrained")
    panels = fig.subplots(1, 3)
    names = network["population"].values.tolist()
    parts = ("rate", "rate (Hz)"), ("sd", "SD of the population rate (Hz)")
    for ax, (variable, label) in zip(panels, parts, strict=False):
        for k, name in enumerate(names):
            own = {"population": name}
            pair = network[variable].sel(own), mean_field[variable].sel(own)
            _drawn(ax, *pair, squares=variable == "sd", color=color_of(k), label=name)
        ax.set(xlabel=axis_label(mean_field, "drive"), ylabel=label, ylim=(0.0, None))
        ax.legend()
    first = {"population": names[0], "other": names[-1]}
    pair = network["correlation"].sel(first), mean_field["correlation"].sel(first)
    _drawn(panels[2], *pair, squares=False, color="black", label=None)
    label = f"correlation of {names[0]} and {names[-1]}"
    panels[2].set(xlabel=axis_label(mean_field, "drive"), ylabel=label, ylim=(-1.0, 1.0))
    both = [Line2D([], [], color="0.4", marker="o", linestyle=""), Line2D([], [], color="0.4")]
    panels[2].legend(both, ["network", "mean field"])
    n = network.sizes.get("seed", 1)
    say(fig, f"bars: standard error over {n} seeds" if n > 1 else "")
    return fig


def _drawn(
    ax: Any, network: xr.DataArray, theory: xr.DataArray, *, squares: bool, color: str, label: str | None
) -> None:
    """Draw a measure of both over the drive: symbols with errors, and a line."""
    mean, error = _over_seeds(network, squares)
    ax.errorbar(network["drive"], mean, error, fmt="o", markersize=4.0, capsize=2.0, color=color)
    ax.plot(theory["drive"], _over_seeds(theory, squares)[0], color=color, label=label)


def _over_seeds(values: xr.DataArray, squares: bool) -> tuple[xr.DataArray, xr.DataArray]:
    """Return mean (of squares, and its root, where asked for) and standard error over all but the drive."""
    others = [dim for dim in values.dims if dim != "drive"]
    n = int(np.prod([values.sizes[dim] for dim in others]))
    mean = (values**2).mean(others) ** 0.5 if squares else values.mean(others)
    error = values.std(others, ddof=1) / n**0.5 if n > 1 else 0.0 * mean
    return mean, error
