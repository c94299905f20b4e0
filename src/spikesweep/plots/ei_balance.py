"""Balance over set points, or charges over seeds; the traces of a point; the original's weight lines."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesweep.analysis import balance
from spikesweep.attributes import parameter
from spikesweep.units import PER_MS


def figure(ds: xr.Dataset) -> Figure:
    """Return the balance over a sweep of fe and fi, or else the charges of all seeds, at the first point."""
    ok = ds.where(ds["status"] == 1).isel(pop_size=-1)
    ok.attrs = ds.attrs
    if min(ds.sizes["fe"], ds.sizes["fi"], ds.sizes["population"]) > 1:
        return _over_set_points(ok)
    return _over_seeds(ok.isel(fe=0, fi=0))


def _over_set_points(ds: xr.Dataset) -> Figure:
    """Return for each population its rate over (fe, fi), and the currents where it is at its set point."""
    names = ds["population"].values[:2]  # others are no sources and have no set point
    fig = Figure(figsize=(1.0 + 3.8 * len(names), 6.6), layout="constrained")
    axes = fig.subplots(2, len(names), squeeze=False)
    points = balance.set_points(ds)
    fits = balance.relations(points["exc"], points["inh"], "fe")
    seconds = parameter(ds, "protocol.duration") * PER_MS
    rate = (ds["spike_count"].mean("seed") / seconds).load()
    for k, name in enumerate(names):
        at, fit = points.sel(population=name), fits.sel(population=name)
        image = axes[0, k].pcolormesh(ds["fe"], ds["fi"], rate.sel(population=name).transpose("fi", "fe"))
        fig.colorbar(image, ax=axes[0, k], label="firing rate (Hz)")
        axes[0, k].plot(at["fe"], at["fi"], "w.-", linewidth=0.8)
        axes[0, k].set(title=f"{name}; white: at its set point", xlabel="fe (Hz)", ylabel="fi (Hz)")
        axes[1, k].plot(at["exc"], at["inh"], "k.", label="at its set point")
        if at["inh"].notnull().any():
            _lines(axes[1, k], at, fit)
        axes[1, k].set(xlabel="mean excitatory current (pA)", ylabel="mean inhibitory current (pA)")
        axes[1, k].legend(frameon=False, fontsize=7)
        axes[1, k].spines[["top", "right"]].set_visible(False)
    return fig


def _lines(ax: Axes, at: xr.Dataset, fit: xr.Dataset) -> None:
    x = np.array([0.0, float(at["exc"].max())])
    b, k, m, c = (float(fit[n]) for n in ("additive_b", "multiplicative_k", "linear_m", "linear_c"))
    for relation, y, label in (
        ("additive", x + b, f"E {b:+.0f}"),
        ("multiplicative", k * x, f"{k:.2f} E"),
        ("linear", m * x + c, f"{m:.2f} E {c:+.0f}"),
    ):
        off = float(fit[f"{relation}_residual"])
        ax.plot(x, y, linewidth=0.9, label=f"{relation}: {label}, off by {off:.1f} pA")
    ax.set_ylim(bottom=0.0)


def _over_seeds(ds: xr.Dataset) -> Figure:
    """Return the distributions of charges and spike counts of each population over seeds."""
    fig = Figure(figsize=(10.2, 3.2), layout="constrained")
    axes = fig.subplots(1, 3)
    names = ("charge_exc", "charge_inh", "spike_count")
    for ax, name in zip(axes, names, strict=True):
        for k, population in enumerate(ds["population"].values):
            values = ds[name].sel(population=population).dropna("seed").values
            if not len(values):
                continue
            counts = name == "spike_count"
            bins = np.arange(values.min(), values.max() + 2) - 0.5 if counts else 30
            text = f"{population}: {values.mean():.1f}"
            text += f" (SD {values.std(ddof=1):.1f})" if len(values) > 1 else ""
            ax.hist(values, bins=bins, color=f"C{k}", alpha=0.6, label=text)
        units = ds[name].attrs["units"]
        ax.set_ylim(top=1.25 * ax.get_ylim()[1])  # room for the legend
        ax.set(xlabel=ds[name].attrs["long_name"] + ("" if units == "1" else f" ({units})"))
        ax.legend(frameon=False, fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"seeds (of {ds.sizes['seed']})")
    return fig


def traces(point: xr.Dataset) -> Figure:
    """Return potentials, the first population's currents and their difference at one point."""
    fig = Figure(figsize=(8.0, 6.4), layout="constrained")
    axes = fig.subplots(3, 1, sharex=True)
    seconds = point["time"] * 1e-3
    for population in point["population"].values:
        axes[0].plot(seconds, point["v"].sel(population=population), linewidth=0.6, label=population)
    first = point.isel(population=0)
    axes[1].plot(seconds, first["i_exc"] * 1e-3, color="C2", linewidth=0.6, label="excitatory")
    axes[1].plot(seconds, first["i_inh"] * 1e-3, color="C3", linewidth=0.6, label="inhibitory")
    axes[2].plot(seconds, (first["i_exc"] - first["i_inh"]) * 1e-3, color="C4", linewidth=0.6)
    axes[2].axhline(0.0, color="gray", linewidth=0.5)
    axes[0].set(ylabel="mV")
    axes[1].set(ylabel="Current (nA)", title=f"onto {first['population'].item()}")
    axes[2].set(ylabel="Current (nA)", xlabel="Time (s)", title="excitatory - inhibitory")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[:2]:
        ax.legend(frameon=False, fontsize=8, loc="upper right")
    return fig


def weight_lines(relation: xr.Dataset, weights: tuple[float, float]) -> Figure:
    """Return the original's figure: the multiplicative and the linear line, the point of two weights.

    `relation` holds scalars of `analysis.balance.relations`, `weights` (fC) the excitatory and the
    proposed inhibitory one. As in the original the lines relate currents, and the axes are of weights.
    """
    fig = Figure(figsize=(4.4, 3.6), layout="constrained")
    ax = fig.subplots()
    x = np.linspace(0.0, 200.0, 1000)
    ax.plot(x, float(relation["multiplicative_k"]) * x, label="multiplicative")
    ax.plot(x, float(relation["linear_m"]) * x + float(relation["linear_c"]), label="linear")
    ax.plot(*weights, "ko", label="trained")
    ax.set(xlabel="excitatory weight (pA)", ylabel="inhibitory weight (pA)")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return fig
