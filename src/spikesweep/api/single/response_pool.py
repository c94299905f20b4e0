"""One pool of responses, with its stimulus and every spike."""

import numpy as np
import xarray as xr

from spikesweep.api.single.parts import parts
from spikesweep.config import compose as config
from spikesweep.config.compose import Configuration
from spikesweep.grid.schema import Coordinate, Variable, labelled
from spikesweep.models.simulation.pool import edges
from spikesweep.protocols.population_information import PopulationInformation

_VARIABLES = (
    Variable("stimulus", ("time",), "threshold", "stimulus"),
    Variable("spike_times", (), "ms", "spike times", ragged="spike"),
    Variable("spike_cell", (), "1", "number of the response", ragged="spike"),
)


def responses(cfg: Configuration, band: str | None = None, seed: int = 0) -> xr.Dataset:
    """Simulate the pool of one band and seed of a population_information sweep: stimulus and all spikes.

    `band` is the first of the configuration's where it is not given. Returns `stimulus` over `time` (ms), and
    `spike_times` (ms) with the `spike_cell` of each, as a sweep has them. Raises InputError.

    >>> import spikesweep as ss
    >>> words = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
    >>> ds = ss.responses(ss.load(*words, "protocol.num_responses=10", "protocol.coherence_sizes=[1]"))
    >>> ds.sizes["time"], ds.attrs["cells"]
    (200000, 10)
    """
    protocol, network = parts(cfg, PopulationInformation, "population_information")
    band = str(band or config.plain(cfg)["grid"]["band"][0])
    low, high = edges(band)
    pool = protocol.pool(network, {"band": band, "seed": seed})
    cells = np.repeat(np.arange(protocol.num_responses), pool.trains.counts)
    values = {
        "stimulus": pool.stimulus,
        "spike_times": pool.trains.steps * protocol.dt,
        "spike_cell": cells,
    }
    time = Coordinate(np.arange(protocol.n) * protocol.dt, "ms", "time")
    return labelled(values, _VARIABLES, {"time": time}).assign_attrs(
        {
            "dt": protocol.dt,
            "kernel_sigma": protocol.kernel_sigma,
            "band": band,
            "band_low": low,
            "band_high": high,
            "seed": seed,
            "cells": protocol.num_responses,
        }
    )
