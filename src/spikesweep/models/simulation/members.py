"""The populations of a network, and the pools of its shared drives, as its simulation advances them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.core import Code, Part, part_of
from spikesweep.kernels.cells.driver import LANES, Clock, driver_for, initial_state
from spikesweep.kernels.cells.lanes import group_count, in_lanes, padded
from spikesweep.kernels.cells.network import Watched, watch
from spikesweep.kernels.cells.own_numbers import Named, give_keys
from spikesweep.models.inputs.drive import Source
from spikesweep.models.inputs.given import ConstantCurrent, GivenCurrent
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation import external
from spikesweep.models.simulation.core import Signal, signals

Array = NDArray[np.float64]


class Recording(NamedTuple):
    """What is kept besides the spikes."""

    record: Sequence[str] = ()  #: signals
    neurons: Sequence[int] = ()  #: whose, counted through the network


class Member(NamedTuple):
    """A population, or a pool of sources, on its way."""

    name: str
    neurons: slice  #: counted through the network; those of a pool for themselves
    part: Part
    code: Code
    inputs: int  #: of a cell
    rows: list[tuple[str, int]]  #: signal and neuron of each row that is recorded


class Run(NamedTuple):
    """What all members share."""

    network: SpikingNetwork
    clock: Clock
    n_steps: int
    block: int  #: steps
    recording: Recording
    mean: Array  #: constant current (pA) of each neuron
    sd: Array  #: of each neuron's noise (pA)
    key: NDArray[np.uint64]
    words: NDArray[np.int64]  #: of all groups, shape (groups, block)


def signals_of(network: SpikingNetwork, name: str) -> dict[str, Signal]:
    """Return what can be recorded of a neuron of a population, by name."""
    return signals(network.populations[name].cell, network.inputs(name))


def sizes_of(network: SpikingNetwork) -> list[int]:
    """Return the size of each population, then of each pool."""
    return [*(p.n for p in network.populations.values()), *network.pools().values()]


def members(run: Run) -> list[Member]:
    """Return all populations, then all pools, before the first step."""
    starts = np.cumsum([0, *(group_count(n) for n in sizes_of(run.network))])
    words = [run.words[a:b] for a, b in pairwise(starts.tolist())]
    found = [_population(run, name, own) for name, own in zip(run.network.populations, words, strict=False)]
    for (name, n), own in zip(run.network.pools().items(), words[len(found) :], strict=True):
        source, given = external.sources_of(run.network, name, run.key), run.network.drives[name].given
        cells = Source(), (GivenCurrent(),)
        found.append(_member(run, name, slice(0, n), cells, {}, own, source, noisy=given))
    return found


def _population(run: Run, name: str, words: NDArray[np.int64]) -> Member:
    network, population = run.network, run.network.populations[name]
    first = network.first()[name]
    neurons = slice(first, first + population.n)
    mean, sd = run.mean[neurons], run.sd[neurons]
    noisy = bool(sd.any()) or population.injected is not None
    same: Any = float(mean[0]) if (mean == mean[0]).all() else in_lanes(mean, population.n).reshape(-1)
    inputs = *network.inputs(name).values(), *_currents(same, len(network.inputs(name)), noisy=noisy)
    source: Any = external.drives_of(network, name, len(inputs), run.key)
    if noisy:
        scale = np.where(sd > 0.0, sd, 1.0) if population.injected is not None else sd
        source = external.noisy(source, mean, scale, population.n)
    known = signals_of(network, name)
    recorded = {signal: known[signal] for signal in run.recording.record if signal in known}
    member = _member(run, name, neurons, (population.cell, inputs), recorded, words, source, noisy=noisy)
    started = network.started(name, run.key)
    if started is not None:
        _place(member.part.state, population.cell, started)
    give_keys(member.part.state, population.cell, Named(run.key, np.arange(neurons.start, neurons.stop)))
    return member


def _currents(constant: Any, n_synapses: int, *, noisy: bool) -> tuple[Any, ...]:
    """Return the input that is the current from outside; none where that is zero and there are synapses."""
    if noisy:
        return (GivenCurrent(),)
    return (ConstantCurrent(constant),) if np.any(constant) or not n_synapses else ()


def _place(state: Array, cell: Any, v: Array) -> None:
    """Write the potentials of cells to their state; some cells keep them in other units too."""
    variables = cell.started(v) if hasattr(cell, "started") else (v,)
    for k, values in enumerate(variables):
        state[:, k * LANES : (k + 1) * LANES] = in_lanes(values, len(v))


def _member(
    run: Run,
    name: str,
    neurons: slice,
    cells: tuple[Any, tuple[Any, ...]],
    recorded: dict[str, Signal],
    words: NDArray[np.int64],
    source: Any,
    *,
    noisy: bool,
) -> Member:
    """Return cells of one kind, with their inputs, before the first step."""
    cell, inputs = cells
    groups = len(words)
    trace = [(signal, row) for signal, found in recorded.items() for row in found.rows]
    rows = sorted(  # by group: then by neuron, signal and row of the trace, as they are added up
        ((i - neurons.start) // LANES, i, r)
        for i in run.recording.neurons
        if recorded and neurons.start <= i < neurons.stop
        for r in range(len(trace))
    )
    driver = driver_for(cell, inputs, trace=(*(row for _, row in trace), (0, "spikes")), counted=False)
    parts = [padded(part, groups * LANES) for part in (cell, *inputs)]
    state = initial_state(driver, parts[0], parts[1:], run.clock, groups).reshape(groups, -1)
    watched = Watched(
        words.reshape(-1),
        run.block,
        np.searchsorted([g for g, _, _ in rows], np.arange(groups + 1)).astype(np.int64),
        np.array([r * LANES + (i - neurons.start) % LANES for _, i, r in rows], np.int64),
        np.full((len(rows), run.n_steps), np.nan),
        len(trace) + 1,
    )
    part = part_of(state, source, watched, len(inputs), len(trace) + 1, run.block)
    fill: Any = external.FILLS[noisy]
    code = Code(driver.advance, fill, watch)
    return Member(name, neurons, part, code, len(inputs), [(trace[r][0], i) for _, i, r in rows])
