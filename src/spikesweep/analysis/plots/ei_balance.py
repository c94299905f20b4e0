"""Balance over set points, or charges over an axis or over seeds; traces; the original's weight lines."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesweep.analysis import balance
from spikesweep.analysis.plots.style import axis_label, color_of, long_label, mean_of, say
from spikesweep.grid.attributes import parameter
from spikesweep.units import PER_MS

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)

_AXES = ("fe", "fi", "pop_size")
_SHOWN = ("charge_exc", "charge_inh", "spike_count")
_STYLES = ("-", "--", ":", "-.")
#: Ratio of the ends of an axis beyond which it is logarithmic.
_WIDE = 30.0


def figure(ds: xr.Dataset) -> Figure:
    """Return the balance over a sweep of fe and fi, or else charges: over an axis, or of all seeds."""
    ok = ds.where(ds["status"] == 1)
    ok.attrs = ds.attrs
    if min(ds.sizes["fe"], ds.sizes["fi"], ds.sizes["population"]) > 1:
        return _over_set_points(ok.isel(pop_size=-1))
    if max(ds.sizes[name] for name in _AXES) > 1:
        return _over_axis(ok)
    return _over_seeds(ok.isel(fe=0, fi=0, pop_size=0))


def _place(ds: xr.Dataset, names: Sequence[str]) -> str:
    """Return where on its axes a part of a sweep is."""
    units = {name: ds[name].attrs.get("units", "1") for name in names}
    return ", ".join(f"{n} = {ds[n].item():g}" + ("" if u == "1" else f" {u}") for n, u in units.items())


def _over_set_points(ds: xr.Dataset) -> Figure:
    """Return for each population its rate over (fe, fi), and the currents where it is at its set point."""
    names = ds["population"].values[:2]  # others are no sources and have no set point
    fig = Figure(figsize=(1.0 + 3.8 * len(names), 6.6), layout="constrained")
    axes = fig.subplots(2, len(names), squeeze=False)
    points = balance.set_points(ds)
    fits = balance.relations(points["exc"], points["inh"], "fe", rate=points["rate"])
    seconds = parameter(ds, "protocol.duration") * PER_MS
    rate = (ds["spike_count"].mean("seed") / seconds).load()
    for k, name in enumerate(names):
        at, fit = points.sel(population=name), fits.sel(population=name)
        image = axes[0, k].pcolormesh(ds["fe"], ds["fi"], rate.sel(population=name).transpose("fi", "fe"))
        fig.colorbar(image, ax=axes[0, k], label="firing rate (Hz)")
        axes[0, k].plot(at["fe"], at["fi"], "w.-", linewidth=0.8)
        axes[0, k].set(
            title=f"{name}; white: at its set point", xlabel=long_label(ds, "fe"), ylabel=long_label(ds, "fi")
        )
        axes[1, k].plot(at["exc"], at["inh"], "k.", label="at its set point")
        if at["inh"].notnull().any():
            _lines(axes[1, k], at, fit)
        else:
            axes[1, k].text(
                0.5, 0.4, "no set point inside the sweep", ha="center", transform=axes[1, k].transAxes
            )
        axes[1, k].set(xlabel="mean excitatory current (pA)", ylabel="mean inhibitory current (pA)")
        axes[1, k].set_ylim(0.0, 1.5 * axes[1, k].get_ylim()[1])  # room for the legend
        axes[1, k].legend(frameon=False, fontsize=8, loc="upper left")
        axes[1, k].spines[["top", "right"]].set_visible(False)
    fig.suptitle(_place(ds, ["pop_size"]), fontsize="medium")
    say(fig, mean_of(ds))
    return fig


def _lines(ax: Axes, at: xr.Dataset, fit: xr.Dataset) -> None:
    x = np.array([0.0, float(at["exc"].max())])
    b, k, m, c = (float(fit[n]) for n in ("additive_b", "multiplicative_k", "linear_m", "linear_c"))
    for relation, y, label in (
        ("additive", x + b, f"E {b:+.0f}"),
        ("multiplicative", k * x, f"{k:.2f} E"),
        ("linear", m * x + c, f"{m:.2f} E {c:+.0f}"),
    ):
        ax.plot(x, y, linewidth=0.9, label=f"{relation}: {label}{_off(fit, relation)}")
    theta, slope = float(fit["threshold_gain_threshold"]), float(fit["threshold_gain_slope"])
    label = f"threshold-gain: E {-theta:+.0f} {-slope:+.2f} rate{_off(fit, 'threshold_gain')}"
    ax.plot(at["exc"], at["exc"] - theta - slope * at["rate"], "--", linewidth=0.9, label=label)


def _off(fit: xr.Dataset, relation: str) -> str:
    """Return by how much a relation is off, if it has fewer parameters than there are points."""
    off = float(fit[f"{relation}_residual"])
    return "" if np.isnan(off) else f", off by {off:.1f} pA"


def _over_axis(ds: xr.Dataset) -> Figure:
    """Return charges and spikes over the longest axis, a line style for each value of the next longest."""
    x, by, last = sorted(_AXES, key=lambda name: -ds.sizes[name])
    places = np.unique(np.linspace(0, ds.sizes[by] - 1, len(_STYLES)).round().astype(int))
    ds, ddof = ds.isel({last: -1}), min(1, ds.sizes["seed"] - 1)
    scale = "log" if 0.0 < float(ds[x].min()) * _WIDE < float(ds[x].max()) else "linear"
    fig = Figure(figsize=(11.5, 3.4), layout="constrained")
    axes = fig.subplots(1, len(_SHOWN))
    for ax, name in zip(axes, _SHOWN, strict=True):
        for k, population in enumerate(ds["population"].values):
            for place, style in zip(places, _STYLES, strict=False):
                one = ds[name].sel(population=population).isel({by: place})
                label = str(population) + (f", {_place(one.to_dataset(), [by])}" if len(places) > 1 else "")
                look = {"linestyle": style, "marker": ".", "color": color_of(k), "linewidth": 1.0}
                mean, sd = one.mean("seed").values, one.std("seed", ddof=ddof).values
                ax.errorbar(ds[x].values, mean, sd, label=label, **look)
        ax.set(xscale=scale, xlabel=axis_label(ds, x), ylabel=_labelled(ds[name]))
        ax.set_ylim(bottom=0.0)
        ax.spines[["top", "right"]].set_visible(False)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    held = [last] if len(places) > 1 else [by, last]
    where = _place(ds.isel({by: 0}), held)
    fig.suptitle(f"{where}; mean and SD of {ds.sizes['seed']} seeds", fontsize="medium")
    return fig


def _labelled(values: xr.DataArray) -> str:
    """Return what a variable is, with its unit."""
    text, units = values.attrs["long_name"], values.attrs["units"]
    return str(text) if units == "1" else f"{text} ({units})"


def _over_seeds(ds: xr.Dataset) -> Figure:
    """Return the distributions of charges and spike counts of each population over seeds."""
    fig = Figure(figsize=(10.2, 3.2), layout="constrained")
    axes = fig.subplots(1, 3)
    for ax, name in zip(axes, _SHOWN, strict=True):
        for k, population in enumerate(ds["population"].values):
            values = ds[name].sel(population=population).dropna("seed").values
            if not len(values):
                continue
            counts = name == "spike_count"
            bins = np.arange(values.min(), values.max() + 2) - 0.5 if counts else 30
            text = f"{population}: {values.mean():.1f}"
            text += f" (SD {values.std(ddof=1):.1f})" if len(values) > 1 else ""
            ax.hist(values, bins=bins, color=color_of(k), alpha=0.6, label=text)
        ax.set_ylim(top=1.25 * ax.get_ylim()[1])  # room for the legend
        ax.set(xlabel=_labelled(ds[name]))
        ax.legend(frameon=False, fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"seeds (of {ds.sizes['seed']})")
    fig.suptitle(_place(ds, _AXES), fontsize="medium")
    return fig


def traces(point: xr.Dataset) -> Figure:
    """Return potentials, the first population's currents and their difference at one point."""
    fig = Figure(figsize=(8.0, 6.4), layout="constrained")
    axes = fig.subplots(3, 1, sharex=True)
    seconds = point["time"] * 1e-3
    for population in point["population"].values:
        axes[0].plot(seconds, point["v"].sel(population=population), linewidth=0.6, label=population)
    first = point.isel(population=0)
    axes[1].plot(seconds, first["i_exc"] * 1e-3, color=color_of(2), linewidth=0.6, label="excitatory")
    axes[1].plot(seconds, first["i_inh"] * 1e-3, color=color_of(3), linewidth=0.6, label="inhibitory")
    axes[2].plot(seconds, (first["i_exc"] - first["i_inh"]) * 1e-3, color=color_of(4), linewidth=0.6)
    axes[2].axhline(0.0, color="gray", linewidth=0.5)
    axes[0].set(ylabel="mV")
    axes[1].set(ylabel="Current (nA)", title=f"onto {first['population'].item()}")
    axes[2].set(ylabel="Current (nA)", xlabel="Time (s)", title="excitatory - inhibitory")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[:2]:
        ax.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return fig


def weight_lines(relation: xr.Dataset, weights: tuple[float, float]) -> Figure:
    """Return the original's figure: the multiplicative and the linear line, the point of two weights.

    `relation` holds scalars of `analysis.balance.relations`, `weights` (fC, which are pA in a step of 1 ms
    as in the original's labels) the excitatory and the proposed inhibitory one. As in the original the
    lines relate currents and the axes are of weights, so the point need not lie on them.
    """
    fig = Figure(figsize=(4.4, 3.6), layout="constrained")
    ax = fig.subplots()
    x = np.linspace(0.0, 200.0, 1000)
    ax.plot(x, float(relation["multiplicative_k"]) * x, label="multiplicative")
    ax.plot(x, float(relation["linear_m"]) * x + float(relation["linear_c"]), label="linear")
    ax.plot(*weights, "ko", label="proposed weight")
    ax.set(xlabel="excitatory weight (pA)", ylabel="inhibitory weight (pA)")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return fig
