"""Figures of a sweep: one module for each protocol's own, named like the protocol's; a plain one else."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of a sweep's dataset."""
    protocol = ds.attrs["configuration"]["choices"]["protocol"]
    name = f"{__name__}.{protocol}"
    module = import_module(name if find_spec(name) else f"{__name__}.any_protocol")
    drawn: Figure = module.figure(ds)
    return drawn


def save(ds: xr.Dataset, path: Path) -> None:
    """Draw the figure of a sweep and write it as PNG."""
    figure(ds).savefig(path, dpi=150)
