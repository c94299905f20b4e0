"""Connection tests: potentials, averages, decisions and scores, as in Fiers' notebooks (code: tfiers/phd)."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from spikesweep.analysis.detection import roc
from spikesweep.analysis.plots import swept as any_swept
from spikesweep.analysis.plots.style import color_of, long_label, place, say
from spikesweep.grid.attributes import configuration_of

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("input",)

_KINDS = ("excitatory", "inhibitory")
#: What a decision is, and its colour.
_OUTCOMES = {"TP": color_of(0), "FN": color_of(5), "TN": "0.85", "FP": color_of(1)}
#: What a legend calls a variable.
_SHORT = {
    "tpr_exc": "excitatory",
    "tpr_inh": "inhibitory",
    "fpr": "not connected",
    "auc_exc": "excitatory",
    "auc_inh": "inhibitory",
    "output_rate": "neuron",
}
#: ms of the zoom around a spike, and before and after it in the excerpt.
_ZOOM, _EXCERPT = 7.0, 200.0


def figure(ds: xr.Dataset) -> Figure:
    """Return p-values and relative heights of all runs, the decisions and the ROC curves of the first one."""
    ds = ds.where(ds["status"] == 1).load() if "status" in ds else ds
    p = _p(ds)
    fig = Figure(figsize=(10.5, 6.4), layout="constrained")
    axes = fig.subplots(2, 2)
    split(axes[0, 0], ds, p, "p-value", np.linspace(0.0, 1.0, 21))
    heights = ds["relative_height"]
    split(axes[0, 1], ds, heights, "height over mean of shuffles", 30)
    first = ds.isel({dim: 0 for dim in ds["status"].dims} if "status" in ds else {})
    decisions(axes[1, 0], first)
    roc_curves(axes[1, 1], first)
    dims = [str(d) for d in ds["status"].dims if ds.sizes[d] > 1] if "status" in ds else []
    said = [place(ds, d, ds[d].values[0].item()) for d in dims]
    say(fig, f"above: all runs; below: {', '.join(said)}, the first" if said else "")
    return fig


def swept_figure(ds: xr.Dataset) -> Figure:
    """Return detection rates, areas and the output rate over the longest swept axis, with means."""
    swept = [str(name) for name in ds.coords if "key" in ds[name].attrs and ds[name].dtype.kind in "if"]
    if not swept:
        return any_swept.figure(ds)
    x = max(swept, key=lambda name: ds[name].size)
    ok = ds.where(ds["status"] == 1)
    rows = (("tpr_exc", "tpr_inh", "fpr"), ("auc_exc", "auc_inh"), ("output_rate",))
    fig = Figure(figsize=(6.6, 7.2), layout="constrained")
    axes = fig.subplots(3, 1, sharex=True)
    along = ds[x].dims[0]
    for ax, names in zip(axes, rows, strict=True):
        for name, color in zip(names, (color_of(0), color_of(1), "0.4"), strict=False):
            dots = ok[name].transpose(along, ...).values.reshape(ds.sizes[along], -1)
            mean = ok[name].mean([dim for dim in ok[name].dims if dim != along]).values
            ax.plot(ds[x].values, dots, ".", color=color, markersize=4, alpha=0.4)
            ax.plot(ds[x].values, mean, color=color, label=_SHORT[name])
        ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        _bare(ax)
    values = ds[x].values
    if len(values) > 2 and values.min() > 0 and values.max() / values.min() > 10:
        axes[-1].set_xscale("log")
        axes[-1].set_xticks(values, [f"{value:g}" for value in values], rotation=90 * (len(values) > 8))
        axes[-1].minorticks_off()
    axes[0].set(ylim=(-0.05, 1.05), ylabel="share found")
    axes[1].set(ylabel="ROC area")
    axes[2].set(xlabel=long_label(ds, x), ylabel="output rate (Hz)")
    say(fig, "dots: runs, lines: their means")
    return fig


def potential(trace: xr.Dataset, spike: int = 0) -> Figure:
    """Return the potential around a spike, and its peak sample by sample: resets fall on steps."""
    centre = float(trace["spike_times"][spike]) if trace.sizes["spike"] else _EXCERPT / 2
    start = max(0.0, centre - _EXCERPT / 2)
    fig = Figure(figsize=(9.0, 3.2), layout="constrained")
    left, right = fig.subplots(1, 2, width_ratios=(2, 1))
    wide = trace["v"].sel(time=slice(start, start + _EXCERPT))
    zoom = (centre - 0.7 * _ZOOM, centre + 0.3 * _ZOOM)
    left.plot(wide["time"], wide, linewidth=0.8)
    left.axvspan(*zoom, color="0.85")
    near = trace["v"].sel(time=slice(*zoom))
    right.plot(near["time"], near, ".-", linewidth=0.8)
    left.set(xlabel="time (ms)", ylabel="membrane potential (mV)")
    right.set(xlabel="time (ms)")
    _bare(left, right)
    return fig


def averages(found: xr.Dataset, shown: int = 8) -> Figure:
    """Return a spike-triggered average over some of its shuffles (`analysis.connection_test.examples`)."""
    fig = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = fig.subplots()
    ax.plot(
        found["lag"],
        found["shuffled_sta"].isel(shuffle=slice(shown)).T,
        color=color_of(1),
        linewidth=0.5,
        alpha=0.6,
    )
    ax.plot(found["lag"], found["sta"], color=color_of(0), linewidth=1.2)
    ax.set(xlabel="time after the spike (ms)", ylabel="mean imaged potential (mV)")
    _bare(ax)
    return fig


def heights(run: xr.Dataset, inputs: Any) -> Figure:
    """Return the heights of shuffles of some inputs, each as histogram and rug, with the real one marked."""
    fig = Figure(figsize=(2.9 * len(inputs), 2.6), layout="constrained")
    for ax, number in zip(fig.subplots(1, len(inputs), squeeze=False)[0], inputs, strict=True):
        one = run.isel(input=number)
        shuffled = one["shuffled_height"].values
        ax.hist(shuffled, bins=20, color=color_of(1), alpha=0.6)
        ax.plot(shuffled, np.zeros(len(shuffled)), "|", color=color_of(1))
        ax.axvline(float(one["sta_height"]), color=color_of(0))
        kind = _KINDS[int(one["is_inhibitory"])]
        ax.set(title=f"{number}: {kind if one['is_connected'] else 'not connected'}", xlabel="height (mV)")
        _bare(ax)
    return fig


def split(ax: Axes, ds: xr.Dataset, values: xr.DataArray, label: str, bins: Any) -> None:
    """Draw the distribution of a measure of inputs that are connected, and of those that are not."""
    edges = np.histogram_bin_edges(values.values[np.isfinite(values.values)], bins=bins)
    connected = ds["is_connected"].astype(bool)
    for chosen, color, name in (
        (connected, color_of(0), "connected"),
        (~connected, color_of(1), "not connected"),
    ):
        kept = values.where(chosen).values
        ax.hist(kept[np.isfinite(kept)], bins=edges.tolist(), color=color, alpha=0.6, label=name)
    ax.set(xlabel=label, ylabel="inputs", yscale="log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(frameon=False, fontsize=8)
    _bare(ax)


def decisions(ax: Axes, run: xr.Dataset) -> None:
    """Draw what each decision of a run is worth, for every input that has a p, and every threshold."""
    p, connected = _p(run).values, run["is_connected"].values.astype(bool)
    p, connected = p[np.isfinite(p)], connected[np.isfinite(p)]
    threshold = roc(p, connected, ~connected).threshold
    found = p[:, np.newaxis] <= threshold
    truth = np.broadcast_to(connected[:, np.newaxis], found.shape)
    code = np.select([truth & found, truth & ~found, ~truth & ~found], [0, 1, 2], 3)
    colors = ListedColormap(list(_OUTCOMES.values()))
    ax.imshow(code, aspect="auto", cmap=colors, vmin=0, vmax=3, interpolation="none")
    every = max(1, len(threshold) // 6)
    ax.set_xticks(range(0, len(threshold), every), [f"{t:.2g}" for t in threshold[::every]])
    ax.set(xlabel="p-value threshold", ylabel="input")
    handles = [Patch(color=color, label=name) for name, color in _OUTCOMES.items()]
    ax.legend(
        handles=handles, fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False
    )


def roc_curves(ax: Axes, run: xr.Dataset) -> None:
    """Draw the ROC curve of a run, its area in grey, and those of both types of input."""
    p, connected = _p(run).values, run["is_connected"].values.astype(bool)
    inhibitory = run["is_inhibitory"].values.astype(bool)
    curve = roc(p, connected, ~connected)
    ax.fill_between(curve.fpr, curve.tpr, color="0.9")
    ax.plot(curve.fpr, curve.tpr, "k.-", linewidth=1.0, label=f"all: area {curve.area():.3f}")
    for kind, members in zip(_KINDS, (~inhibitory, inhibitory), strict=True):
        one = roc(p, connected & members, ~connected)
        ax.plot(one.fpr, one.tpr, linewidth=0.8, label=f"{kind}: {one.area():.3f}")
    ax.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    _bare(ax)


def _p(ds: xr.Dataset) -> xr.DataArray:
    """Return the p-values that the run decided by."""
    configuration = configuration_of(ds.attrs) if "configuration" in ds.attrs else {}
    upstream = configuration.get("protocol", {}).get("pvalue") == "upstream"
    return ds["p_upstream" if upstream else "p_value"]


def _bare(*axes: Axes) -> None:
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
