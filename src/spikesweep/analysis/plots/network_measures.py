"""Measures of spiking networks over what is swept: lines over one axis, maps over two, with Brunel's states.

The states of Brunel 2000, doi:10.1023/A:1008925309027, are named by criteria of this figure:

    quiet          below 0.1 Hz
    regular (R)    CV of the intervals below 0.25; else irregular (I)
    synchronous    SD of the population's rate in bins above 0.75 of its mean; else asynchronous (A)
    fast, slow     of synchronous irregular states (SI): highest power at or above 100 Hz, or below

They take bins of 2 ms at most: where they are longer, no state is named. Small networks have few spikes in a
bin and then look synchronous: 0.75 needs some ten of them.
"""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from spikesweep.analysis.plots.style import axis_label, color_of
from spikesweep.grid.schema import DONE

#: What is drawn, a column each: variable, label, unit.
_MEASURES = {"rate": "rate (Hz)", "cv_isi": "CV of intervals", "synchrony": "variance/mean of spikes in bins"}
#: Rows of a map at most: populations after these are left out, and the title says so.
_ROWS = 4
_QUIET, _REGULAR, _SYNCHRONOUS, _FAST = 0.1, 0.25, 0.75, 100.0
_BIN = 2.0  # ms, the longest that shows fast oscillations
_STATES = ("quiet", "SR", "AR", "SI slow", "SI fast", "SI", "AI")
_COLORS = ("0.85", "#b2182b", "#ef8a62", "#2166ac", "#67a9cf", "#4393c3", "#f7f7c0")


class Over(NamedTuple):
    """What is drawn over which axes."""

    done: xr.Dataset  #: mean over seeds
    sd: xr.Dataset  #: SD over seeds
    n: int  #: seeds
    held: str  #: what the title says of other axes


def lines(ds: xr.Dataset, x: str) -> Figure:
    """Return the measures over one axis, a line a population.

    Shades are SDs over seeds, or of the rate over cells where there is one seed.
    """
    over = _over(ds, [x])
    fig = Figure(figsize=(11.0, 3.4), layout="constrained")
    places = ds[x].values if ds[x].dtype.kind in "iuf" else np.arange(ds.sizes[x])
    for ax, (name, label) in zip(fig.subplots(1, 3, sharex=True), _MEASURES.items(), strict=True):
        shade = over.done["rate_sd"] if over.n == 1 and name == "rate" else over.sd[name]
        for k, population in enumerate(ds["population"].values.tolist()):
            mean, sd = (v.sel(population=population).transpose(x).values for v in (over.done[name], shade))
            ax.plot(places, mean, ".-", color=color_of(k), label=population, linewidth=1.2)
            low = np.maximum(mean - sd, 0.0)
            ax.fill_between(places, low, mean + sd, color=color_of(k), alpha=0.2, linewidth=0.0)
        if ds[x].dtype.kind not in "iuf":
            ax.set_xticks(places, ds[x].values.tolist())
        ax.set(xlabel=axis_label(ds, x), ylabel=label)
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8)
    said = f"mean and SD over {over.n} seeds" if over.n > 1 else "shade: SD of the rate over cells"
    fig.suptitle("; ".join(filter(None, [said, over.held])), fontsize="medium")
    return fig


def maps(ds: xr.Dataset, axes: list[str]) -> Figure:
    """Return maps of the measures over the two longest axes, a row a population."""
    y, x = sorted(sorted(axes, key=lambda name: -ds.sizes[name])[:2], key=axes.index, reverse=True)
    over = _over(ds, [x, y])
    names = ds["population"].values.tolist()
    shown = names[:_ROWS]
    states = _states(over.done.sel(population=names[0]).transpose(y, x, ...), ds)
    columns = len(_MEASURES) + (states is not None)
    width, height = 3.6 * columns, 0.7 + (3.0 if len(shown) == 1 else 2.6 * len(shown))
    fig = Figure(figsize=(width, height), layout="constrained")
    panels = fig.subplots(len(shown), columns, squeeze=False)
    for row, population in zip(panels, shown, strict=True):
        for ax, (name, label) in zip(row, _MEASURES.items(), strict=False):
            values = over.done[name].sel(population=population).transpose(y, x).values
            drawn = ax.pcolormesh(values, norm=_norm(name, values))
            fig.colorbar(drawn, ax=ax, label=label)
            _ticks(ax, ds, x, y, population)
    if states is not None:
        _draw_states(panels[0, -1], states)
        _ticks(panels[0, -1], ds, x, y, f"state of {names[0]}")
        for row in panels[1:]:
            row[-1].set_axis_off()
    left_out = f"not shown: {', '.join(names[_ROWS:])}" if len(names) > _ROWS else ""
    seeds = f"mean over {over.n} seeds" if over.n > 1 else ""
    criteria = (
        f"regular (R): CV of intervals < {_REGULAR:g}; synchronous (S): SD of the rate in bins > "
        f"{_SYNCHRONOUS:g} of its mean; fast: highest power from {_FAST:g} Hz on"
    )
    told = [seeds, over.held, left_out, criteria if states is not None else ""]
    fig.suptitle("; ".join(filter(None, told)), fontsize="medium")
    return fig


def _over(ds: xr.Dataset, kept: list[str]) -> Over:
    """Return mean and SD over seeds of what is done, all axes but some held at their first value."""
    axes = [str(dim) for dim in ds["status"].dims]
    held = {name: 0 for name in axes if name not in (*kept, "seed")}
    said = [f"{axis_label(ds, name)}: {ds[name].values[0]}" for name in held if ds.sizes[name] > 1]
    wanted = [*_MEASURES, "rate_sd", *(v for v in ("population_rate", "spectrum") if v in ds)]
    part = ds[[*wanted, "status"]].isel(held).load()
    done = part[wanted].where(part["status"].isin(DONE))
    n = ds.sizes.get("seed", 1)
    if "seed" not in done.dims:
        return Over(done, done * 0.0, n, ", ".join(said))
    return Over(done.mean("seed"), done.std("seed"), n, ", ".join(said))


def _norm(name: str, values: NDArray[np.float64]) -> Normalize:
    """Return a scale from 0, or a logarithmic one where values differ much, whose ends are clipped."""
    there = values[np.isfinite(values) & (values > 0.0)]
    if name == "cv_isi" or there.size == 0 or there.max() < 30.0 * there.min():
        return Normalize(0.0, there.max(initial=1e-3))
    return LogNorm(max(there.min(), 1e-3 * there.max()), there.max(), clip=True)


def _ticks(ax: Axes, ds: xr.Dataset, x: str, y: str, title: Any) -> None:
    """Label each cell with its value: axes need not be equally spaced."""
    for name, set_ticks in ((x, ax.set_xticks), (y, ax.set_yticks)):
        n = ds.sizes[name]
        places = np.arange(0, n, -(-n // 12))
        values = ds[name].values[places].tolist()
        set_ticks(places + 0.5, [f"{v:g}" if isinstance(v, (int, float)) else str(v) for v in values])
    ax.tick_params(labelsize=8)
    ax.set(xlabel=axis_label(ds, x), ylabel=axis_label(ds, y), title=str(title))


def _states(done: xr.Dataset, ds: xr.Dataset) -> NDArray[np.float64] | None:
    """Return the number of the state at each place, shape (y, x); None where bins are too long to say."""
    if "population_rate" not in done or ds.sizes["time_bin"] < 2:
        return None
    begin = ds["time_bin"].values
    if begin[1] - begin[0] > _BIN:
        return None
    settled = done["population_rate"].isel(time_bin=slice(len(begin) // 3, None))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (settled.std("time_bin") / settled.mean("time_bin")).values
    regular, synchronous = done["cv_isi"].values < _REGULAR, spread > _SYNCHRONOUS
    oscillates = np.full(regular.shape, _STATES.index("SI"))
    if "spectrum" in done:
        power = done["spectrum"].isel(frequency=slice(1, None))
        peak = power["frequency"].values[power.fillna(0.0).argmax("frequency").values]
        oscillates = np.where(peak >= _FAST, _STATES.index("SI fast"), _STATES.index("SI slow"))
    found = np.where(
        regular,
        np.where(synchronous, _STATES.index("SR"), _STATES.index("AR")),
        np.where(synchronous, oscillates, _STATES.index("AI")),
    ).astype(float)
    rate = done["rate"].values
    found[(rate < _QUIET) | (done["cv_isi"].isnull().values & ~np.isnan(rate))] = _STATES.index("quiet")
    found[np.isnan(rate)] = np.nan
    return found


def _draw_states(ax: Axes, states: NDArray[np.float64]) -> None:
    n = len(_STATES)
    ax.pcolormesh(states, cmap=ListedColormap(_COLORS), norm=BoundaryNorm(np.arange(n + 1) - 0.5, n))
    for (i, j), state in np.ndenumerate(states):
        if np.isfinite(state) and states.size <= 200:
            short = _STATES[int(state)].replace("SI slow", "SIs").replace("SI fast", "SIf")
            ax.text(j + 0.5, i + 0.5, short, ha="center", va="center", fontsize=7)
    there = [k for k in range(n) if (states == k).any()]
    ax.legend(
        handles=[Patch(facecolor=_COLORS[k], edgecolor="0.5", label=_STATES[k]) for k in there],
        loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize=8, frameon=False,
    )  # fmt: skip
