"""One rate network: its f-I curves, input rates, weights, potentials, rates and currents."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.analysis.plots.style import LINES, color_of
from spikesweep.errors import InputError, nearest

#: Of distributions of weights, as published (Galloni et al. 2022, doi:10.3389/fncom.2022.826278).
_BINS = 80


def f_i_curve(cells: Mapping[str, Any]) -> Figure:
    """Return the rate against the potential of each unit (a RateUnit, by name)."""
    fig = Figure(figsize=(4.2, 3.2), layout="constrained")
    ax = fig.subplots()
    low = min(cell.v_rest for cell in cells.values())
    high = max(2.0 * cell.v_pk - cell.v_th for cell in cells.values())
    v = np.linspace(low, high, 400)
    for name, cell in cells.items():
        ax.plot(v, cell.rate(v), label=name)
    ax.set(xlabel="membrane potential (mV)", ylabel="rate (Hz)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return fig


def weights(networks: Mapping[str, xr.Dataset], post: str, pre: str) -> Figure:
    """Return the distributions of the weights from `pre` to `post` of networks of `ss.rate_network`, by name.

    In 80 bins up to the largest of all. Raises InputError for a network without that projection.
    """
    name, fig = f"weights_{post}_{pre}", Figure(figsize=(4.2, 3.2), layout="constrained")
    for title, ds in networks.items():
        if name not in ds:
            known = [str(n) for n in ds.data_vars if str(n).startswith("weights_")]
            raise InputError(f"{title} has no {name}; {nearest(name, known)}")
    edges = np.linspace(0.0, max(float(ds[name].max()) for ds in networks.values()) or 1.0, _BINS + 1)
    ax = fig.subplots()
    for k, (title, ds) in enumerate(networks.items()):
        share = np.histogram(ds[name].values, edges)[0] / ds[name].size
        ax.stairs(share, edges, label=title, color=color_of(k), linestyle=LINES[k % len(LINES)])
    ax.set(xlabel=f"weight of {post}<-{pre} (1)", ylabel="synapses (share)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return fig


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a dataset of `rate_network`: what goes in, the weights, what comes out."""
    inputs = [str(name) for name in ds.data_vars if str(name).startswith("input_")]
    weights = [str(name) for name in ds.data_vars if str(name).startswith("weights_")]
    panels = len(inputs) + len(weights) + 4
    rows = -(-panels // 4)
    fig = Figure(figsize=(13.0, 2.9 * rows), layout="constrained")
    axes = fig.subplots(rows, 4, squeeze=False).ravel()
    rest = iter(axes)
    for name in inputs:
        _bars(next(rest), ds[name], "input unit", "rate (Hz)", f"inputs {name.removeprefix('input_')}")
    for name in weights:
        _weights(next(rest), ds[name])
    _potentials(next(rest), ds)
    _lines(next(rest), ds, "rate", "mean rate (Hz)")
    _lines(next(rest), ds, "current", "mean synaptic current (nA)")
    _bars(next(rest), ds["activity"], "cell", "rate (Hz)", "activity")
    for ax in rest:
        ax.set_axis_off()
    return fig


def _bars(ax: Any, values: xr.DataArray, xlabel: str, ylabel: str, title: str) -> None:
    ax.bar(np.arange(values.size), values.values)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if not values.any():
        ax.set_ylim(0.0, 1.0)  # bars of height zero
    ax.spines[["top", "right"]].set_visible(False)


def _weights(ax: Any, weights: xr.DataArray) -> None:
    image = ax.imshow(weights.values, aspect="auto", interpolation="none", cmap="viridis", vmin=0.0)
    post, pre = (str(dim).split("_", 1)[1] for dim in weights.dims)
    ax.set(xlabel=pre, ylabel=post, title=weights.attrs["long_name"])
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.figure.colorbar(image, ax=ax, label="weight")


def _potentials(ax: Any, ds: xr.Dataset) -> None:
    image = ax.pcolormesh(ds["time"], ds["cell"], ds["v"], shading="nearest", rasterized=True)
    ax.set(xlabel="time (ms)", ylabel="cell", title="membrane potential")
    ax.invert_yaxis()
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.figure.colorbar(image, ax=ax, label="v (mV)")


def _lines(ax: Any, ds: xr.Dataset, name: str, ylabel: str) -> None:
    for population in dict.fromkeys(ds["population"].values.tolist()):
        cells = np.flatnonzero(ds["population"].values == population)
        ax.plot(ds["time"], ds[name].isel(cell=cells).mean("cell"), label=str(population))
    ax.set(xlabel="time (ms)", ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
