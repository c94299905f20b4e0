"""A view as a file: what the page shows, drawn by matplotlib as PNG or SVG."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure

from spikesweep.view import colours
from spikesweep.view.drawn import Drawn
from spikesweep.view.hub import Map, maps
from spikesweep.view.lines import about, lines, words_of, x_title
from spikesweep.view.source import Source
from spikesweep.view.state import State

FORMATS = ("png", "svg")


def figure(found: Sequence[tuple[str, Source]], state: State) -> Figure:
    """Return the figure of a state of stores: their maps, and lines of the first below; raise InputError."""
    drawn = maps(found, state)
    one = drawn[0]
    has_map = bool(one.view.state.y)
    rows = 2 if has_map else 1
    fig = Figure(figsize=(0.6 + 5.0 * len(drawn), 3.8 * rows), layout="constrained")
    grid = fig.add_gridspec(rows, len(drawn))
    if has_map:
        for i, each in enumerate(drawn):
            _map(fig, fig.add_subplot(grid[0, i]), each.drawn)
    _lines(fig.add_subplot(grid[rows - 1, 0 : max(1, len(drawn) if len(drawn) == 1 else 1)]), one)
    held = "; ".join(f"{name}: {text}" for name, text in one.drawn.held)
    fig.suptitle(_plain(held), fontsize=9)
    return fig


def image(found: Sequence[tuple[str, Source]], state: State, kind: str) -> bytes:
    """Return the file of a figure, `png` or `svg`."""
    data = BytesIO()
    figure(found, state).savefig(data, format=kind, dpi=150)
    return data.getvalue()


def _plain(text: str) -> str:
    """Return a text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")


def _map(fig: Figure, ax: Axes, drawn: Drawn) -> None:
    colours_ = ListedColormap(list(drawn.palette)).with_extremes(bad=colours.EMPTY)
    n = len(drawn.palette)
    norm = Normalize(*drawn.limits) if drawn.names is None else BoundaryNorm(np.arange(n + 1) - 0.5, n)
    left, bottom, width, height = drawn.box
    ax.set_facecolor("white")
    mesh: Any
    if drawn.dots is None:
        extent = (left, left + width, bottom, bottom + height)
        shown = np.ma.masked_invalid(drawn.values)
        mesh = ax.imshow(
            shown,
            origin="lower",
            extent=extent,
            aspect="auto",
            cmap=colours_,
            norm=norm,
            interpolation="none",
        )
    else:
        values = np.asarray(drawn.dots["value"], np.float64)
        mesh = ax.scatter(
            drawn.dots["x"], drawn.dots["y"], c=values, cmap=colours_, norm=norm, s=16, plotnonfinite=True
        )
    ax.plot(*drawn.failed, "x", color="#d55e00", markersize=5)
    for axis, one in zip((ax.xaxis, ax.yaxis), drawn.axes, strict=True):
        axis.set_label_text(_plain(one.title))
        if not one.even and len(one.texts):
            some = np.unique(np.linspace(0, len(one.texts) - 1, min(len(one.texts), 8)).round().astype(int))
            axis.set_ticks(one.begin + (some + 0.5) * one.width, [_plain(one.texts[i]) for i in some])
    bar = fig.colorbar(mesh, ax=ax)
    if drawn.names is None:
        bar.set_label(_plain(drawn.what))
    else:
        bar.set_ticks(range(n), labels=[_plain(name) for name in drawn.names])
    ax.set_title(_plain(drawn.title), fontsize=9)


def _lines(ax: Axes, one: Map) -> None:
    alone = bool(one.source.space.columns)
    for colour, line in zip(colours.LINES, lines(one.source, one.view, one.cells), strict=False):
        style = "." if alone else ".-" if len(line.x) <= 100 else "-"
        ax.plot(
            line.x,
            line.mean,
            style,
            color=colour,
            label=_plain(line.label) or None,
            linewidth=1.2,
            markersize=4,
        )
        if np.isfinite(line.sd).any():
            low, high = line.mean - line.sd, line.mean + line.sd
            ax.fill_between(line.x, low, high, color=colour, alpha=0.2, linewidth=0)
    units, text = one.source.space.attrs[one.view.state.variable]
    ax.set_xlabel(_plain(x_title(one.source, one.view)))
    ax.set_ylabel(_plain(text if units in ("", "1") else f"{text} ({units})"))
    ax.set_title(_plain(about(one.source, one.view, one.cells)), fontsize=9)
    if words := words_of(one.source, one.view):
        ax.set_xticks(range(len(words)), [_plain(w) for w in words])
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8, frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
