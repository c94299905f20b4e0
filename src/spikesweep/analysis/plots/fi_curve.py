"""Rate and intervals against current, a colour a population; and the original's panel with traces."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesweep.analysis import fi
from spikesweep.analysis.plots import general, swept
from spikesweep.analysis.plots.style import BRIDGED, bridged, color_of, mean_of, say

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)

#: Height of the vertical line that stands for a spike, above the highest potential (mV).
_SPIKE = 40.0
#: Points of a curve up to which each is marked.
_MARKED = 50


def figure(ds: xr.Dataset) -> Figure:
    """Return rate (with thresholds and rheobases) and first and last interval against current."""
    told = mean_of(ds)
    ds = ds.where(ds["status"] == 1).mean("seed").load() if "status" in ds else ds
    found = fi.measures(ds)
    fig = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = fig.subplots(1, 2)
    marker, gaps = "." if ds.sizes["i_ext"] <= _MARKED else "", False
    for k, population in enumerate(ds["population"].values):
        one, color = ds.sel(population=population), color_of(k)
        gaps |= bridged(left, ds["i_ext"], one["rate"], color)
        threshold = float(found["threshold"].sel(population=population))
        from_the_first = " or less" if threshold == float(ds["i_ext"][0]) else ""
        label = "no spike" if np.isnan(threshold) else f"from {threshold:g} pA{from_the_first}"
        left.plot(
            ds["i_ext"],
            one["rate"],
            marker=marker,
            color=color,
            linewidth=1.2,
            label=f"{population}: {label}",
        )
        rheobase = float(found["rheobase"].sel(population=population))
        if np.isfinite(rheobase):
            left.axvline(rheobase, color=color, linestyle=":", linewidth=0.8)
        for end, style in (("first", "--"), ("last", "-")):
            curve = one[f"{end}_isi"]
            label = f"{population}, {end} interval"
            right.plot(ds["i_ext"], curve, style, marker=marker, color=color, linewidth=1.0, label=label)
    left.set(xlabel="current (pA)", ylabel="firing rate (Hz)")
    title = "dotted: analytic rheobase" if found["rheobase"].notnull().any() else None
    left.legend(frameon=False, fontsize=8, title=title, title_fontsize=8)
    left.set_ylim(bottom=0.0)
    right.set(xlabel="current (pA)", ylabel="interspike interval (ms)", yscale="log")
    if np.isfinite(ds["first_isi"]).any():
        right.legend(frameon=False, fontsize=8)
    _bare(left, right)
    say(fig, told, BRIDGED if gaps else "")
    return fig


def swept_figure(ds: xr.Dataset) -> Figure:
    """Return rate against current for values of the longest swept axis; dots where points are no grid."""
    return general.draw(ds, x="i_ext") if "i_ext" in ds.dims else swept.figure(ds)


def ephys(ds: xr.Dataset, examples: Mapping[str, xr.Dataset], current: float) -> Figure:
    """Return the original's 2 x 2 panel: potentials, rate against current, intervals in their order.

    `examples` holds a simulated cell (`ss.simulate`) for two populations at `current` (pA).
    """
    fig = Figure(figsize=(8.0, 6.0), layout="constrained")
    axes = fig.subplots(2, 2)
    for k, (population, cell) in enumerate(examples.items()):
        ax = axes[0, k]
        _potential(ax, cell)
        ax.set(title=f"{population} at {current:g} pA")
        ordered = np.diff(cell["spike_times"].values)
        axes[1, 1].plot(np.arange(1, len(ordered) + 1), ordered, ".", color=color_of(k), label=population)
        axes[1, 0].plot(
            ds["i_ext"] * 1e-3, ds["rate"].sel(population=population).mean("seed"), label=population
        )
    axes[1, 0].axvline(current * 1e-3, color="gray", linestyle="--")
    axes[1, 0].set(xlabel="Current (nA)", ylabel="Firing Rate (Hz)")
    axes[1, 1].set(xlabel="ISI number", ylabel="ISI (ms)")
    axes[1, 0].legend(frameon=False)
    axes[1, 1].legend(frameon=False)
    _bare(*axes.flat)
    return fig


def _potential(ax: Axes, cell: xr.Dataset) -> None:
    top = float(cell["v"].max())
    ax.plot(cell["time"] * 1e-3, cell["v"], color=color_of(2), linewidth=0.3)
    ax.vlines(cell["spike_times"] * 1e-3, top, top + _SPIKE, color=color_of(2), linewidth=0.3)
    ax.set(xlabel="Time (s)", ylabel="mV")


def _bare(*axes: Axes) -> None:
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
