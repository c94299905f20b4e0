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
