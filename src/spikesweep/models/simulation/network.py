"""A network of spiking neurons, simulated: all spikes, and the chosen signals of chosen neurons."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.kernels.cells.core import BLOCK, Code, Part, core_loop, part_of
from spikesweep.kernels.cells.driver import LANES, Clock, Driver, aligned, driver_for, initial_state
from spikesweep.kernels.cells.lanes import group_count, in_lanes
from spikesweep.kernels.cells.network import (
    RING,
    Currents,
    Net,
    Watched,
    Wired,
    fill_currents,
    watch,
)
from spikesweep.kernels.random.draws import uniform_rows
from spikesweep.models.inputs.given import GivenCurrent
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.core import SYNAPTIC, Signal, added_up, show_peaks, signals

Array = NDArray[np.float64]

#: Neuron steps in a call of the loop, which bounds the memory for its spikes and its noise.
_PER_CALL = 1_000_000


class Recording(NamedTuple):
    """What is kept besides the spikes."""

    record: Sequence[str] = ()  #: signals
    neurons: Sequence[int] = ()  #: whose


class Simulated(NamedTuple):
    """What a network did."""

    neuron: NDArray[np.int64]  #: of each spike, in the order of time
    step: NDArray[np.int64]  #: at whose start it has spiked
    signals: dict[str, Array]  #: by name, shape (recorded neurons, steps)
    finite: NDArray[np.bool_]  #: whether a neuron's potential is a number at the end


class _Population(NamedTuple):
    """A population on its way."""

    neurons: slice  #: counted through the network
    driver: Driver
    part: Part
    rows: list[tuple[str, int]]  #: signal and neuron of each row that is recorded


def known_signals(network: SpikingNetwork) -> dict[str, Signal]:
    """Return what can be recorded of some neuron of a network, by name."""
    found = {"i_syn": Signal((), *SYNAPTIC)}
    for name in network.populations:
        found |= _signals_of(network, name)
    return found


def _signals_of(network: SpikingNetwork, name: str) -> dict[str, Signal]:
    sources = {source: network.populations[source].synapse for source in network.sources(name)}
    return signals(network.populations[name].cell, sources)


def simulate(
    network: SpikingNetwork,
    connections: Wired,
    i_ext: Array,
    clock: Clock,
    n_steps: int,
    recording: Recording,
    *,
    weight_scale: float = 1.0,
    noise_keys: NDArray[np.uint64] | None = None,
    normals: Array | None = None,
) -> Simulated:
    """Simulate a network with these connections and constant currents (pA), shape (neurons,).

    `weight_scale` multiplies all weights. The numbers of its noise are those of `noise_keys`, one a neuron,
    or given: `normals`, shape (neurons, steps).
    """
    mean, sd = network.noise(clock.dt)
    block = min(connections.shortest, BLOCK)
    words = np.zeros((sum(group_count(p.n) for p in network.populations.values()), block), np.int64)
    populations = _populations(network, clock, n_steps, recording, (i_ext + mean, sd), words)
    per_call = 2 * max(1, _PER_CALL // (2 * network.N))
    room = np.empty((network.N * min(n_steps, per_call), 2), np.int64)
    net = _net(connections, populations, weight_scale, words, room)
    code = [Code(p.driver.advance, fill_currents, watch) for p in populations]
    loop = core_loop(tuple(code), RING)
    spikes = [np.empty((0, 2), np.int64)]
    for first in range(0, n_steps, per_call):
        n = min(per_call, n_steps - first)
        noise = np.empty((0, 0))
        if sd.any():
            given = None if normals is None else np.ascontiguousarray(normals[:, first : first + n])
            noise = scipy.special.ndtri(uniform_rows(noise_keys, first, n)) if given is None else given
        count = loop(net, _for_call(populations, noise, first), block, first, n, clock.tick)
        spikes.append(net.spikes[:count].copy())
    neuron, step = np.concatenate(spikes).T
    last = [p.part.state[:, :LANES].ravel()[: p.neurons.stop - p.neurons.start] for p in populations]
    found = _recorded(populations, n_steps, recording)
    for v, i in zip(found.get("v", ()), recording.neurons, strict="v" in found):
        show_peaks(network.cell_of(i), v, step[neuron == i] - 1)
    return Simulated(neuron, step, found, np.isfinite(np.concatenate(last)))


def _populations(
    network: SpikingNetwork,
    clock: Clock,
    n_steps: int,
    recording: Recording,
    currents: tuple[Array, Array],
    words: NDArray[np.int64],
) -> list[_Population]:
    """Return all populations before the first step."""
    found, first, block = [], network.first(), words.shape[1]
    for name, population in network.populations.items():
        own = group_count(population.n)
        neurons = slice(first[name], first[name] + population.n)
        known = _signals_of(network, name)
        record = [signal for signal in recording.record if signal in known]
        trace = [(signal, row) for signal in record for row in known[signal].rows]
        rows = [  # sorted by group: then by signal, neuron and row of the trace, as they are added up
            ((i - neurons.start) // LANES, r * LANES + (i - neurons.start) % LANES, signal, i)
            for i in recording.neurons
            if neurons.start <= i < neurons.stop
            for r, (signal, _) in enumerate(trace)
        ]
        rows.sort(key=lambda row: row[0])
        inputs: Any = (*(network.populations[s].synapse for s in network.sources(name)), GivenCurrent())
        driver = driver_for(population.cell, inputs, trace=(*(row for _, row in trace), (0, "spiked")))
        state = initial_state(driver, population.cell, inputs, clock, own).reshape(own, -1)
        mean, sd = (in_lanes(values[neurons], population.n) for values in currents)
        starts = np.searchsorted([row[0] for row in rows], np.arange(own + 1))
        place = np.array([row[1] for row in rows], np.int64)
        recorded, n_rows = np.empty((len(rows), n_steps)), len(trace) + 1
        watched = Watched(words[:own], starts.astype(np.int64), place, recorded, n_rows)
        words = words[own:]
        source = Currents(mean, sd, np.empty((0, 0)), 0, len(inputs))
        part = part_of(state, source, watched, len(inputs), n_rows, block)
        found.append(_Population(neurons, driver, part, [row[2:] for row in rows]))
    return found


def _net(
    connections: Wired,
    populations: list[_Population],
    scale: float,
    words: NDArray[np.int64],
    spikes: NDArray[np.int64],
) -> Net:
    """Return what is exchanged, before the first step."""
    first: list[int] = []
    members: list[int] = []
    for p in populations:
        first += range(p.neurons.start, p.neurons.stop, LANES)
        members += [min(LANES, p.neurons.stop - i) for i in range(p.neurons.start, p.neurons.stop, LANES)]
    inputs = np.array([p.part.source.inputs for p in populations])
    slots, _, begin, width, *_ = connections
    sizes = np.array(first), np.array(members)
    ring = aligned(int(begin[-1]))
    return Net(connections, float(scale), ring, slots, begin, width, inputs, *sizes, words, spikes)


def _for_call(populations: list[_Population], noise: Array, first: int) -> tuple[Part, ...]:
    """Return the parts of a call, whose noise is given from its first step on."""
    return tuple(
        p.part._replace(source=p.part.source._replace(normals=noise[p.neurons], origin=first))
        for p in populations
    )


def _recorded(populations: list[_Population], n_steps: int, recording: Recording) -> dict[str, Array]:
    """Return the recorded rows by signal, those of one signal added up; NaN where a neuron has none."""
    rows: dict[tuple[str, int], list[Array]] = {}
    for p in populations:
        for which, values in zip(p.rows, p.part.sink.recorded, strict=True):
            rows.setdefault(which, []).append(values)
    nothing = {name: np.full(n_steps, 0.0 if name == "i_syn" else np.nan) for name in recording.record}
    return {
        name: np.array(
            [
                added_up(rows[name, i], n_steps) if (name, i) in rows else nothing[name]
                for i in recording.neurons
            ]
        ).reshape(len(recording.neurons), n_steps)
        for name in recording.record
    }
