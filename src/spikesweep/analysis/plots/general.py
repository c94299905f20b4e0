"""Any variable of any sweep: curves with bands, maps, phase diagrams, dots; what is not shown is said below.

Repetitions are averaged, and their SD or SEM is the band. Of every other axis that is neither drawn nor
chosen, one value is shown: the last of nested sizes, the configured one of a swept value, else the middle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikesweep.analysis.plots import raster
from spikesweep.analysis.plots.choosing import choose
from spikesweep.analysis.plots.chosen import Chosen
from spikesweep.analysis.plots.style import (
    BRIDGED,
    EMPTY,
    LINES,
    MARKERS,
    SHADES,
    WORDS,
    axis_label,
    bridged,
    color_of,
    is_log,
    long_label,
    norm_of,
    place,
    plain,
    say,
    styled,
    variable_label,
)

#: Panels in a row, and curves that a legend tells apart: of more there is a colour bar.
_COLUMNS, _LEGEND = 4, 7
#: Points of a curve up to which each is marked.
_MARKED = 40


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a dataset whose protocol has none of its own, or of a part or a mean."""
    return draw(ds)


def draw(
    ds: xr.Dataset,
    *,
    var: str | None = None,
    x: str | None = None,
    y: str | None = None,
    hue: str | None = None,
    panel: str | None = None,
    at: Mapping[str, Any] | None = None,
    band: str = "sd",
) -> Figure:
    """Return a figure of one variable: over `x` a curve for each `hue`, or a map over `x` and `y`.

    There is a panel for each value of `panel`. `at` chooses values of other axes by their labels, "mean"
    averages one. `band` is what shades show of repetitions: "sd", "sem" or "none". Of `spike_times` it is a
    raster. What is not named is chosen; raises InputError for names and labels that are not there.
    """
    if var is not None and var.startswith("spike_") and var not in ds and raster.COUNTS in ds:
        return raster.draw(ds, at or {})
    chosen = choose(ds, var=var, x=x, y=y, hue=hue, panel=panel, at=at or {}, band=band)
    with styled():
        if chosen.values.dtype.kind in WORDS:
            chosen = chosen.as_numbers()
        return _panels(chosen)


def _panels(chosen: Chosen) -> Figure:
    names: Sequence[Any] = [None] if chosen.panel is None else chosen.labels(chosen.panel)
    columns = min(len(names), _COLUMNS)
    rows = -(-len(names) // columns)
    fig = Figure(figsize=(1.6 + 3.2 * columns, 1.0 + 2.7 * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, sharex=not chosen.columns, sharey=True)
    scale, gaps = _Scale.of(chosen), False
    for ax, name in zip(axes.flat, names, strict=False):
        part = chosen if name is None else chosen.at(name)
        if chosen.columns:
            _dots(ax, part, scale)
        elif chosen.y is not None:
            _map(ax, part, scale)
        else:
            gaps |= _curves(ax, part, scale)
        if name is not None and chosen.panel is not None:
            words = chosen.ds[chosen.panel].dtype.kind in WORDS
            ax.set_title(plain(name) if words else place(chosen.ds, chosen.panel, name))
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    if chosen.values.attrs.get("units") == "Hz" and chosen.y is None and not bool((chosen.mean < 0).any()):
        axes.flat[0].set_ylim(bottom=0.0)
    for ax in axes[-1]:
        ax.set_xlabel(long_label(chosen.ds, chosen.x))
    for ax in axes[:, 0]:
        ax.set_ylabel(long_label(chosen.ds, chosen.y) if chosen.y else variable_label(chosen.values))
    _key(fig, axes, chosen, scale)
    say(fig, *chosen.said, BRIDGED if gaps else "")
    return fig


@dataclass(frozen=True)
class _Scale:
    """What colours mean: numbers on a map, or names."""

    norm: Any
    colors: Any
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, chosen: Chosen) -> "_Scale":
        """Return the scale of the values of a map, or of the hues of curves."""
        if (flags := chosen.meanings) and (chosen.y or chosen.columns):
            some = ListedColormap([EMPTY, *(color_of(k) for k in range(len(flags) - 1))])
            return cls(BoundaryNorm(np.arange(len(flags) + 1) - 0.5, len(flags)), some, flags)
        if chosen.y or chosen.columns:
            return cls(norm_of(np.asarray(chosen.mean.values, np.float64)), mpl.colormaps["viridis"])
        return cls(norm_of(chosen.hues), SHADES)


def _curves(ax: Axes, chosen: Chosen, scale: _Scale) -> bool:
    """Draw a curve for each hue; return whether any has gaps between its values."""
    gaps = False
    hues: Sequence[Any] = [None] if chosen.hue is None else chosen.labels(chosen.hue)
    named = chosen.hue is None or chosen.ds[chosen.hue].dtype.kind not in "iuf"
    for k, value in enumerate(hues):
        mean, spread, x = chosen.curve(value)
        places = np.arange(len(x)) if x.dtype.kind in WORDS else x
        shade = color_of(k) if named else scale.colors(float(scale.norm(value)))
        crossed = x.dtype.kind not in WORDS and bridged(ax, places, mean, shade)
        gaps |= crossed
        few = len(x) <= _MARKED or crossed  # a lone value between gaps is no line
        style: dict[str, Any] = {"color": shade, "linewidth": 1.2}
        style["linestyle"] = LINES[k // len(MARKERS) % len(LINES)] if named else "-"
        if few:
            style |= {"marker": MARKERS[k % len(MARKERS)] if named else ".", "markersize": 4}
        label = None if value is None else plain(value) if named else f"{value:g}"
        if x.dtype.kind in WORDS:
            style["linestyle"] = ""
            ax.set_xticks(places, [plain(v) for v in x], rotation=0 if len(x) < 6 else 45)
        if spread is not None and (few and (len(x) < 4 or x.dtype.kind in WORDS)):
            ax.errorbar(places, mean, spread, label=label, capsize=2, **style)
            continue
        ax.plot(places, mean, label=label, **style)
        if spread is not None:
            ax.fill_between(places, mean - spread, mean + spread, color=shade, alpha=0.2, linewidth=0)
    if x.dtype.kind not in WORDS and is_log(x):
        ax.set_xscale("log")
    return gaps


def _map(ax: Axes, chosen: Chosen, scale: _Scale) -> None:
    assert chosen.y is not None
    axes = {}
    for name, put in ((chosen.x, ax.set_xticks), (chosen.y, ax.set_yticks)):
        values = chosen.ds[name].values
        axes[name] = np.arange(len(values)) if values.dtype.kind in WORDS + "b" else values
        if values.dtype.kind in WORDS + "b":
            put(axes[name], [plain(v) for v in values])
    shown = np.ma.masked_invalid(chosen.mean.transpose(chosen.y, chosen.x).values)
    ax.set_facecolor(EMPTY)
    edges = [_edges(axes[name]) for name in (chosen.x, chosen.y)]
    ax.pcolormesh(*edges, shown, norm=scale.norm, cmap=scale.colors, rasterized=shown.size > 10_000)
    for name, to_log in ((chosen.x, ax.set_xscale), (chosen.y, ax.set_yscale)):
        if is_log(axes[name]):
            to_log("log")


def _edges(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return where cells around values meet; a lone cell is one wide."""
    at = np.log(values) if (log := is_log(values)) else np.asarray(values, np.float64)
    if len(at) == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    found = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return np.exp(found) if log else found


def _dots(ax: Axes, chosen: Chosen, scale: _Scale) -> None:
    """Draw a dot a point of a sweep whose points are no grid; its colour is the value where there is a y."""
    x = chosen.ds[chosen.x].values
    if chosen.y is None:
        if chosen.spread is not None:
            ax.errorbar(x, chosen.mean.values, chosen.spread.values, fmt="o", markersize=3, color=color_of(0))
        else:
            ax.plot(x, chosen.mean.values, "o", markersize=3, color=color_of(0))
        return
    y = chosen.ds[chosen.y].values
    ax.scatter(x, y, c=chosen.mean.values, norm=scale.norm, cmap=scale.colors, s=18)


def _key(fig: Figure, axes: NDArray[Any], chosen: Chosen, scale: _Scale) -> None:
    """Add what tells values apart: a colour bar, or a legend beside the panels."""
    shown: list[Axes] = [*axes.flat]
    if chosen.y is not None:
        bar = fig.colorbar(
            ScalarMappable(scale.norm, scale.colors), ax=shown, label=variable_label(chosen.values)
        )
        if scale.names:
            bar.set_ticks(list(range(len(scale.names))), labels=list(scale.names))
        return
    if chosen.hue is None or chosen.columns:
        return
    if chosen.ds[chosen.hue].dtype.kind in "iuf" and len(chosen.labels(chosen.hue)) > _LEGEND:
        bar = fig.colorbar(ScalarMappable(scale.norm, scale.colors), ax=shown)
        bar.set_label(long_label(chosen.ds, chosen.hue))
        return
    lines, texts = axes.flat[0].get_legend_handles_labels()
    fig.legend(lines, texts, title=axis_label(chosen.ds, chosen.hue), loc="outside right upper")
