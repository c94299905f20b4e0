"""Networks of spiking neurons: one of them as it goes on, or measures of many over what is swept.

Of a sweep over one axis lines, over two axes maps (network_measures); else the last point that is done: its
spikes, the rates of its populations and neurons, and the recorded potentials.
"""

from collections.abc import Hashable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.analysis.plots import network_measures, swept
from spikesweep.analysis.plots.style import color_of
from spikesweep.grid.schema import DONE, counts_of

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ()

#: Spikes drawn at most: more are a black area.
_SPIKES = 20_000
#: Time shown at most (ms).
_SHOWN = 2000.0
#: Heights of the raster, of the rates over time, and of a potential.
_HEIGHTS = {"raster": 2.6, "rates": 1.1, "v": 1.0}


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a sweep's dataset."""
    axes = [str(dim) for dim in ds["status"].dims if _is_swept(ds, dim)]
    if "point" in ds.dims:
        return swept.figure(ds)
    if len(axes) > 1:
        return network_measures.maps(ds, axes)
    return network_measures.lines(ds, axes[0]) if axes else last_point(ds)


#: The same, where parameters are swept.
swept_figure = figure


def _is_swept(ds: xr.Dataset, dim: Hashable) -> bool:
    """Return whether a measure is drawn over an axis: of a protocol's own, two values are two examples."""
    return dim != "seed" and ds.sizes[dim] > (1 if "key" in ds[dim].attrs else 2)


def last_point(ds: xr.Dataset) -> Figure:
    """Return the figure of the last point that is done."""
    done = np.argwhere(ds["status"].isin(DONE).values)
    at = dict(zip(ds["status"].dims, done[-1] if len(done) else [0] * ds["status"].ndim, strict=True))
    point = ds.isel(at)
    if counts_of("spike") in ds:
        spikes = ds.sweep.spikes(**{str(name): ds[name].values[i].item() for name, i in at.items()})
        point = point.assign(spike_times=spikes["spike_times"], spike_neuron=spikes["spike_neuron"])
    title = ", ".join(f"{name} = {ds[name].values[i]:g}" for name, i in at.items() if ds.sizes[name] > 1)
    return activity(point.load(), title)


def activity(run: xr.Dataset, title: str = "") -> Figure:
    """Return the spikes and rates of the beginning, the rates of the neurons, and the recorded potentials.

    What a run has not kept is left out.
    """
    recorded = run.sizes["recorded"] if "v" in run else 0
    parts = ["raster"] * ("spike_times" in run) + ["rates"] * ("population_rate" in run) + ["v"] * recorded
    heights = [_HEIGHTS[part] for part in parts]
    fig = Figure(figsize=(9.0, max(3.4, 0.8 + sum(heights))), layout="constrained")
    grid = fig.add_gridspec(len(parts), 2, width_ratios=(3, 1), height_ratios=heights)
    rows = [fig.add_subplot(grid[0, 0])]
    side = fig.add_subplot(grid[:, 1])
    rows += [fig.add_subplot(grid[k, 0], sharex=rows[0]) for k in range(1, len(parts))]
    _neuron_rates(side, run)
    for k, (ax, part) in enumerate(zip(rows, parts, strict=True)):
        if part == "v":
            _potential(ax, run, k - (len(parts) - recorded))
        else:
            (_raster if part == "raster" else _population_rates)(ax, run)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelbottom=ax is rows[-1])
    rows[0].set_xlim(0.0, min(_end(run), _SHOWN) * 1e-3 or 1.0)
    rows[-1].set_xlabel("time (s)")
    fig.suptitle(title)
    return fig


def _end(run: xr.Dataset) -> float:
    """Return until when there is anything (ms)."""
    if "population_rate" in run:
        begin = run["time_bin"].values
        return float(begin[-1] + (begin[1] - begin[0] if len(begin) > 1 else 0.0))
    return float(run["spike_times"].values.max(initial=0.0))


def _whose(run: xr.Dataset) -> xr.DataArray:
    """Return the population of each neuron."""
    return run["neuron_population" if "neuron_population" in run.coords else "population"]


def _names(run: xr.Dataset) -> list[str]:
    return list(dict.fromkeys(run["population"].values.tolist()))


def _color(run: xr.Dataset, name: str) -> str:
    names = _names(run)
    return color_of(names.index(name))


def _raster(ax: Axes, run: xr.Dataset) -> None:
    early = run["spike_times"].values <= _SHOWN
    times, whose = run["spike_times"].values[early], run["spike_neuron"].values[early]
    every = max(1, -(-len(times) // _SPIKES))
    times, whose = times[::every], whose[::every]
    n = int(run.sizes.get("neuron", int(whose.max(initial=0)) + 1))
    few = n <= 20
    colors = "0.2"
    if "neuron" in run.sizes:
        by_name = {name: _color(run, name) for name in _names(run)}
        colors = np.array([by_name[name] for name in _whose(run).values.tolist()])[whose]
    ax.scatter(
        times * 1e-3,
        whose,
        s=120.0 if few else 1.0,
        c=colors,
        marker="|" if few else ".",
        linewidths=0.8 if few else 0.0,
        rasterized=not few,
    )
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    share = "" if every == 1 else f", one in {every}"
    ax.set(ylabel=f"neuron (spikes{share})", ylim=(-0.5, n - 0.5))


def _population_rates(ax: Axes, run: xr.Dataset) -> None:
    for name in _names(run):
        rate = run["population_rate"].sel(population=name)
        ax.plot(run["time_bin"] * 1e-3, rate, color=_color(run, name), linewidth=0.8, drawstyle="steps-post")
    ax.set(ylabel="rate (Hz)", ylim=(0.0, None))


def _potential(ax: Axes, run: xr.Dataset, k: int) -> None:
    neuron = int(run["recorded"][k])
    color = _color(run, str(_whose(run).values[neuron])) if "neuron" in run.sizes else "0.2"
    ax.plot(run["time"] * 1e-3, run["v"].isel(recorded=k), color=color, linewidth=0.4)
    ax.set(ylabel=f"v of {neuron} (mV)")


def _neuron_rates(ax: Axes, run: xr.Dataset) -> None:
    """Draw how many neurons of each population have at most some rate, or the populations' means."""
    names = _names(run)
    each = next((run[v] for v in ("neuron_rate", "rate") if v in run and "neuron" in run[v].dims), None)
    ax.spines[["top", "right"]].set_visible(False)
    if each is None:
        colors = [_color(run, name) for name in names]
        ax.barh(np.arange(len(names)), run["rate"].values, xerr=run["rate_sd"].values, color=colors)
        ax.set_yticks(np.arange(len(names)), names)
        ax.set(xlabel="rate (Hz), SD over cells", ylim=(len(names) - 0.5, -0.5), xlim=(0.0, None))
        return
    for name in names:
        rates = np.sort(each.values[np.flatnonzero(_whose(run).values == name)])
        share = np.arange(1, len(rates) + 1) / len(rates)
        label = f"{name}: {rates.mean():.2g} Hz"
        style = ".-" if len(rates) <= 50 else "-"
        ax.plot(rates, share, style, color=_color(run, name), markersize=3, label=label)
    ax.set(xlabel="rate (Hz)", ylabel="cumulative share of neurons", ylim=(0.0, 1.02))
    ax.legend(frameon=False, fontsize=8)
