"""Figures of a mean field: rates over the drive and over time; the phase plane."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesweep.analysis import mean_field
from spikesweep.analysis.mean_field import Drive, MeanField
from spikesweep.analysis.mean_field_fits import FITS
from spikesweep.analysis.plots.style import color_of, last_of, say
from spikesweep.grid.attributes import configuration_of
from spikesweep.units import Hz

#: Dimensions that figures need beside the axes of the protocol.
DIMS = ("population",)

_COLORS = (color_of(1), color_of(0))


def figure(ds: xr.Dataset) -> Figure:
    """Return fixed points against the drive, and the course in time at the largest drive and stimulus."""
    fig = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = fig.subplots(1, 2)
    whole = ds
    ds = ds.isel(stimulus=-1).load()
    stable = (ds["growth"] < 0).values
    drive = np.broadcast_to(ds["ext_drive"].values, stable.shape)
    course = ds["rate"].isel(ext_drive=-1)
    for name, color in zip(ds["population"].values, _COLORS, strict=True):
        rates = ds["fixed_point"].sel(population=name).values
        left.plot(drive[stable], rates[stable], "o", color=color, markersize=4.0, label=str(name))
        left.plot(drive[~stable], rates[~stable], "o", color=color, markersize=4.0, fillstyle="none")
        right.plot(ds["time"], course.sel(population=name), color=color, label=str(name))
    left.set(xlabel="external drive (Hz)", ylabel="rate at the fixed points (Hz)", title=_fit_of(ds))
    at = f"drive {float(course['ext_drive']):g} Hz, stimulus {float(course['stimulus']):g} Hz"
    right.set(xlabel="time (ms)", ylabel="rate (Hz)", title=at)
    say(fig, "filled: stable fixed points, open: unstable", last_of(whole, "ext_drive", "stimulus"))
    for ax in (left, right):
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def _fit_of(ds: xr.Dataset) -> str:
    """Return which transfer functions a sweep has, and the moments that they belong to."""
    protocol = configuration_of(ds.attrs)["protocol"]
    fit = protocol.get("fit", "spikesweep")  # stores of before it was there have coefficients of their own
    form = protocol["form"] or FITS[fit].form
    given = [kind for kind in ("exc", "inh") if protocol[f"coefficients_{kind}"]]
    name = fit if not given else "given" if len(given) == 2 else f"{fit}, {given[0]} given"
    return f"coefficients: {name}; moments: {form}"


def phase_plane(ax: Axes, model: MeanField, ext_drive: Hz, max_exc: Hz, max_inh: Hz) -> None:
    """Draw nullclines, flow and fixed points (filled where stable) of the first-order equations."""
    drive = Drive.of(ext_drive, 0.0, 0.0)
    exc, inh = np.linspace(0.0, max_exc, 200), np.linspace(0.0, max_inh, 200)
    nu = np.stack(np.meshgrid(exc, inh))
    excess = model.target(nu, model.stationary_w(nu, drive), drive) - nu
    for k, (color, name) in enumerate(zip(_COLORS, ("excitatory", "inhibitory"), strict=True)):
        ax.contour(exc, inh, excess[k], [0.0], colors=color)
        ax.plot([], [], color=color, label=f"{name} nullcline")
    few = slice(None, None, 5)
    flow_exc, flow_inh = excess[:, few, few]
    ax.streamplot(exc[few], inh[few], flow_exc, flow_inh, color="0.8", linewidth=0.6, density=0.9)
    points, growth = mean_field.fixed_points(model, drive, max(max_exc, max_inh))
    for (x, y), speed in zip(points, growth, strict=True):
        ax.plot(x, y, "o", color="black", fillstyle="full" if speed < 0.0 else "none")
    ax.set(
        xlim=(0.0, max_exc),
        ylim=(0.0, max_inh),
        xlabel="excitatory rate (Hz)",
        ylabel="inhibitory rate (Hz)",
        title=f"external drive {ext_drive:g} Hz",
    )
    ax.legend(frameon=False, fontsize=8)
