"""Figures of a fitted transfer function: the fit, its residuals, and which moments the data cover."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from spikesweep.analysis.fitted import transfer_function
from spikesweep.analysis.plots.style import SHADES, norm_of
from spikesweep.analysis.semi_analytical import TransferFunction


def figure(fitted: xr.Dataset) -> Figure:
    """Return all three, one row a population."""
    n = fitted.sizes["population"]
    fig = Figure(figsize=(13.0, 0.4 + 3.3 * n), layout="constrained")
    axes = fig.subplots(n, 3, squeeze=False)
    for row, name in zip(axes, fitted["population"].values, strict=True):
        one = fitted.sel(population=name)
        measured = fitted.attrs["moments"] == "measured"  # a fit that is known at the points alone
        F = one["predicted"] if measured else transfer_function(fitted, str(name))
        curves(fig, row[0], one["observed"], F)
        row[0].set_title(f"{name}: rmse {float(one['rmse']):.2f} Hz")
        residuals(fig, row[1], one)
        coverage(fig, row[2], one)
    return fig


def curves(
    fig: Figure,
    ax: Axes,
    observed: xr.DataArray,
    F: TransferFunction | xr.DataArray | None,
    sd: xr.DataArray | None = None,
) -> None:
    """Draw observed rates (over `fe` and `fi`) as markers and a fit as lines, one colour a value of fi.

    The fit is a function, or its rates at the same points.
    """
    fi = observed["fi"].values
    norm = norm_of(fi)
    for value in fi:
        row = observed.sel(fi=value)
        color = SHADES(norm(value))
        fe = np.asarray(row["fe"].values)
        if F is not None:
            if isinstance(F, xr.DataArray):
                x, y = fe, np.asarray(F.sel(fi=value).values)
            else:
                x = np.linspace(np.nanmin(fe), np.nanmax(fe), 100)
                y = F(x, value)
            ax.plot(x, y, color=color, linewidth=3.0, alpha=0.4)
        bars = None if sd is None else sd.sel(fi=value)
        ax.errorbar(fe, row, bars, fmt="D", color=color, markersize=3.0)
    ax.set(
        title=str(observed["population"].values),
        xlabel="excitatory rate fe (Hz)",
        ylabel="output rate (Hz)",
    )
    ax.spines[["top", "right"]].set_visible(False)
    few = list(fi) if len(fi) <= 8 else None
    bar = fig.colorbar(ScalarMappable(norm, SHADES), ax=ax, pad=0.02, ticks=few)
    bar.set_label("inhibitory rate fi (Hz)")


def residuals(fig: Figure, ax: Axes, one: xr.Dataset) -> None:
    """Draw the fit minus the observation at each point of one population; crosses were not used."""
    fe, fi, used = xr.broadcast(one["fe"], one["fi"], one["used"])
    error = (one["predicted"] - one["observed"]).transpose(*used.dims)
    inside = used.values & np.isfinite(error.values)
    limit = float(np.abs(error.values[inside]).max())
    marks = ax.scatter(
        fe.values[inside],
        fi.values[inside],
        c=error.values[inside],
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        s=40,
        edgecolors="0.7",
        linewidths=0.5,
    )
    left_out = ~used.values & np.isfinite(fe.values)
    ax.plot(fe.values[left_out], fi.values[left_out], "x", color="0.5", markersize=4.0)
    ax.set(title="residuals", xlabel="excitatory rate fe (Hz)", ylabel="inhibitory rate fi (Hz)")
    ax.spines[["top", "right"]].set_visible(False)
    fig.colorbar(marks, ax=ax, pad=0.02).set_label("fit - simulation (Hz)")


def coverage(fig: Figure, ax: Axes, one: xr.Dataset) -> None:
    """Draw mu_V, sigma_V and T_V of the points that the fit used: outside of them it extrapolates."""
    used = one["used"].values
    points = ax.scatter(
        one["mu_V"].values[used],
        one["sigma_V"].values[used],
        c=one["T_V"].values[used],
        s=20.0,
        cmap="plasma",
    )
    ax.set(title="moments covered", xlabel="mean potential (mV)", ylabel="SD of the potential (mV)")
    ax.spines[["top", "right"]].set_visible(False)
    fig.colorbar(points, ax=ax, pad=0.02).set_label("autocorrelation time (ms)")
