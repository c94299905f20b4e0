"""A network of spiking neurons, simulated: its spikes chunk by chunk, chosen signals of chosen neurons."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from spikesweep.kernels.cells.core import BLOCK, Part, core_loop
from spikesweep.kernels.cells.driver import LANES, Clock, aligned
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.cells.network import RING
from spikesweep.kernels.cells.wired import BITS, INPUT, KIND, Net, Wired, net_of
from spikesweep.kernels.random.draws import uniform_rows
from spikesweep.kernels.random.philox import derive
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation import external
from spikesweep.models.simulation.core import SYNAPTIC, Signal, added_up, show_peaks
from spikesweep.models.simulation.members import Member, Recording, Run, members, signals_of, sizes_of

Array = NDArray[np.float64]
Spikes = NDArray[np.int32]
#: What is told of each chunk: neurons, the steps at whose start they have spiked, the step that is reached.
Told = Callable[[Spikes, Spikes, int], bool]

#: Neuron steps in a call of the loop, which bounds the memory for its spikes and its noise, and steps.
_PER_CALL = 2_000_000
_STEPS_PER_CALL = 1000


class Simulated(NamedTuple):
    """What a network did."""

    n_steps: int  #: that were simulated
    signals: dict[str, Array]  #: by name, shape (recorded neurons, steps); NaN from n_steps on
    finite: NDArray[np.bool_]  #: whether a neuron's potential is a number at the end


def known_signals(network: SpikingNetwork) -> dict[str, Signal]:
    """Return what can be recorded of some neuron of a network, by name."""
    found = {"i_syn": Signal((), *SYNAPTIC)}
    for name in network.populations:
        found |= signals_of(network, name)
    return found


def simulate(
    network: SpikingNetwork,
    wired: Wired,
    clock: Clock,
    n_steps: int,
    key: Any,
    told: Told,
    recording: Recording | None = None,
    *,
    i_ext: Array | float = 0.0,
    weight_scale: float = 1.0,
    normals: Array | None = None,
) -> Simulated:
    """Simulate a network whose connections are `wired`; `key` names its random numbers.

    `told` gets the spikes chunk by chunk, in the order of time, then neurons; the run ends early where it
    returns True. `i_ext` (pA) is added to the constant currents, `weight_scale` multiplies all weights. The
    numbers of the noise can be given: `normals`, shape (neurons, steps).
    """
    recording, block = recording or Recording(), min(wired.shortest, BLOCK)
    per_call = _steps_per_call(network)
    mean, sd = network.noise(clock.dt)
    words = np.zeros((sum(map(group_count, sizes_of(network))), block), np.int64)
    run = Run(network, clock, n_steps, block, recording, network.i_ext() + i_ext + mean, sd, key, words)
    found = members(run)
    net = _net(wired, run, found, weight_scale, min(per_call, n_steps))
    loop = core_loop(tuple(member.code for member in found), RING)
    parts = tuple(member.part for member in found)
    keys, reached, peaks = derive(derive(key, "noise", 0.0), "neuron", np.arange(network.N)), 0, Peaks(run)
    while reached < n_steps:
        n = min(per_call, n_steps - reached)
        noise = _noise(sd, keys, normals, reached, n)
        parts = tuple(_for_call(run, *pair, noise, reached, n) for pair in zip(found, parts, strict=True))
        count = loop(net, _writing(wired, net, parts), block, reached, n, clock.tick)
        reached += n
        spikes = net.spikes[0, :count], net.spikes[1, :count]
        peaks.note(*spikes)
        if told(*spikes, reached):
            break
    own = found[: len(network.populations)]
    last = [m.part.state[:, :LANES].ravel()[: m.neurons.stop - m.neurons.start] for m in own]
    recorded = _recorded(run, own, reached)
    peaks.show(recorded)
    return Simulated(reached, recorded, np.isfinite(np.concatenate(last)))


class Peaks:
    """The spikes of recorded neurons, whose height the recorded potential shows."""

    def __init__(self, run: Run) -> None:
        neurons, network = run.recording.neurons if "v" in run.recording.record else (), run.network
        self._cells = [network.cell_of(i) for i in neurons]
        self._row = np.full(network.N, -1)
        high = [hasattr(cell, "V_spike") for cell in self._cells]
        self._row[np.array(neurons, int)[high]] = np.flatnonzero(high)
        self._any, self._found = any(high), [(np.empty(0, np.int64), np.empty(0, np.int64))]

    def note(self, neuron: Spikes, step: Spikes) -> None:
        """Keep what concerns the recorded ones of these spikes."""
        if self._any:
            rows = self._row[neuron]
            self._found.append((rows[rows >= 0], step[rows >= 0].astype(np.int64) - 1))

    def show(self, recorded: dict[str, Array]) -> None:
        """Show the peaks in the recorded potential."""
        rows, steps = (np.concatenate(part) for part in zip(*self._found, strict=True))
        for row in np.unique(rows).tolist():
            show_peaks(self._cells[row], recorded["v"][row], steps[rows == row])


def _steps_per_call(network: SpikingNetwork) -> int:
    """Return a multiple of four, which depends on the number of neurons alone."""
    return 4 * max(1, min(_STEPS_PER_CALL, _PER_CALL // network.N) // 4)


def _noise(sd: Array, keys: NDArray[np.uint64], normals: Array | None, first: int, n: int) -> Array:
    """Return standard normal numbers of some steps, shape (neurons, n); none without noise."""
    if not sd.any():
        return np.empty((len(sd), 0))
    if normals is not None:
        return np.ascontiguousarray(normals[:, first : first + n])
    return np.asarray(scipy.special.ndtri(uniform_rows(keys, first, n)))


def _for_call(run: Run, member: Member, part: Part, noise: Array, first: int, n: int) -> Part:
    """Return a part with what drives it in n steps from `first` on."""
    own = noise[member.neurons]
    source = external.for_call(run.network, member.name, part.source, own, first, n, run.clock.dt)
    return part._replace(source=source)


def _net(wired: Wired, run: Run, found: list[Member], scale: float, n_steps: int) -> Net:
    """Return what is exchanged, before the first step; a call has n_steps at most."""
    sizes, network = sizes_of(run.network), run.network
    groups = np.cumsum([0, *map(group_count, sizes)])
    members = np.full(int(groups[-1]), (1 << LANES) - 1, np.int64)
    for n, end in zip(sizes, groups[1:], strict=True):
        members[end - 1] = (1 << (n - 1) % LANES + 1) - 1
    told = np.arange(len(sizes)) < len(network.populations)
    n_planes, n_counts, n_sums, n_depths = wired.rings
    return net_of(
        wired,
        factor=wired.factor * scale,
        adds=np.ones(len(wired.factor), np.bool_),
        planes=np.zeros(n_planes, np.uint64),
        counts=np.zeros(n_counts, wired.counter.dtype),
        sums=aligned(n_sums),
        depth=np.ones(n_depths, np.int64),
        carry=np.zeros(wired.widest, np.uint64),
        inputs=np.array([member.inputs for member in found], np.int64),
        groups=groups.astype(np.int64),
        first=np.cumsum([0, *sizes])[:-1].astype(np.int64),
        told=told,
        words=run.words,
        members=members,
        active=np.zeros(max(sizes), np.int32),
        spikes=np.empty((2, network.N * n_steps), np.int32),
    )


def _writing(wired: Wired, net: Net, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Note which projections write the kicks of an input; return the parts, whose drives then need not."""
    net.adds[:], told = True, []
    for k, part in enumerate(parts):
        undriven, reached = part.source.undriven.tolist(), set()
        for p in range(wired.arrive[k], wired.arrive[k + 1]):
            i = int(wired.table[p, INPUT])
            if i in undriven and i not in reached and wired.table[p, KIND] != BITS:
                net.adds[p] = False
                undriven.remove(i)
            reached.add(i)
        told.append(part._replace(source=part.source._replace(undriven=np.array(undriven, np.int64))))
    return tuple(told)


def _recorded(run: Run, found: list[Member], reached: int) -> dict[str, Array]:
    """Return the recorded rows by signal, those of one signal added up; NaN where a neuron has none."""
    rows: dict[tuple[str, int], list[Array]] = {}
    for member in found:
        for which, values in zip(member.rows, member.part.sink.recorded, strict=True):
            rows.setdefault(which, []).append(values)
    chosen, n_steps = run.recording.neurons, run.n_steps
    nothing = {name: np.full(n_steps, np.nan) for name in run.recording.record}
    if "i_syn" in nothing:  # of a neuron that nothing reaches
        nothing["i_syn"][:reached] = 0.0
    return {
        name: np.array(
            [added_up(rows[name, i], n_steps) if (name, i) in rows else nothing[name] for i in chosen]
        ).reshape(len(chosen), n_steps)
        for name in run.recording.record
    }
