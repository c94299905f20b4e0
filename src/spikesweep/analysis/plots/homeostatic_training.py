"""Rates and weights of a homeostatic training over its trials, a column a rule, at the first set points."""

from typing import Any

import xarray as xr
from matplotlib.figure import Figure

#: Dimensions that the figure needs.
DIMS = ("population", "seed", "rule", "trial", "set_E", "set_I")
#: Colours that can be told apart by anybody (Okabe and Ito): of E and I, and of the four weights.
_COLOURS = {"E": "#009E73", "I": "#D55E00"}
_OF_WEIGHTS = ("#000000", "#0072B2", "#E69F00", "#CC79A7")

#: Rates are shown up to so many set points: those of the standard rule first go far beyond.
_SHOWN = 2.0


def figure(ds: xr.Dataset) -> Figure:
    """Return, for each rule, rates of all seeds with their median and the set points, and median weights."""
    one = ds[["rate", "weight", "status"]].isel(set_E=0, set_I=0).load()
    one = one.where(one["status"] == 1)
    rules = one["rule"].values.tolist()
    fig = Figure(figsize=(1.2 + 2.8 * len(rules), 5.4), layout="constrained")
    panels = fig.subplots(2, len(rules), squeeze=False, sharex=True, sharey="row")
    for (above, below), rule in zip(panels.T, rules, strict=True):
        _rates(above, one.sel(rule=rule))
        weights = one["weight"].sel(rule=rule).median("seed")
        for name, colour in zip(weights["weight_name"].values, _OF_WEIGHTS, strict=True):
            below.plot(one["trial"], weights.sel(weight_name=name), color=colour, label=str(name))
        above.set_title(rule)
        below.set_xlabel("trial")
        below.set_yscale("log")
        for ax in (above, below):
            ax.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("rate in the Up state (Hz)")
    panels[1, 0].set_ylabel("median weight (1)")
    for row in panels:
        row[-1].legend(frameon=False, fontsize=7, loc="upper right")
    first = f"set points E {float(one['set_E']):g}, I {float(one['set_I']):g} Hz"
    more = ", the first of several" if ds.sizes["set_E"] * ds.sizes["set_I"] > 1 else ""
    fig.suptitle(f"{one.sizes['seed']} seeds: each, and their median; {first}{more}", fontsize=9)
    return fig


def _rates(ax: Any, one: xr.Dataset) -> None:
    for name, colour in _COLOURS.items():
        rate = one["rate"].sel(population=name).transpose("trial", "seed")
        ax.plot(one["trial"], rate, color=colour, linewidth=0.4, alpha=0.5)
        ax.plot(one["trial"], rate.median("seed"), color=colour, linewidth=1.6, label=name)
        ax.axhline(float(one[f"set_{name}"]), color=colour, linestyle="--", linewidth=1.0)
    ax.set_ylim(-0.5, _SHOWN * max(float(one["set_E"]), float(one["set_I"])))
