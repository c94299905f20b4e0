"""How well connections of a network are found: p of pairs with and without one, p over weights."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

#: Of pairs with and without a connection.
_COLOURS = ("#0072B2", "#D55E00")


def figure(found: xr.Dataset) -> Figure:
    """Return the figure of what `found_connections` returns: filled symbols count as found."""
    p, connected, chosen = (found[name].values.ravel() for name in ("p_value", "connected", "found"))
    weight, tested = found["weight"].values.ravel(), np.isfinite(p)
    fig = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = fig.subplots(1, 2)
    for there, colour, label in zip((True, False), _COLOURS, ("connected", "not connected"), strict=True):
        own = tested & (connected == there)
        values = np.sort(p[own])
        left.step(values, np.arange(1, len(values) + 1) / max(len(values), 1), color=colour, label=label)
        for which, fill in ((own & chosen, colour), (own & ~chosen, "none")):
            right.plot(weight[which], p[which], "o", markersize=4, color=colour, markerfacecolor=fill)
    left.set(xscale="log", xlabel="p", ylabel="share of pairs with p or less", ylim=(0.0, 1.0))
    right.set(yscale="log", xlabel="weight of the connection (1)", ylabel="p (filled: found)")
    left.legend(frameon=False, fontsize=8)
    n = int((connected & tested).sum())
    fig.suptitle(f"{int(found.n_found)} found, {int(found.n_false)} of them false, of {n}", fontsize=9)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def over(scored: xr.Dataset, x: str, q: float) -> Figure:
    """Return detections and false discoveries of `scores` over one axis, a line a noise, means over others.

    `q` is the bound of false discoveries that was asked for.
    """
    fig = Figure(figsize=(7.2, 3.2), layout="constrained")
    panels = fig.subplots(1, 2)
    for ax, name, label in zip(
        panels,
        ("detection_rate", "false_discovery_rate"),
        ("share of connections found", "share of false ones among found"),
        strict=True,
    ):
        mean = scored[name].mean([dim for dim in scored[name].dims if dim not in (x, "noise_sd")])
        for k, sd in enumerate(scored["noise_sd"].values.tolist()):
            line = mean.sel(noise_sd=sd)
            ax.plot(scored[x], line, marker="os^Dv"[k % 5], color=f"C{k}", label=f"{sd:g} mV")
        unit = scored[x].attrs.get("units", "1")
        ax.set(xlabel=x if unit == "1" else f"{x} ({unit})", ylabel=label, ylim=(0.0, 1.0))
        ax.spines[["top", "right"]].set_visible(False)
    panels[1].axhline(q, color="k", linestyle="--", linewidth=0.8, label=f"q = {q:g}")
    panels[1].legend(frameon=False, fontsize=8, title="noise", title_fontsize=8)
    return fig
