"""Output rate against fe, one curve for each fi, mean and SD over seeds, one panel a population."""

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure


def figure(ds: xr.Dataset) -> Figure:
    """Return the figure of `rate` at the largest population size."""
    rate = ds["rate"].where(ds["status"] == 1).isel(pop_size=-1).load()
    mean = rate.mean("seed")
    sd = rate.std("seed", ddof=1) if ds.sizes["seed"] > 1 else xr.zeros_like(mean)
    n = ds.sizes["population"]
    fig = Figure(figsize=(1.2 + 3.6 * n, 3.4), layout="constrained")
    axes = fig.subplots(1, n, squeeze=False, sharey=True)[0]
    fi = ds["fi"].values
    norm = mpl.colors.Normalize(fi.min(), max(fi.max(), fi.min() + 1e-9))
    colors = mpl.colormaps["viridis"]
    for ax, population in zip(axes, ds["population"].values, strict=True):
        for value in fi:
            m, s = (x.sel(population=population, fi=value).values for x in (mean, sd))
            color = colors(norm(value))
            ax.fill_between(ds["fe"], m - s, m + s, color=color, alpha=0.25, linewidth=0)
            ax.plot(ds["fe"], m, color=color, linewidth=1.2, marker="." if len(m) < 12 else None)
        ax.set(title=str(population), xlabel="excitatory rate fe (Hz)")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylim(bottom=0.0)  # shared, so only after all curves are drawn
    axes[0].set_ylabel("output rate (Hz)")
    bar = fig.colorbar(ScalarMappable(norm, "viridis"), ax=list(axes), pad=0.02)
    bar.set_label("inhibitory rate fi (Hz)")
    if np.isnan(mean).any():
        fig.text(0.01, 0.01, f"{int(np.isnan(mean).sum())} means have no finished point", fontsize=7)
    return fig
