"""One pool of responses, with its stimulus and every spike."""

import numpy as np
import xarray as xr

from spikesweep.models.networks.afferents import Afferents
from spikesweep.models.simulation.pool import edges
from spikesweep.protocols.population_information import PopulationInformation


def simulate_pool(network: Afferents, protocol: PopulationInformation, band: str, seed: int) -> xr.Dataset:
    """Return the stimulus and the spikes of a band and a seed; raise InputError for a band that cannot be."""
    low, high = edges(band)
    pool = protocol.pool(network, {"band": band, "seed": seed})
    spike = {"units": "ms", "long_name": "spike times"}
    cells = np.repeat(np.arange(protocol.num_responses), pool.trains.counts)
    return xr.Dataset(
        {
            "stimulus": ("time", pool.stimulus, {"units": "threshold", "long_name": "stimulus"}),
            "spike_times": ("spike", pool.trains.steps * protocol.dt, spike),
            "spike_cell": ("spike", cells, {"units": "1", "long_name": "number of the response"}),
        },
        {"time": ("time", np.arange(protocol.n) * protocol.dt, {"units": "ms", "long_name": "time"})},
        {
            "dt": protocol.dt,
            "kernel_sigma": protocol.kernel_sigma,
            "band": band,
            "band_low": low,
            "band_high": high,
            "seed": seed,
            "cells": protocol.num_responses,
        },
    )
