"""A sweep of a rate network: dynamics, responses to all patterns, their sparsity, selectivity and similarity.

One row a population, as the figures of Galloni et al. 2022, doi:10.3389/fncom.2022.826278.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.analysis.patterns import distribution, dynamics, measures
from spikesweep.analysis.plots.style import mean_of, say

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("cell",)

#: The other axes of a sweep are shown at their last value.
_SHOWN = ("pattern", "seed")


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of the points that are done; images are those of the first seed."""
    done = ds["status"] == 1
    others = [axis for axis in ds.attrs["axes"].split() if axis not in _SHOWN]
    last = {axis: -1 for axis in others}
    shown = ds[[v for v in ("activity", "rate") if v in ds]].where(done).isel(last).load()
    found = measures(shown)
    populations = [str(name) for name in found["population"].values]
    columns = [_responses, _cumulative_sparsity, _cumulative_selectivity, _similarity]
    if "rate" in shown:
        found["mean_rate"] = dynamics(shown)
        columns.insert(0, _dynamics)
    n = len(populations)
    fig = Figure(figsize=(3.1 * len(columns), 0.5 + 2.5 * n), layout="constrained")
    axes = fig.subplots(n, len(columns), squeeze=False)
    for row, population in zip(axes, populations, strict=True):
        for ax, draw in zip(row, columns, strict=True):
            draw(ax, shown, found, population)
        row[0].set_title(population, loc="left", fontweight="bold")
    labels = [f"{axis} = {float(ds[axis][-1]):g}" for axis in others if ds.sizes[axis] > 1]
    if labels:
        fig.suptitle(", ".join(labels))
    n = ds.sizes["seed"]
    first = f"responses and similarity: seed {ds['seed'].values[0]}, the first of {n}" if n > 1 else ""
    say(fig, "dynamics: mean over patterns" if "rate" in shown else "", mean_of(ds, band="shades"), first)
    return fig


def _dynamics(ax: Any, shown: xr.Dataset, found: xr.Dataset, population: str) -> None:
    del shown
    of_seeds = found["mean_rate"].sel(population=population).mean("pattern")
    mean, sd = of_seeds.mean("seed"), of_seeds.std("seed")
    ax.fill_between(found["time"], mean - sd, mean + sd, alpha=0.25, linewidth=0)
    ax.plot(found["time"], mean)
    ax.set(xlabel="time (ms)", ylabel="mean rate (Hz)", ylim=(0.0, None))
    ax.spines[["top", "right"]].set_visible(False)


def _responses(ax: Any, shown: xr.Dataset, found: xr.Dataset, population: str) -> None:
    del found
    cells = np.flatnonzero(shown["population"].values == population)
    activity = shown["activity"].isel(cell=cells, seed=0).transpose("cell", "pattern").values
    preferred = np.argsort(np.argmax(np.nan_to_num(activity), axis=1), kind="stable")
    image = ax.imshow(activity[preferred], aspect="auto", interpolation="none", cmap="binary", vmin=0.0)
    ax.set(xlabel="pattern (index)", ylabel="unit, by best pattern")
    _whole_ticks(ax)
    ax.figure.colorbar(image, ax=ax, label="activity (Hz)")


def _cumulative_sparsity(ax: Any, shown: xr.Dataset, found: xr.Dataset, population: str) -> None:
    del shown
    _cumulative(ax, found["sparsity"].sel(population=population), "pattern", "active units")


def _cumulative_selectivity(ax: Any, shown: xr.Dataset, found: xr.Dataset, population: str) -> None:
    del shown
    own = np.flatnonzero(found["cell_population"].values == population)
    _cumulative(ax, found["selectivity"].isel(cell=own), "cell", "active patterns")


def _cumulative(ax: Any, values: xr.DataArray, dim: str, label: str) -> None:
    quantiles = distribution(values, dim)
    mean, sd = quantiles.mean("seed"), quantiles.std("seed")
    share = quantiles["quantile"]
    ax.fill_betweenx(share, mean - sd, mean + sd, alpha=0.25, linewidth=0)
    ax.plot(mean, share)
    ax.set(xlabel=label, ylabel=f"cumulative share of {dim}s", ylim=(0.0, 1.0), xlim=(0.0, None))
    ax.spines[["top", "right"]].set_visible(False)


def _similarity(ax: Any, shown: xr.Dataset, found: xr.Dataset, population: str) -> None:
    del shown
    matrix = found["similarity"].sel(population=population).isel(seed=0)
    values = matrix.transpose("pattern", "other_pattern").values
    image = ax.imshow(values, interpolation="none", cmap="viridis", vmin=0.0, vmax=1.0)
    ax.set(xlabel="pattern (index)", ylabel="pattern (index)")
    _whole_ticks(ax)
    ax.figure.colorbar(image, ax=ax, label="cosine similarity")


def _whole_ticks(ax: Any) -> None:
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
