"""Figures of a sweep: a module for each protocol, named like it; one of swept parameters; a plain one.

A protocol's module may have a `swept_figure` of its own for swept parameters.
"""

from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots import refined
from spikesweep.grid.attributes import FIGURE_KEY, configuration_of
from spikesweep.grid.schema import DONE
from spikesweep.store import durable


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a sweep's dataset, which says where points have no results."""
    protocol = configuration_of(ds.attrs)["choices"]["protocol"]
    swept = "point" in ds.dims or any("key" in ds[name].attrs for name in ds.coords)
    name = f"{__name__}.{protocol}"
    module = import_module(name if find_spec(name) else f"{__name__}.any_protocol")
    if refined.is_map(ds):
        draw = refined.figure
    elif swept:
        draw = getattr(module, "swept_figure", import_module(f"{__name__}.swept").figure)
    else:
        draw = module.figure
    drawn: Figure = draw(ds)
    if "status" in ds and (n := int((~ds["status"].isin(DONE)).sum())):
        text = f"incomplete: {n} of {ds['status'].size} points have no results"
        drawn.text(0.995, 0.005, text, ha="right", va="bottom", fontsize=7, color="firebrick")
    return drawn


def save(ds: xr.Dataset, path: Path, key: str = "") -> None:
    """Draw the figure of a sweep and write it as PNG; `key` is kept in it, and says what it shows."""
    data = BytesIO()
    figure(ds).savefig(data, format="png", dpi=150, metadata={FIGURE_KEY: key} if key else None)
    durable.write(path, data.getvalue())  # in the place of a link, not behind it
