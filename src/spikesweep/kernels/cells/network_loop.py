"""The loop over time of a network: all cells a step, then their spikes to where they arrive.

Cells of a population stand in groups of LANES, each advanced by the driver of its neuron and its inputs. What
they receive waits in a ring of slots, one a step of delay. All of it is flat: `slot` numbers a slot,
of which `slot[target]` is the kick of one input of one cell.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept

_LOOP = """
def loop(net, ring, state, trace, noise, recorded, spikes, first, n_steps, tick):
    count = 0
    slots = ring.shape[0]
    n = net.spiked.size
    for s in range(first, first + n_steps):
        here = ring[s % slots]
        for i in range(n):
            here[net.current[i]] = net.mean[i]
        if noise.size > 0:
            for i in range(n):
                here[net.current[i]] += net.sd[i] * noise[i, s - first]
{groups}
        here[:] = 0.0
        for r in range(net.record.size):
            recorded[r, s - first] = trace[net.record[r]]
        for i in range(n):
            if trace[net.spiked[i]] != 0.0:
                spikes[count, 0] = i
                spikes[count, 1] = s + 1
                count += 1
                for e in range(net.indptr[i], net.indptr[i + 1]):
                    ring[(s + 1 + net.delay[e]) % slots, net.target[e]] += net.weight[e]
    return count
"""

_GROUP = """
        p = net.layout[{k}]
        for g in range(p[0]):
            own = state[p[1] + g * p[2] : p[1] + (g + 1) * p[2]]
            kicks = here[p[3] + g * p[4] : p[3] + (g + 1) * p[4]]
            advance{k}(own, kicks, trace[p[5] + g * p[6] : p[5] + (g + 1) * p[6]], 1, s, tick)
"""


class Net(NamedTuple):
    """What the loop reads. Neurons are counted through the network."""

    layout: NDArray[np.int64]  #: a population a row: groups; start and length of state, kicks, trace
    spiked: NDArray[np.int64]  #: place in the trace of each neuron's spike
    current: NDArray[np.int64]  #: place in a slot of each neuron's current
    mean: NDArray[np.float64]  #: of the current (pA)
    sd: NDArray[np.float64]  #: of the current (pA)
    record: NDArray[np.int64]  #: places in the trace
    indptr: NDArray[np.int64]  #: connections of neuron i: indptr[i] to indptr[i + 1]
    target: NDArray[np.int64]  #: place in a slot
    weight: NDArray[np.float64]
    delay: NDArray[np.int64]  #: steps


@cache
def network_loop(advances: tuple[Any, ...]) -> Any:
    """Return the compiled loop over populations with these drivers.

    It writes the n_steps from `first` on of `recorded`, and (neuron, step at whose start it has spiked) of
    each spike to `spikes`, and returns how many there were.
    """
    names = {f"advance{k}": advance for k, advance in enumerate(advances)}
    source = _LOOP.format(groups="".join(_GROUP.format(k=k) for k in range(len(advances))))
    exec(source, names)
    loop: Any = names["loop"]
    loop.__module__ = __name__
    return kept(loop, source, *advances)
