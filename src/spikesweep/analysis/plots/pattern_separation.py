"""How circuits separate patterns: responses, their similarity, and distributions of three measures.

The panels are those of figures 1 to 5 and S1, S2 of Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code:
Milstein-Lab/dentate_circuit_model, generate_figures); what the measures are says `analysis.separation`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.analysis.patterns import similarity
from spikesweep.analysis.plots.style import LINES, color_of, say
from spikesweep.analysis.separation import MEASURES, SHARES, Array, input_patterns, quantiles, responses

#: Dimensions that the figure of a store needs.
DIMS = ("cell", "pattern")
_IDEAL = {"color": "0.5", "linestyle": (0, (1, 1)), "linewidth": 1.0}
#: Width of the bins of similarities, as published.
_BIN = 0.04


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of one store with `protocol.record=[activity]`, a row a population."""
    cells = ds["cell_population"].values.tolist()
    return circuits({name: ds for name in dict.fromkeys(cells)}, "")


def circuits(stores: Mapping[str, xr.Dataset], population: str = "Output", inputs: str = "") -> Figure:
    """Return responses of the first seed and distributions over all seeds, of one population of each.

    `stores` are sweeps of protocol=pattern_separation with `protocol.record=[activity]`, by what is written
    at each; the population is that of the same name where `population` is empty. Axes but the seed are at
    their last value. `inputs` names an input of the first one's network, whose patterns get a row and a
    line, too. Raises InputError for a store without responses.
    """
    each = {name: responses(name, ds, population or name) for name, ds in stores.items()}
    shown = {**_inputs(stores, inputs), **each}
    fig = Figure(figsize=(11.0, 0.6 + 2.2 * max(len(shown), 2)), layout="constrained")
    parts: Any = fig.subfigures(1, 2, width_ratios=(1.35, 1.0))
    left, right = parts
    for row, (name, found) in zip(left.subplots(len(shown), 2, squeeze=False), shown.items(), strict=True):
        _images(row, name, found)
    panels = right.subplots(3, 1, sharex=True)
    drawn = {name: quantiles(found, inputs=name not in each) for name, found in shown.items()}
    for ax, measure in zip(panels, MEASURES, strict=True):
        for k, name in enumerate(shown):
            _cumulative(ax, k, name, drawn[name][measure])
        ax.set(xlabel=f"{measure} (1)", ylabel="cumulative share", xlim=(0.0, 1.0), ylim=(0.0, 1.0))
        ax.spines[["top", "right"]].set_visible(False)
    panels[2].legend(frameon=False, fontsize=7, loc="lower right")  # where no curve leads
    n = min(len(x) for x in each.values())
    right.supxlabel(f"lines: mean over {n} seeds, shades: SD; images: seed {_first(stores)}", fontsize=7)
    return fig


def details(stores: Mapping[str, xr.Dataset], population: str = "Output", inputs: str = "") -> Figure:
    """Return active units against patterns, active patterns against units, and similarities, at one seed.

    As figures 1 and 2 there have them: the first seed, units in the order of their number of patterns,
    similarities of all pairs, a pattern and itself included. Dotted: one unit for each pattern. Arguments
    and errors are those of `circuits`.
    """
    shown = {**_inputs(stores, inputs), **{n: responses(n, ds, population) for n, ds in stores.items()}}
    fig = Figure(figsize=(10.5, 3.4), layout="constrained")
    of_patterns, of_units, of_pairs = fig.subplots(1, 3)
    for k, (name, found) in enumerate(shown.items()):
        active, look = found[0].values > 0.0, {"color": color_of(k), "s": 6, "alpha": 0.6, "linewidth": 0}
        of_patterns.scatter(found["pattern"], active.mean(axis=1), label=name, **look)
        of_units.scatter(np.linspace(0.0, 1.0, active.shape[1]), np.sort(active.mean(axis=0)), **look)
        cosine = similarity(found[0]).values
        counts, edges = np.histogram(cosine[~np.isnan(cosine)], np.arange(-_BIN / 2, 1.0 + _BIN, _BIN))
        of_pairs.plot(
            edges[:-1] + _BIN / 2,
            counts / max(counts.sum(), 1),
            LINES[k % len(LINES)],
            color=color_of(k),
            label=name,
        )
    last = next(reversed(shown.values()))
    of_patterns.axhline(1.0 / last.sizes["cell"], **_IDEAL)
    of_units.axhline(1.0 / last.sizes["pattern"], **_IDEAL)
    of_patterns.set(xlabel="pattern (index)", ylabel="active units (share)", ylim=(-0.02, 1.02))
    of_units.set(
        xlabel="unit, by its number of patterns (share)", ylabel="active patterns (share)", ylim=(-0.02, 1.02)
    )
    of_pairs.set(
        xlabel="cosine similarity (1)", ylabel="pairs of patterns (share)", xlim=(0.0, 1.0), ylim=(0.0, None)
    )
    of_pairs.legend(frameon=False, fontsize=7)
    for ax in (of_patterns, of_units, of_pairs):
        ax.spines[["top", "right"]].set_visible(False)
    say(fig, f"seed {_first(stores)}", "dotted: one unit for each pattern")
    return fig


def _inputs(stores: Mapping[str, xr.Dataset], name: str) -> dict[str, xr.DataArray]:
    return {name: input_patterns(next(iter(stores.values())), name)} if name else {}


def _first(stores: Mapping[str, xr.Dataset]) -> Any:
    return next(iter(stores.values()))["seed"].values[0]


def _images(row: Any, name: str, found: xr.DataArray) -> None:
    activity = found.isel(seed=0)
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


def _cumulative(ax: Any, k: int, name: str, each: Array) -> None:
    mean, sd = each.mean(axis=0), each.std(axis=0)
    ax.fill_betweenx(SHARES, mean - sd, mean + sd, color=color_of(k), alpha=0.2, linewidth=0)
    ax.plot(mean, SHARES, color=color_of(k), linestyle=LINES[k % len(LINES)], linewidth=1.2, label=name)
