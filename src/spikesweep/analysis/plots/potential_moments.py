"""Moments of the potential over the excitatory rate, a row a measure, a column a population."""

from textwrap import fill

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots.style import axis_label, color_of, long_label, mean_of, say

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)

_SHOWN = ("v_mean", "v_sd", "tau_v", "rate", "cv_isi")


def figure(ds: xr.Dataset) -> Figure:
    """Return each measure over fe, a curve a fi, at the middle current; SDs over seeds as bars."""
    one = ds.isel(i_ext=ds.sizes["i_ext"] // 2)[[*_SHOWN, "status"]].load()
    one = one.where(one["status"] == 1)
    names = one["population"].values
    fig = Figure(figsize=(1.2 + 2.8 * len(names), 8.4), layout="constrained")
    panels = fig.subplots(len(_SHOWN), len(names), squeeze=False, sharex=True)
    for row, measure in zip(panels, _SHOWN, strict=True):
        for ax, name in zip(row, names, strict=True):
            for k, fi in enumerate(one["fi"].values):
                curve = one[measure].sel(population=name, fi=fi)
                known = np.isfinite(curve.values).any(axis=curve.get_axis_num("seed"))
                mean, sd = curve[known].mean("seed"), curve[known].std("seed")
                ax.errorbar(curve["fe"][known], mean, sd, fmt=".-", color=color_of(k), label=f"{fi:g}")
            ax.spines[["top", "right"]].set_visible(False)
        attrs = ds[measure].attrs
        unit = "" if attrs["units"] == "1" else f" ({attrs['units']})"
        row[0].set_ylabel(fill(f"{attrs['long_name']}{unit}", 26))
    for ax, name in zip(panels[0], names, strict=True):
        ax.set_title(str(name))
    for ax in panels[-1]:
        ax.set_xlabel(long_label(ds, "fe"))
    lines, texts = panels[0, 0].get_legend_handles_labels()
    fig.legend(lines, texts, title=axis_label(ds, "fi"), loc="outside right upper")
    where = f"i_ext = {float(one['i_ext']):g} pA" + (
        f" (middle of {n})" if (n := ds.sizes["i_ext"]) > 1 else ""
    )
    say(fig, where, mean_of(ds, band="bars"))
    return fig
