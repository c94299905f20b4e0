"""One neuron for each of several experiments, driven by its connected inputs, its signals kept."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import Clock, Trace
from spikesweep.kernels.cells.kept_rows import keep_rows, make_rows
from spikesweep.kernels.cells.lanes import run_lanes
from spikesweep.models.inputs.spike_trains import fill_given, make_kicks
from spikesweep.models.networks.many_to_one import Experiment, ManyToOne

_SYNAPSES = ("exc", "inh")


def signals_of(network: ManyToOne) -> dict[str, Trace]:
    """Return the signals that a network's neuron has, by name: rows of a trace, to be added up."""
    (cell,) = network.cells.values()
    found: dict[str, Trace] = {
        name: ((0, name),) for name in ("v", "u", "w") if name in cell.initial()._fields
    }
    found["i_syn"] = ((1, "current"), (2, "current"))
    for k, kind in enumerate(_SYNAPSES, start=1):
        if "g" in network.synapses[kind].initial()._fields:
            found[f"g_{kind}"] = ((k, "g"),)
    return found


def simulate(
    network: ManyToOne, experiments: list[Experiment], names: list[str], clock: Clock, n_steps: int
) -> Iterator[tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]]:
    """Yield the named signals over time, and the samples of the spikes, of each of at most LANES experiments.

    Where the cell's spikes have a height, the sample before a spike shows it, as in the original.
    """
    ((population, cell),) = network.cells.items()
    known = signals_of(network)
    trace = (*(row for name in names for row in known[name]), (0, "spiked"))
    streams = []
    for inhibitory in (False, True):
        chosen = [x.wiring.is_connected & (x.wiring.is_inhibitory == inhibitory) for x in experiments]
        streams.append([x.trains.together(which) for x, which in zip(experiments, chosen, strict=True)])
    onto = network.synapses_onto(population)
    parts = [onto[kind] for kind in _SYNAPSES]
    kept = make_rows(len(experiments), len(trace), n_steps)
    kicked = (fill_given, [make_kicks(streams)])
    run_lanes(cell, parts, clock, len(experiments), n_steps, kicked, (keep_rows, kept), trace)
    for values in kept[0]:
        rows = iter(values)
        parts_of = {name: [next(rows) for _ in known[name]] for name in names}
        found = {name: own[0] if len(own) == 1 else np.sum(own, axis=0) for name, own in parts_of.items()}
        before = np.flatnonzero(values[-1, :-1])  # a spike of the last step would lie beyond the end
        if hasattr(cell, "V_spike"):
            found["v"][before] = cell.V_spike
        yield found, before + 1
