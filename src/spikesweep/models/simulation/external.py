"""What reaches the cells of a network from outside, as its simulation reads it: drives, currents, noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.currents import Currents, fill_currents
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.lanes import group_count, in_lanes
from spikesweep.kernels.cells.poisson_counts import (
    NEVER,
    PART,
    STEPS,
    Drives,
    certain,
    fill_drives,
    thresholds,
)
from spikesweep.kernels.random.philox import derive, stream_word
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.units import ms

Array = NDArray[np.float64]

#: What fills the kicks of cells, by whether they have noise.
FILLS = {False: fill_drives, True: fill_currents}


def drives_of(network: SpikingNetwork, name: str, inputs: int, key: NDArray[np.uint64]) -> Drives:
    """Return the independent drives of a population before the first step, without their tables."""
    n, first = network.populations[name].n, network.first()[name]
    own = {
        drive_name: drive
        for drive_name, drive in network.drives.items()
        if drive.pool is None and name in drive.onto
    }
    at = [network.input_of(name, network.drive_synapse(drive_name)) for drive_name in own]
    keys = derive(derive(key, "drives", 0.0), "neuron", np.arange(first, first + n))
    return _drives(keys, list(own), inputs, at, [drive.weight for drive in own.values()])


def sources_of(network: SpikingNetwork, name: str, key: NDArray[np.uint64]) -> Drives | Currents:
    """Return what makes the sources of a shared drive spike, before the first step.

    Events at given steps are currents of one, as no threshold is one that every word exceeds.
    """
    n = network.pools()[name]
    if not network.drives[name].given:
        return pool_of(name, n, key)
    nothing = _drives(np.zeros(n, np.uint64), [], 1, [], [])
    return noisy(nothing, np.zeros(n), np.ones(n), n)


def pool_of(name: str, n: int, key: NDArray[np.uint64]) -> Drives:
    """Return what makes the n sources of a shared drive spike at random, before the first step."""
    keys = derive(derive(key, f"pool {name}", 0.0), "source", np.arange(n))
    return _drives(keys, [name], 1, [0], [1.0])


def _drives(
    keys: NDArray[np.uint64], names: list[str], inputs: int, at: list[int], weights: list[float]
) -> Drives:
    n, groups = len(names), group_count(len(keys))
    return Drives(
        inputs,
        in_lanes(keys, len(keys)).reshape(-1),
        np.array([stream_word(name) for name in names], np.uint64),
        np.array(at, np.int64),
        np.array(weights, np.float64),
        np.ones(n, np.int64),
        np.empty(0, np.uint32),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        0,
        groups,
        np.ones(n, np.int64),
        np.arange(inputs),
        np.full(n * groups, -1, np.int64),
        np.empty(n * groups * STEPS * LANES, np.uint32),
        np.empty(STEPS * LANES, np.uint64),
        np.empty(STEPS * LANES, np.uint32),
    )


def tabled(network: SpikingNetwork, name: str, drives: Any, first: int, n: int, dt: ms) -> Any:
    """Return the drives of a population, or of a shared drive, with their tables for n steps from `first` on.

    Without a course in time the tables of the first call are those of all.
    """
    if name in network.drives:
        own: list[Any] = [network.drives[name]]
        probability = True
    else:
        own = [d for d in network.drives.values() if d.pool is None and name in d.onto]
        probability = False
    moving = np.array([d.shape is not None for d in own], np.int64)
    if first > 0 and not moving.any():
        return drives
    t = (first + np.arange(n + -n % STEPS if moving.any() else 1)) * dt
    tables, parts = [], []
    for d in own:
        times = t if d.shape is not None else t[:1]
        if probability:
            parts.append(1)
            tables.append(certain(d.events(times, dt)))
            continue
        # of the whole course: how many parts there are may not depend on a call
        highest = d.highest_events(name, dt)
        parts.append(max(1, int(np.ceil(highest / PART))))
        tables.append(thresholds(d.events(name, times, dt) / parts[-1], highest / parts[-1]))
    begin = np.cumsum([0, *(x.size for x in tables)])[:-1].astype(np.int64)
    levels = np.array([x.shape[1] for x in tables], np.int64)
    table = np.concatenate([np.empty(0, np.uint32), *(x.reshape(-1) for x in tables)])
    changes = {"table": table, "begin": begin, "levels": levels, "parts": np.array(parts, np.int64)}
    silent = [bool((x == NEVER).all()) for x in tables]
    return drives._replace(**changes, **_writing(drives, silent), moving=moving, origin=first)


def _writing(drives: Any, silent: list[bool]) -> dict[str, NDArray[np.int64]]:
    """Return which drives add to what others have written, and the inputs that none writes."""
    adds, written = [], set()
    for i, nothing in zip(drives.input.tolist(), silent, strict=True):
        adds.append(nothing or i in written)
        written |= set() if nothing else {i}
    undriven = [i for i in range(drives.inputs) if i not in written]
    return {"adds": np.array(adds, np.int64), "undriven": np.array(undriven, np.int64)}


def noisy(drives: Drives, mean: Array, sd: Array, n: int) -> Currents:
    """Return drives beside the currents of n cells, whose noise comes with each call."""
    return Currents(*drives, in_lanes(mean, n), in_lanes(sd, n), np.empty((0, 0)), 0)


def for_call(
    network: SpikingNetwork, name: str, source: Any, noise: Array, first: int, n: int, dt: ms
) -> Drives | Currents:
    """Return what drives a population, or the sources of a shared drive, in n steps from `first` on."""
    if name in network.drives and network.drives[name].given:
        events = network.drives[name].events((first + np.arange(n)) * dt, dt)
        noise = np.tile(events, (network.pools()[name], 1))
        given: Currents = source._replace(normals=noise, since=first)
        return given
    source = tabled(network, name, source, first, n, dt)
    if isinstance(source, Currents):
        normals = _with_injected(network, name, noise, first, n, dt)
        source = source._replace(normals=normals, since=first)
    found: Drives | Currents = source
    return found


def _with_injected(network: SpikingNetwork, name: str, noise: Array, first: int, n: int, dt: ms) -> Array:
    """Return the noise of a population with its injected current, in SDs of the noise, of 1 pA without."""
    population = network.populations.get(name)
    if population is None or population.injected is None:
        return noise
    t = np.asarray((first + np.arange(n)) * dt, np.float64)
    current = population.injected.current(t)
    sd = population.noise.current(population.cell, dt)[1] if population.noise else 0.0
    return noise + current / sd if sd > 0.0 else np.tile(current, (population.n, 1))
