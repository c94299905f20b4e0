"""Spikes of a sweep as Neurodata Without Borders: a unit a neuron of a point, with the point's labels.

Times are in seconds there. A unit that did not spike is a unit without spikes.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pynwb import NWBHDF5IO, NWBFile

from spikesweep.analysis.plots.style import short_name
from spikesweep.units import PER_MS


def write(ds: xr.Dataset, path: Path) -> None:
    """Write the spikes of the part of a sweep that a dataset is; raise InputError where it has none."""
    block = ds.sweep.to_neo()
    created = str(ds.attrs.get("created", "1970-01-01T00:00:00+00:00"))
    choices = ds.sweep.configuration["choices"]
    file = NWBFile(
        session_description=f"spikesweep: {' '.join(f'{k}={v}' for k, v in choices.items())}",
        identifier=str(ds.attrs.get("git_commit", "")) + created,
        session_start_time=datetime.fromisoformat(created),
        keywords=["simulation", "spikesweep", *map(str, choices.values())],
        notes=json.dumps(ds.sweep.configuration),
        source_script="spikesweep",
        source_script_file_name="run.py",
    )
    segments = [segment for segment in block.segments if segment.spiketrains]
    labels = segments[0].annotations if segments else {}
    for name in labels:
        file.add_unit_column(name, _about(ds, name))
    file.add_unit_column("neuron", "number of the neuron at its point")
    for segment in segments:
        at = {name: _plain(value) for name, value in segment.annotations.items()}
        for train in segment.spiketrains:
            end = float(train.t_stop.rescale("ms").magnitude) * PER_MS
            times = np.asarray(train.rescale("ms").magnitude, np.float64) * PER_MS
            neuron = int(train.annotations["neuron"])
            file.add_unit(spike_times=times, obs_intervals=[[0.0, end]], neuron=neuron, **at)
    with NWBHDF5IO(path, "w") as io:
        io.write(file)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _about(ds: xr.Dataset, name: str) -> str:
    attrs = ds[name].attrs if name in ds.coords else {}
    unit = attrs.get("units", "1")
    return f"{attrs.get('long_name', name)}, {short_name(ds, name)}" + ("" if unit == "1" else f" ({unit})")
