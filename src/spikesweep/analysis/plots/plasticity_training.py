"""Training by plasticity, a column a rule: rates, selectivity, weights over epochs, responses at the last."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.analysis.plots.style import say

#: Dimensions that the figure needs.
DIMS = ("population", "projection", "seed", "rule", "epoch")
#: Colours that can be told apart by anybody (Okabe and Ito), and dashes, of populations and projections.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
_DASHES = ("-", "--", ":", "-.", (0, (1, 1)))
_SHOWN = ("seed", "rule", "epoch")


def figure(ds: xr.Dataset) -> Figure:
    """Return rates, selectivity and weights of each seed and their median, and responses of the first seed.

    Other axes are at their last value.
    """
    others = {axis: -1 for axis in ds.attrs["axes"].split() if axis not in _SHOWN}
    names = ["mean_activity", "selectivity_index", "weight_mean", "weight_sd", "activity", "status"]
    one = ds[[name for name in names if name in ds]].isel(others).load()
    one = one.where(one["status"] == 1)
    rules = one["rule"].values.tolist()
    draw = [_lines("mean_activity", "mean rate (Hz)"), _lines("selectivity_index", "selectivity index (1)")]
    draw += [_weights, *([_responses] if "activity" in one else [])]
    fig = Figure(figsize=(1.4 + 2.7 * len(rules), 0.6 + 2.1 * len(draw)), layout="constrained")
    panels = fig.subplots(len(draw), len(rules), squeeze=False, sharey="row")
    for column, rule in zip(panels.T, rules, strict=True):
        column[0].set_title(rule)
        for ax, panel in zip(column, draw, strict=True):
            panel(ax, one.sel(rule=rule))
    for row in panels:
        for ax in row[1:]:
            ax.set_ylabel("")
    for row in panels[:2]:  # last, for a limit that is set keeps the other one
        row[0].set_ylim(0.0, None)
    for row in (panels[0], panels[2]):
        row[-1].legend(frameon=False, fontsize=7)
    swept = [f"{axis} = {float(ds[axis][-1]):g}" for axis in others if ds.sizes[axis] > 1]
    lines = f"lines: {one.sizes['seed']} seeds, each and their median"
    first = f"responses: seed {one['seed'].values[0]}" if "activity" in one else ""
    say(fig, lines, "weights: shades are the SD of one network's, median over seeds", first, ", ".join(swept))
    return fig


def _lines(name: str, label: str) -> Any:
    def draw(ax: Any, one: xr.Dataset) -> None:
        _curves(ax, one, one[name], "population")
        ax.set(xlabel="epoch", ylabel=label)

    return draw


def _weights(ax: Any, one: xr.Dataset) -> None:
    _curves(ax, one, one["weight_mean"], "projection")
    for projection, colour in zip(one["projection"].values, _COLOURS * len(one["projection"]), strict=False):
        own = one.sel(projection=projection)
        mean, sd = own["weight_mean"].median("seed"), own["weight_sd"].median("seed")
        ax.fill_between(one["epoch"], mean - sd, mean + sd, color=colour, alpha=0.15, linewidth=0)
    ax.set(xlabel="epoch", ylabel="mean weight (1)")


def _curves(ax: Any, one: xr.Dataset, values: xr.DataArray, dim: str) -> None:
    for k, name in enumerate(values[dim].values.tolist()):
        own = values.sel({dim: name}).transpose("epoch", "seed")
        colour, dashes = _COLOURS[k % len(_COLOURS)], _DASHES[k % len(_DASHES)]
        ax.plot(one["epoch"], own, color=colour, linestyle=dashes, linewidth=0.4, alpha=0.5)
        ax.plot(
            one["epoch"], own.median("seed"), color=colour, linestyle=dashes, linewidth=1.6, label=str(name)
        )
    ax.spines[["top", "right"]].set_visible(False)


def _responses(ax: Any, one: xr.Dataset) -> None:
    activity = one["activity"].isel(seed=0, epoch=-1).transpose("cell", "pattern").values
    top = float(np.nanmax(activity, initial=0.0))
    image = ax.imshow(
        activity, aspect="auto", interpolation="none", cmap="viridis", vmin=0.0, vmax=top or 1.0
    )
    ax.set(xlabel="pattern (index)", ylabel=f"cell (index), epoch {one['epoch'].values[-1]}")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    ax.figure.colorbar(image, ax=ax, label="activity (Hz)")
