"""Output rate against fe, one curve for each fi, mean and SD over seeds, one panel a population."""

import xarray as xr
from matplotlib.figure import Figure

from spikesweep.analysis.plots import general

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of `rate` at the largest population size."""
    return general.draw(ds, var="rate", x="fe", hue="fi", panel="population")
