"""Sensitivity indices, a panel a result: bars of first-order and total ones, or effects of Morris."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Panels in a figure, and in a row of it: more cannot be read.
_MOST, _ROW = 24, 4
#: Blue and orange of Okabe and Ito.
_FIRST, _TOTAL = "#0072B2", "#E69F00"


def figure(indices: xr.Dataset) -> Figure:
    """Return the figure of what `analysis.sensitivity` returns; at most 24 results are drawn."""
    names = [str(name).removesuffix("_blocks") for name in indices if str(name).endswith("_blocks")]
    cells = [
        (name, dict(zip(counts.dims, place, strict=True)))
        for name in names
        for counts in [indices[f"{name}_blocks"]]
        for place in np.ndindex(counts.shape)
    ]
    shown = cells[:_MOST]
    columns = min(len(shown), _ROW)
    rows = -(-len(shown) // columns)
    fig = Figure(figsize=(0.6 + 3.0 * columns, 0.5 + 2.6 * rows), layout="constrained")
    panels = fig.subplots(rows, columns, squeeze=False).ravel()
    draw = _bars if indices.attrs["method"] == "saltelli" else _effects
    for ax, (name, at) in zip(panels, shown, strict=False):
        part = indices.isel(at)
        draw(ax, part, name)
        ax.set_title(_title(part, name, at), fontsize="small")
        ax.spines[["top", "right"]].set_visible(False)
    for ax in panels[len(shown) :]:
        ax.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper right", ncols=len(labels), fontsize=8, frameon=False)
    if len(cells) > _MOST:
        fig.text(0.005, 0.005, f"{_MOST} of {len(cells)} results", fontsize=7)
    return fig


def _title(part: xr.Dataset, name: str, at: dict[Any, int]) -> str:
    """Return which result it is, and of how many blocks where some were left out."""
    labels = [f"{dim} {part[dim].item() if dim in part.coords else i}" for dim, i in at.items()]
    used, num = int(part[f"{name}_blocks"]), part.attrs["num"]
    what = "blocks" if part.attrs["method"] == "saltelli" else "trajectories"
    return ", ".join([name, *labels]) + (f"\n{used} of {num} {what}" if used < num else "")


def _bars(ax: Axes, part: xr.Dataset, name: str) -> None:
    x = np.arange(part.sizes["parameter"])
    for offset, key, color, label in ((-0.2, "S1", _FIRST, "first order"), (0.2, "ST", _TOTAL, "total")):
        values, wide = part[f"{name}_{key}"].values, part[f"{name}_{key}_conf"].values
        ax.bar(x + offset, values, 0.38, yerr=wide, color=color, label=label, capsize=2, ecolor="0.3")
    ax.axhline(0.0, color="0.3", linewidth=0.6)
    ax.set_xticks(x, part.parameter.values, rotation=0 if len(x) < 5 else 60)
    ax.set_ylabel("part of the variance (1)")


def _effects(ax: Axes, part: xr.Dataset, name: str) -> None:
    mu, sigma = part[f"{name}_mu_star"].values, part[f"{name}_sigma"].values
    ax.errorbar(
        mu, sigma, xerr=part[f"{name}_mu_star_conf"].values, fmt="o", color=_FIRST, ecolor="0.5", label="axis"
    )
    for x, y, text in zip(mu, sigma, part.parameter.values, strict=True):
        if np.isfinite([x, y]).all():
            ax.annotate(str(text), (x, y), xytext=(4, 4), textcoords="offset points", fontsize=8)
    units = part[f"{name}_mu"].attrs["units"]
    ax.axline((0.0, 0.0), slope=1.0, color="0.6", linestyle=":", linewidth=0.8, label="sigma = mean")
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(f"mean |effect| ({units})")
    ax.set_ylabel(f"SD of effects ({units})")
