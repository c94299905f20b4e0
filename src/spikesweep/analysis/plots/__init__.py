"""Figures of a sweep: a module for each protocol, named like it; one of swept parameters; a plain one.

A protocol's module may have a `swept_figure` of its own for swept parameters.
"""

from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots import general, refined
from spikesweep.analysis.plots import swept as swept_points
from spikesweep.analysis.plots.style import COLORS, styled
from spikesweep.grid.attributes import FIGURE_KEY, configuration_of
from spikesweep.grid.schema import COMPUTED, DONE, GATED
from spikesweep.store import durable


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a sweep's dataset, which says where points have no results.

    Of a part in which axes are missing, of means and of joined sweeps it is a general one (`general.draw`).
    """
    with styled():
        drawn: Figure = _module(ds)(ds)
    status = ds.get("status")
    if status is not None and status.dtype.kind in "iu" and not bool(status.isin(DONE).all()):
        n, gated = int((~status.isin(COMPUTED)).sum()), int((status == GATED).sum())
        text = f"incomplete: {n} of {status.size} points have no results" if n else ""
        text += f"{'; ' if n else ''}{gated} of {status.size} are gated" if gated else ""
        said = "\n".join(filter(None, (text, drawn.get_supxlabel())))  # below: titles are above
        drawn.supxlabel(said, fontsize=8, color=COLORS[1])
    return drawn


def _module(ds: xr.Dataset) -> Any:
    """Return what draws a dataset: its protocol's module, where the dataset has all that it draws."""
    whole = {"results", "axes", "configuration"} <= ds.attrs.keys() and ds.get("status") is not None
    dims = str(ds.attrs.get("axes", "")).split() if whole else []
    names = [ds[name] for name in dims if name in ds.coords]
    swept = "point" in ds.dims or any("key" in ds[name].attrs for name in ds.coords)
    if not whole or ds["status"].dtype.kind not in "iu" or len(names) < len(dims):
        return general.figure
    if refined.is_map(ds):
        return refined.figure
    configuration = configuration_of(ds.attrs)
    name = f"{__name__}.{configuration['choices']['protocol']}"
    if configuration.get("summary") or find_spec(name) is None:  # a summary keeps what it likes
        return general.figure
    module = import_module(name)
    lost = [dim for dim in (*dims, *module.DIMS) if dim not in ds.dims]
    if "point" in ds.dims:
        lost = [dim for dim in module.DIMS if dim not in ds.dims]
    if lost:
        return general.figure
    general_one = swept_points.figure if "point" in ds.dims else general.figure
    return getattr(module, "swept_figure", general_one) if swept else module.figure


def save(ds: xr.Dataset, path: Path, key: str = "") -> None:
    """Draw the figure of a sweep and write it as PNG; `key` is kept in it, and says what it shows."""
    data = BytesIO()
    figure(ds).savefig(data, format="png", dpi=150, metadata={FIGURE_KEY: key} if key else None)
    durable.write(path, data.getvalue())  # in the place of a link, not behind it
