"""Spikes of one point, a panel a population: what `plot --var spike_times` draws."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesweep.analysis.plots.style import WORDS, color_of, place, plain, say, styled
from spikesweep.grid.schema import counts_of
from spikesweep.store.tables import wanted

#: Panels at most, and spikes that are drawn of each: more are a black area.
_PANELS, _SPIKES = 8, 20_000
#: Neurons whose spikes are long lines.
_FEW = 40
COUNTS = counts_of("spike")


def draw(ds: xr.Dataset, at: Mapping[str, Any]) -> Figure:
    """Return the spikes of the point at some labels; of axes without a label the middle value is shown.

    Raises InputError for labels that are not there, and where no spikes have been recorded.
    """
    counts, said = ds[COUNTS], []
    labels: dict[str, Any] = {}
    names: list[Any] = [None]
    for dim in map(str, counts.dims):
        values = np.atleast_1d(ds[dim].values)
        if dim in at:
            values = values[wanted(dim, values, at[dim])]
        elif values.dtype.kind in WORDS and len(values) <= _PANELS:
            names = values.tolist()
            panel = dim
            continue
        labels[dim] = values.tolist()[(len(values) - 1) // 2]
        said.append(place(ds, dim, labels[dim]) + (f" (one of {len(values)})" if len(values) > 1 else ""))
    with styled():
        fig = Figure(figsize=(8.0, 0.8 + 1.8 * len(names)), layout="constrained")
        axes = fig.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
        for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
            spikes = ds.sweep.spikes(**labels, **({} if name is None else {panel: name}))
            every = max(1, -(-spikes.sizes["spike"] // _SPIKES))
            times = spikes["spike_times"].values[::every]
            whose = (
                np.zeros(len(times))
                if "spike_neuron" not in spikes
                else spikes["spike_neuron"].values[::every]
            )
            size = 6 if whose.max(initial=0) < _FEW else 2
            ax.plot(times, whose, "|", color=color_of(k), markersize=size)
            ax.set_ylim(-0.5, whose.max(initial=0) + 0.5)
            ax.set(ylabel="neuron", title="" if name is None else plain(name))
            ax.yaxis.set_major_locator(MaxNLocator(integer=True))
            if every > 1:
                said.append(f"{name or 'spikes'}: one in {every}")
        axes[-1].set_xlabel("time (ms)")
        say(fig, *said)
    return fig
