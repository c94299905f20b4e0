"""A rate network as images: input patterns, initial and settled activity."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.errors import InputError

#: Axes that are shown at their first value.
_FIRST = ("seed",)


def images(ds: xr.Dataset, initial: float = 0.0) -> Figure:
    """Return rates over units and patterns: of the inputs, at the time `initial` (ms), and settled.

    `ds` is a sweep of protocol=rate_dynamics with `protocol.record=[rate,input_rate]`; a row a population.
    Other axes are at their last value, the seed at its first. Raises InputError for one without these.
    """
    for name in ("input_rate", "rate"):
        if name not in ds:
            raise InputError(
                f"the dataset has no {name}; allowed: one with protocol.record=[rate,input_rate]"
            )
    axes = [axis for axis in ds.attrs["axes"].split() if axis != "pattern"]
    shown = ds[["input_rate", "rate", "activity"]].where(ds["status"] == 1)
    shown = shown.isel({axis: 0 if axis in _FIRST else -1 for axis in axes}).load()
    first = shown["rate"].sel(time=initial, method="nearest")
    rows = [
        *((f"inputs {name}", shown["input_rate"], "input", name) for name in _names(shown, "input")),
        *((f"{name} at {float(first['time']):g} ms", first, "population", name) for name in _names(shown)),
        *((f"{name} settled", shown["activity"], "population", name) for name in _names(shown)),
    ]
    fig = Figure(figsize=(3.4 * len(rows), 3.2), layout="constrained")
    for ax, (title, values, by, name) in zip(fig.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
        own = values.isel({values[by].dims[0]: np.flatnonzero(values[by].values == name)})
        _image(ax, own.transpose(..., "pattern"), title)
    return fig


def _names(ds: xr.Dataset, by: str = "population") -> list[str]:
    return [str(name) for name in dict.fromkeys(ds[by].values.tolist())]


def _image(ax: Any, values: xr.DataArray, title: str) -> None:
    top = float(np.nanmax(values.values, initial=0.0))
    image = ax.imshow(
        values.values, aspect="auto", interpolation="none", cmap="viridis", vmin=0.0, vmax=top or 1.0
    )
    ax.set(xlabel="pattern (index)", ylabel="unit (index)", title=title)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    ax.figure.colorbar(image, ax=ax, label="rate (Hz)")
