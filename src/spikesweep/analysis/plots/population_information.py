"""Information of delayed populations, as Fig. 8 of Hladnik and Grewe 2023, doi:10.1371/journal.pcbi.1010871.

`figure`: information against population size, a panel a condition, with the curve without delays in each;
coherence of some sizes; what is left of the information against the delay of the last cell. `experiment`: the
stimulus, its spectrum, and the responses behind it.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesweep.analysis.information import population_rate, predicted, spectra
from spikesweep.analysis.plots.style import color_of, last_of, say
from spikesweep.errors import InputError
from spikesweep.grid.attributes import configuration_of
from spikesweep.units import ms

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ()

#: Panels of conditions in a row: of more only a summary is drawn.
_PANELS = 4
_STYLES = ("--", "-.", ":")
_COHERENCE_SIZES = 4
#: How many responses a raster shows, and of how many its rate is.
_ROWS = 40


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of the points that are done; lines are means, bands SDs over seeds and repeats."""
    done = ds["status"] == 1
    last = {name: -1 for name in ds.attrs["axes"].split() if "key" in ds[name].attrs}
    shown = ds[["information", "coherence", "cell_coherence"]].isel(last)
    shown["information"] = shown["information"].where(done.isel(last))
    shown = shown.load()
    without = [str(c) for c in shown["condition"].values if float(shown["delay_step"].sel(condition=c)) == 0]
    delayed = [str(c) for c in shown["condition"].values if str(c) not in without]
    panels = delayed if 0 < len(delayed) <= _PANELS else without[:1]
    maps = shown["band"].values[: _PANELS if len(delayed) > _PANELS else 0]
    n = max(len(panels) + len(maps), 3)
    fig = Figure(figsize=(3.2 * n, 6.2), layout="constrained")
    axes = fig.subplots(2, n, squeeze=False)
    for ax, condition in zip(axes[0], panels, strict=False):
        _against_size(ax, shown, condition, without[:1])
    for ax, band in zip(axes[0, len(panels) :], maps, strict=False):
        _map(ax, shown.sel(condition=delayed), band)
    for ax in (*axes[0, len(panels) + len(maps) :], *axes[1, 3:]):
        ax.set_axis_off()
    if panels:
        lines, names = axes[0, 0].get_legend_handles_labels()
        fig.legend(
            lines, names, loc="outside upper center", ncols=min(len(names), 6), frameon=False, fontsize=8
        )
    _coherence(axes[1, 0], shown, (without or delayed)[0])
    _left(axes[1, 1], shown, delayed, without)
    _against_prediction(axes[1, 2], shown)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    n = ds.sizes["seed"] * ds.sizes["repeat"]
    over = " x ".join(f"{ds.sizes[d]} {d}s" for d in ("seed", "repeat") if ds.sizes[d] > 1)
    say(fig, f"mean over {over}, shades: SD, n = {n}" if over else "", last_of(ds, *last))
    return fig


def _colour(k: int) -> str:
    return color_of(k)


def _against_size(ax: Axes, ds: xr.Dataset, condition: str, without: list[str]) -> None:
    names = [(name, "-") for name in without if name != condition]
    for k, band in enumerate(ds["band"].values):
        for name, style in (*names, (condition, _STYLES[k % len(_STYLES)] if names else "-")):
            values = ds["information"].sel(band=band, condition=name)
            mean, sd = (getattr(values, f)(("seed", "repeat")) for f in ("mean", "std"))
            label = f"{band} Hz" + ("" if name == condition else ", no delay")
            ax.plot(ds["pop_size"], mean, style, color=_colour(k), linewidth=1.1, label=label)
            ax.fill_between(ds["pop_size"], mean - sd, mean + sd, color=_colour(k), alpha=0.15, linewidth=0)
    density, velocity = (float(ds[c].sel(condition=condition)) for c in ("density", "velocity"))
    place = f"{velocity:g} m/s, {density:g} cells/m" if density else "no delay"
    ax.set_title(f"{condition}: {place}" if "/" not in condition else place, fontsize=9)
    ax.set(xlabel="population size (cells)", ylabel="information (bits/s)", ylim=(0.0, None))


def _map(ax: Axes, ds: xr.Dataset, band: str) -> None:
    """Draw the information of the largest population over velocity and density, a dot a condition."""
    values = ds["information"].sel(band=band).isel(pop_size=-1).mean(("seed", "repeat"))
    dots = ax.scatter(ds["velocity"], ds["density"], c=values, s=150, marker="s", vmin=0.0)
    ax.set(xscale="log", yscale="log", xlabel="velocity (m/s)", ylabel="density (cells/m)")
    ax.margins(0.15)
    ax.set_title(f"{int(ds['pop_size'][-1])} cells, {band} Hz", fontsize=9)
    ax.figure.colorbar(dots, ax=ax, label="information (bits/s)")


def _coherence(ax: Axes, ds: xr.Dataset, condition: str) -> None:
    sizes = ds["coherence_size"].values[-_COHERENCE_SIZES:]
    for size, colour in zip(sizes, colormaps["viridis"](np.linspace(0.0, 0.85, len(sizes))), strict=True):
        for k, band in enumerate(ds["band"].values):
            values = ds["coherence"].sel(band=band, condition=condition, coherence_size=size)
            label = f"N = {size}" if k == 0 else None
            ax.plot(
                ds["frequency"], values.mean(("seed", "repeat")), color=colour, linewidth=1.1, label=label
            )
    ax.set(xlabel="frequency (Hz)", ylabel="squared coherence", ylim=(0.0, 1.0))
    ax.set_title(f"coherence, {condition}", fontsize=9)
    ax.legend(frameon=False, fontsize=8, ncols=2)


def _left(ax: Axes, ds: xr.Dataset, delayed: list[str], without: list[str]) -> None:
    """Draw information as a part of that without delays, against the delay of the last cell."""
    disc = configuration_of(ds.attrs)["network"].get("field") == "disc"
    reach, text = (np.sqrt(ds["pop_size"] / np.pi), "sqrt(N / pi) d") if disc else (ds["pop_size"], "N d")
    ax.set(xlabel=f"delay over the population, {text} (ms)", ylabel="information / without delays")
    if not delayed or not without:
        ax.text(0.5, 0.5, "no condition without delays", ha="center", transform=ax.transAxes)
        return
    of_all = ds["information"].mean(("seed", "repeat"))
    ratio = of_all.sel(condition=delayed) / of_all.sel(condition=without[0], drop=True)
    for k, band in enumerate(ds["band"].values):
        for i, condition in enumerate(delayed):
            spread = reach * float(ds["delay_step"].sel(condition=condition))
            label = f"{band} Hz" if i == 0 else None
            line = ratio.sel(band=band, condition=condition)
            ax.plot(spread, line, color=_colour(k), linewidth=0.9, label=label)
    ax.set(xscale="log", ylim=(0.0, None))
    ax.legend(frameon=False, fontsize=8)


def _against_prediction(ax: Axes, ds: xr.Dataset) -> None:
    """Draw information against that of the linear prediction, or say why there is none."""
    try:
        linear = predicted(ds)
    except InputError as error:
        ax.text(0.5, 0.5, f"no linear prediction:\n{error}", ha="center", fontsize=8, wrap=True)
        ax.set_axis_off()
        return
    measured = ds["information"].mean("repeat").transpose(*linear.dims)
    for k, band in enumerate(ds["band"].values):
        x, y = (v.sel(band=band).values.ravel() for v in (linear, measured))
        ax.plot(x, y, ".", markersize=2, color=_colour(k), label=f"{band} Hz")
    top = float(np.nanmax(measured))
    ax.plot([0.0, top], [0.0, top], color="black", linewidth=0.6)
    ax.set(xlabel="linear prediction (bits/s)", ylabel="information (bits/s)")


def experiment(ds: xr.Dataset, start: ms = 100.0, stop: ms = 150.0, nperseg: int = 16384) -> Figure:
    """Return stimulus, its spectrum, and a raster with the population rate, of `ss.responses`.

    Times from `start` to `stop` are shown.
    """
    fig = Figure(figsize=(9.0, 6.0), layout="constrained")
    left, right = fig.subplots(1, 2, width_ratios=(2, 1))
    left.set_axis_off()
    grid = left.get_subplotspec().subgridspec(3, 1)
    stimulus, raster, rates = (fig.add_subplot(cell) for cell in grid)
    inside = (ds["time"] >= start) & (ds["time"] < stop)
    stimulus.plot(ds["time"][inside], ds["stimulus"][inside], linewidth=1.0)
    stimulus.set(ylabel=f"stimulus ({ds['stimulus'].attrs['units']})")
    trains = [
        ds["spike_times"].values[ds["spike_cell"].values == k] for k in range(min(_ROWS, ds.attrs["cells"]))
    ]
    raster.eventplot([t[(t >= start) & (t < stop)] for t in trains], colors="black", linewidths=0.5)
    raster.set(ylabel="response")
    rate = population_rate(trains, ds.sizes["time"], ds.attrs["dt"], ds.attrs["kernel_sigma"])
    rates.plot(ds["time"][inside], rate[inside.values], linewidth=1.0)
    rates.set(xlabel="time (ms)", ylabel=f"mean rate of {len(trains)} (Hz)")
    found = spectra(ds["stimulus"].values, rate, ds.attrs["dt"], nperseg)
    near = found.sel(frequency=slice(0.0, 4.0 * ds.attrs["band_high"]))
    _spectra(right, near)
    for ax in (stimulus, raster, rates):
        ax.set_xlim(start, stop)
    for ax in fig.axes:
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def _spectra(ax: Any, found: xr.Dataset) -> None:
    for name, text in (("S_ss", "stimulus"), ("S_rr", "population rate")):
        ax.plot(found["frequency"], found[name] / found[name].max(), linewidth=1.0, label=text)
    ax.set(xlabel="frequency (Hz)", ylabel="power spectrum (of its largest)", yscale="log", ylim=(1e-6, 2.0))
    ax.legend(frameon=False, fontsize=8)
