"""A network of spiking neurons, simulated: all spikes, and the chosen signals of chosen neurons."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, Clock, Trace, aligned, driver_for, initial_state
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.cells.network_loop import Net, network_loop
from spikesweep.kernels.random.draws import uniform_rows
from spikesweep.models.inputs.given import GivenCurrent
from spikesweep.models.networks.connections import Edges
from spikesweep.models.networks.spiking import SpikingNetwork

Array = NDArray[np.float64]

#: Neuron steps in a call of the loop, which bounds the memory for its spikes and its noise.
_PER_CALL = 1_000_000
#: Signals that a neuron may have; i_syn is the sum of its synaptic currents.
SIGNALS = ("v", "u", "w", "i_syn")


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


class _Part(NamedTuple):
    """Where a population stands."""

    driver: Any
    state: Array  #: shape (groups, rows, LANES)
    rows: dict[str, list[int]]  #: rows of the trace whose sum is a signal
    n_inputs: int
    kick: int  #: first place of its kicks in a slot
    trace: int  #: first place of its trace
    n_rows: int


def simulate(
    network: SpikingNetwork,
    edges: Edges,
    i_ext: Array,
    clock: Clock,
    n_steps: int,
    recording: Recording,
    *,
    noise_keys: NDArray[np.uint64] | None = None,
    normals: Array | None = None,
) -> Simulated:
    """Simulate a network with these connections and constant currents (pA), shape (neurons,).

    The numbers of its noise are those of `noise_keys`, one a neuron, or given: `normals`, shape
    (neurons, steps).
    """
    record, neurons = recording
    parts = _parts(network, clock, record)
    slot = sum(part.n_inputs * LANES * len(part.state) for part in parts)
    mean, sd = network.noise(clock.dt)
    net = _net(network, parts, edges, clock.dt, (i_ext + mean, sd), record, neurons)
    ring = aligned(int(net.delay.max(initial=0) + 1) * slot).reshape(-1, slot)
    state = aligned(sum(part.state.size for part in parts))
    state[:] = np.concatenate([part.state.ravel() for part in parts])
    trace = aligned(sum(part.n_rows * LANES * len(part.state) for part in parts))
    loop = network_loop(tuple(part.driver.advance for part in parts))
    per_call = 2 * max(1, _PER_CALL // (2 * network.N))
    buffer = np.empty((network.N * per_call, 2), np.int64)
    recorded = np.empty((len(net.record), n_steps))
    spikes = [np.empty((0, 2), np.int64)]
    for first in range(0, n_steps, per_call):
        n = min(per_call, n_steps - first)
        noise = np.empty((0, 0))
        if sd.any():
            given = None if normals is None else np.ascontiguousarray(normals[:, first : first + n])
            noise = scipy.special.ndtri(uniform_rows(noise_keys, first, n)) if given is None else given
        count = loop(
            net, ring, state, trace, noise, recorded[:, first : first + n], buffer, first, n, clock.tick
        )
        spikes.append(buffer[:count].copy())
    neuron, step = np.concatenate(spikes).T
    signals = _signals(network, parts, recorded, record, neurons)
    if "v" in signals:
        _show_peaks(network, signals["v"], neurons, neuron, step)
    starts = np.cumsum([0, *(part.state.size for part in parts)])
    last = [
        state[a : a + part.state.size].reshape(part.state.shape)[:, 0].ravel()[: p.n]
        for a, part, p in zip(starts, parts, network.populations.values(), strict=False)
    ]
    return Simulated(neuron, step, signals, np.isfinite(np.concatenate(last)))


def _parts(network: SpikingNetwork, clock: Clock, record: Sequence[str]) -> list[_Part]:
    """Return the drivers of all populations, and where their numbers stand."""
    parts: list[_Part] = []
    kick = trace = 0
    for name, population in network.populations.items():
        sources = [network.populations[source].synapse for source in network.sources(name)]
        inputs: tuple[Any, ...] = (*sources, GivenCurrent())
        rows: list[tuple[int, str]] = []
        of: dict[str, list[int]] = {}
        for signal in record:
            own = _rows(population.cell, len(sources), signal)
            of[signal] = list(range(len(rows), len(rows) + len(own)))
            rows += own
        driver = driver_for(population.cell, inputs, trace=(*rows, (0, "spiked")))
        groups = group_count(population.n)
        state = initial_state(driver, population.cell, inputs, clock, groups)
        parts.append(_Part(driver, state, of, len(inputs), kick, trace, len(rows) + 1))
        kick += groups * len(inputs) * LANES
        trace += groups * (len(rows) + 1) * LANES
    return parts


def _rows(cell: Any, n_sources: int, signal: str) -> Trace:
    """Return the rows of a trace whose sum is a signal; none where the cell has no such signal."""
    if signal == "i_syn":
        return tuple((k, "current") for k in range(1, n_sources + 1))
    return ((0, signal),) if signal in cell.initial()._fields else ()


def _places(network: SpikingNetwork, first: list[int], length: list[int]) -> NDArray[np.int64]:
    """Return the place of each neuron where its population begins at `first` and has groups of `length`."""
    found = []
    for population, start, size in zip(network.populations.values(), first, length, strict=True):
        group, lane = np.divmod(np.arange(population.n), LANES)
        found.append(start + group * size + lane)
    return np.concatenate(found)


def _net(
    network: SpikingNetwork,
    parts: list[_Part],
    edges: Edges,
    dt: float,
    current: tuple[Array, Array],
    record: Sequence[str],
    neurons: Sequence[int],
) -> Net:
    layout, state = [], 0
    for part in parts:
        groups, rows, _ = part.state.shape
        kicks, traced = part.n_inputs * LANES, part.n_rows * LANES
        layout.append((groups, state, rows * LANES, part.kick, kicks, part.trace, traced))
        state += part.state.size
    kick = _places(network, [p.kick for p in parts], [p.n_inputs * LANES for p in parts])
    trace = _places(network, [p.trace for p in parts], [p.n_rows * LANES for p in parts])
    sizes = [p.n for p in network.populations.values()]
    whose = np.repeat(np.arange(len(sizes)), sizes)
    names = list(network.populations)
    number = np.full((len(names), len(names)), -1)  # of the input that a source is, by target and source
    for t, name in enumerate(names):
        for k, source in enumerate(network.sources(name)):
            number[t, names.index(source)] = k
    last = np.array([part.n_rows - 1 for part in parts])
    own = np.array([part.n_inputs - 1 for part in parts])
    places = [trace[i] + r * LANES for s in record for i in neurons for r in parts[whose[i]].rows[s]]
    return Net(
        np.array(layout, np.int64),
        trace + last[whose] * LANES,
        kick + own[whose] * LANES,
        *current,
        np.array(places, np.int64),
        np.searchsorted(edges.source, np.arange(network.N + 1)).astype(np.int64),
        kick[edges.target] + number[whose[edges.target], whose[edges.source]] * LANES,
        edges.weight,
        np.rint(edges.delay / dt).astype(np.int64),
    )


def _signals(
    network: SpikingNetwork,
    parts: list[_Part],
    recorded: Array,
    record: Sequence[str],
    neurons: Sequence[int],
) -> dict[str, Array]:
    """Return the recorded rows by signal, those of one signal added up; NaN where a neuron has none."""
    sizes = [p.n for p in network.populations.values()]
    whose = np.repeat(np.arange(len(sizes)), sizes)
    rows = iter(recorded)
    found = {}
    for signal in record:
        each = []
        for i in neurons:
            own = [next(rows) for _ in parts[whose[i]].rows[signal]]
            nothing = np.full(recorded.shape[1], 0.0 if signal == "i_syn" else np.nan)
            each.append(np.sum(own, axis=0) if own else nothing)
        found[signal] = np.array(each)
    return found


def _show_peaks(
    network: SpikingNetwork,
    v: Array,
    neurons: Sequence[int],
    neuron: NDArray[np.int64],
    step: NDArray[np.int64],
) -> None:
    """Show the height of spikes, where the cell's have one, at the sample before each."""
    cells: list[Any] = [p.cell for p in network.populations.values() for _ in range(p.n)]
    for row, i in zip(v, neurons, strict=True):
        if hasattr(cells[i], "V_spike"):
            row[step[neuron == i] - 1] = cells[i].V_spike
