"""How circuits separate patterns: responses, their similarity, and distributions of three measures.

The panels are those of figures 1 to 5 of Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code:
Milstein-Lab/dentate_circuit_model, generate_figures). There sparsity is the part of the units that is silent,
selectivity that of the patterns, both 0 for what is silent throughout (the pattern without input apart);
discriminability is 1 - cosine similarity, 0 where a response is silent.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from spikesweep.analysis.patterns import similarity
from spikesweep.analysis.plots.style import LINES, color_of
from spikesweep.errors import InputError

Array = NDArray[np.float64]
#: Dimensions that the figure of a store needs.
DIMS = ("cell", "pattern")
_NAMES = ("sparsity", "selectivity", "discriminability")
_SHARES = np.arange(1, 101) / 100


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of one store with `protocol.record=[activity]`, a row a population."""
    cells = ds["cell_population"].values.tolist()
    return circuits({name: ds for name in dict.fromkeys(cells)}, "")


def circuits(stores: Mapping[str, xr.Dataset], population: str = "Output") -> Figure:
    """Return responses of the first seed and distributions over all seeds, of one population of each.

    `stores` are sweeps of protocol=pattern_separation with `protocol.record=[activity]`, by what is written
    at each; the population is that of the same name where `population` is empty. Axes but the seed are at
    their last value. Raises InputError for a store without responses.
    """
    each = {}
    for name, ds in stores.items():
        if "activity" not in ds:
            raise InputError(f"{name} has no activity; allowed: a store with protocol.record=[activity]")
        own = np.flatnonzero(ds["cell_population"].values == (population or name))
        others = {axis: -1 for axis in ds.attrs["axes"].split() if axis != "seed"}
        responses = ds["activity"].where(ds["status"] == 1).isel(others).isel(cell=own).load()
        each[name] = responses.transpose("seed", "pattern", "cell").reset_coords(drop=True)
    fig = Figure(figsize=(11.0, 0.6 + 2.2 * max(len(each), 2)), layout="constrained")
    parts: Any = fig.subfigures(1, 2, width_ratios=(1.35, 1.0))
    left, right = parts
    for row, (name, responses) in zip(left.subplots(len(each), 2, squeeze=False), each.items(), strict=True):
        _images(row, name, responses)
    panels = right.subplots(3, 1, sharex=True)
    for ax, name in zip(panels, _NAMES, strict=True):
        for k, (circuit, responses) in enumerate(each.items()):
            _cumulative(ax, k, circuit, np.stack([_published(one)[name] for one in responses]))
        ax.set(xlabel=f"{name} (1)", ylabel="cumulative share", xlim=(0.0, 1.0), ylim=(0.0, 1.0))
        ax.spines[["top", "right"]].set_visible(False)
    panels[2].legend(frameon=False, fontsize=7, loc="lower right")  # where no curve leads
    n = min(len(x) for x in each.values())
    right.supxlabel(f"lines: mean over {n} seeds, shades: SD; images: seed {_first(stores)}", fontsize=7)
    return fig


def _first(stores: Mapping[str, xr.Dataset]) -> Any:
    return next(iter(stores.values()))["seed"].values[0]


def _published(responses: xr.DataArray) -> dict[str, Array]:
    """Return 100 quantiles of each measure of one seed's responses, over (pattern, cell)."""
    active = responses.values > 0.0
    n_patterns, n_units = active.shape
    units, of_units = active.sum(axis=1), active.sum(axis=0)
    silent = np.flatnonzero(units == 0)[1:]  # the first is the pattern without input
    sparsity = 1.0 - np.where(np.isin(np.arange(n_patterns), silent), n_units, units) / n_units
    selectivity = 1.0 - np.where(of_units == 0, n_patterns, of_units) / n_patterns
    cosine = similarity(responses).fillna(1.0).values[np.tril_indices(n_patterns, -1)]
    found = dict(zip(_NAMES, (sparsity, selectivity, 1.0 - cosine), strict=True))
    return {name: np.quantile(values, _SHARES) for name, values in found.items()}


def _images(row: Any, name: str, responses: xr.DataArray) -> None:
    activity = responses.isel(seed=0)
    values = activity.values
    preferred = np.argsort(np.argmax(np.nan_to_num(values), axis=0), kind="stable")
    top = float(np.nanmax(values, initial=0.0)) or 1.0
    shown = (
        (values[:, preferred].T, "binary", top, "unit, by best pattern", "activity (Hz)"),
        (similarity(activity).values, "viridis", 1.0, "pattern (index)", "cosine similarity"),
    )
    for ax, (image, colours, high, ylabel, label) in zip(row, shown, strict=True):
        drawn = ax.imshow(image, aspect="auto", interpolation="none", cmap=colours, vmin=0.0, vmax=high)
        ax.set(xlabel="pattern (index)", ylabel=ylabel)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        ax.figure.colorbar(drawn, ax=ax, label=label)
    row[0].set_title(name, loc="left")


def _cumulative(ax: Any, k: int, name: str, quantiles: Array) -> None:
    mean, sd = quantiles.mean(axis=0), quantiles.std(axis=0)
    ax.fill_betweenx(_SHARES, mean - sd, mean + sd, color=color_of(k), alpha=0.2, linewidth=0)
    ax.plot(mean, _SHARES, color=color_of(k), linestyle=LINES[k % len(LINES)], linewidth=1.2, label=name)
