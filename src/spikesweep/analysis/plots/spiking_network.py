"""Networks of spiking neurons: their spikes, rates and recorded potentials, at the last point of a sweep."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

#: Spikes drawn at most: more are a black area.
_SPIKES = 20_000
#: Time shown at most (ms).
_SHOWN = 2000.0


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of the last point that is done."""
    done = np.argwhere((ds["status"] == 1).values)
    at = dict(zip(ds["status"].dims, done[-1] if len(done) else [0] * ds["status"].ndim, strict=True))
    point = ds.isel(at)
    spikes = ds.sweep.spikes(**{str(name): ds[name].values[i].item() for name, i in at.items()})
    point = point.assign(spike_times=spikes["spike_times"], spike_neuron=spikes["spike_neuron"])
    title = ", ".join(f"{name} = {ds[name].values[i]:g}" for name, i in at.items() if ds.sizes[name] > 1)
    return activity(point.load(), title)


def activity(run: xr.Dataset, title: str = "") -> Figure:
    """Return a raster of the beginning, the rates of the populations, and the recorded potentials."""
    recorded = run.sizes["recorded"] if "v" in run else 0
    fig = Figure(figsize=(9.0, 3.4 + 1.1 * recorded), layout="constrained")
    grid = fig.add_gridspec(1 + recorded, 2, width_ratios=(3, 1), height_ratios=(2.6, *[1] * recorded))
    raster = fig.add_subplot(grid[0, 0])
    _raster(raster, run)
    _rates(fig.add_subplot(grid[:, 1]), run)
    for k in range(recorded):
        ax = fig.add_subplot(grid[1 + k, 0], sharex=raster)
        ax.plot(
            run["time"] * 1e-3,
            run["v"].isel(recorded=k),
            color=_colors(run)[int(run["recorded"][k])],
            linewidth=0.4,
        )
        ax.set(ylabel=f"v of {int(run['recorded'][k])} (mV)")
        ax.spines[["top", "right"]].set_visible(False)
    raster.set_xlim(0.0, min(float(run["spike_times"].values.max(initial=0.0)), _SHOWN) * 1e-3 or 1.0)
    fig.axes[-1 if recorded else 0].set_xlabel("time (s)")
    fig.suptitle(title)
    return fig


def _colors(run: xr.Dataset) -> list[str]:
    """Return the colour of each neuron, that of its population."""
    names = list(dict.fromkeys(run["population"].values.tolist()))
    return [f"C{3 * names.index(name)}" for name in run["population"].values.tolist()]


def _raster(ax: Axes, run: xr.Dataset) -> None:
    every = max(1, -(-run.sizes["spike"] // _SPIKES))
    times, whose = run["spike_times"].values[::every], run["spike_neuron"].values[::every]
    few = run.sizes["neuron"] <= 20
    colors = np.array(_colors(run))[whose]
    ax.scatter(
        times * 1e-3, whose, s=120.0 if few else 2.0, c=colors, marker="|" if few else ".", linewidths=0.8
    )
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    share = "" if every == 1 else f", one in {every}"
    ax.set(ylabel=f"neuron (spikes{share})", ylim=(-0.5, run.sizes["neuron"] - 0.5))
    ax.spines[["top", "right"]].set_visible(False)


def _rates(ax: Axes, run: xr.Dataset) -> None:
    for name in dict.fromkeys(run["population"].values.tolist()):
        own = np.flatnonzero(run["population"].values == name)
        rates = np.sort(run["rate"].values[own])
        color = _colors(run)[int(own[0])]
        label = f"{name}: {rates.mean():.2g} Hz"
        ax.plot(
            rates, np.arange(1, len(rates) + 1) / len(rates), ".-", color=color, markersize=3, label=label
        )
    ax.set(xlabel="rate (Hz)", ylabel="cumulative share of neurons", ylim=(0.0, 1.02))
    ax.legend(frameon=False, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
