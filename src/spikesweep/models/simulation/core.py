"""What can be recorded of cells, by name, and cells that run with some of it recorded.

A name is that of a state variable of the neuron (`v`), of a state variable of one of its synapses with the
synapse's kind behind it (`g_exc`), the current of a synapse (`i_exc`), or `i_syn`, the sum of these currents.
Units are the annotations of the State class, meanings the `#:` comments beside its fields; a comment that
begins with `internal` hides a variable.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import Clock, Component, Trace
from spikesweep.kernels.cells.kept_rows import Rows
from spikesweep.kernels.cells.lanes import Drive, run_lanes
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.units import units_of

Array = NDArray[np.float64]

#: The kinds of synapses of networks of single cells: the types of the presynaptic cells.
KINDS = ("exc", "inh")
_KIND_NAMES = {"exc": "excitatory", "inh": "inhibitory"}
_INTERNAL = "internal"
#: Unit and meaning of the sum of all synaptic currents.
SYNAPTIC = ("pA", "synaptic current, inward positive")


class Signal(NamedTuple):
    """Something that can be recorded at every step."""

    rows: Trace  #: of a trace, whose sum it is
    units: str
    long_name: str


class Name(str):
    """The name of a signal that knows its unit and meaning: what a protocol records of a network."""

    units: str
    long_name: str

    @classmethod
    def of(cls, name: str, signal: Signal) -> "Name":
        """Return the name of a signal."""
        own = cls(name)
        own.units, own.long_name = signal.units, signal.long_name
        return own


def signals(cell: Component, synapses: Mapping[str, Component]) -> dict[str, Signal]:
    """Return what can be recorded of a cell with these synapses, by name."""
    state = type(cell.initial())
    found = {name: Signal(((0, name),), *known) for name, known in described(state).items()}
    if synapses:
        currents = tuple((k + 1, "current") for k in range(len(synapses)))
        found.setdefault("i_syn", Signal(currents, *SYNAPTIC))
    for k, (kind, synapse) in enumerate(synapses.items(), start=1):
        whose = _KIND_NAMES.get(kind, f"{kind}:")
        for name, (units, meaning) in described(type(synapse.initial())).items():
            found.setdefault(f"{name}_{kind}", Signal(((k, name),), units, f"{whose} {meaning}"))
        found.setdefault(f"i_{kind}", Signal(((k, "current"),), "pA", f"{whose} current"))
    return found


@cache
def described(state: type) -> dict[str, tuple[str, str]]:
    """Return the unit and the meaning of each variable of a State class that is not internal."""
    try:
        source = inspect.getsource(state)
    except (OSError, TypeError):  # made by hand: names without comments
        source = ""
    comments = dict(re.findall(r"^\s+(\w+):[^#\n]*#:\s*(.+?)\s*$", source, re.MULTILINE))
    units = units_of(state)
    names = [name for name in units if not comments.get(name, "").startswith(_INTERNAL)]
    return {name: (units[name], comments.get(name, name)) for name in names}


class Traced(NamedTuple):
    """What a cell did."""

    signals: dict[str, Array]  #: by name, shape (steps,): as they stand before the neuron's step
    spiked: NDArray[np.int64]  #: steps in which it spiked


def run_traced(
    cell: Component,
    synapses: Mapping[str, Component],
    drive: Drive,
    clock: Clock,
    n: int,
    n_steps: int,
    recorded: Mapping[str, Signal],
    named: Named | None = None,
) -> Iterator[Traced]:
    """Yield the recorded signals and the spikes of each of n cells; `named` as in `run_lanes`."""
    rows = Rows((*(row for signal in recorded.values() for row in signal.rows), (0, "spiked")))
    run_lanes(cell, tuple(synapses.values()), clock, n, n_steps, drive, rows, named=named)
    for values in rows.cells:
        own = iter(values)
        found = {name: added_up([next(own) for _ in s.rows], n_steps) for name, s in recorded.items()}
        yield Traced(found, np.flatnonzero(next(own)))


def added_up(rows: list[Array], n_steps: int) -> Array:
    """Return the signal that is the sum of some rows."""
    if len(rows) == 1:
        return rows[0]
    return np.asarray(np.sum(rows, axis=0)) if rows else np.zeros(n_steps)


def show_peaks(cell: Any, v: Array, spiked: NDArray[np.int64]) -> None:
    """Show the height of spikes, where the cell's have one, at the samples whose step makes them."""
    if hasattr(cell, "V_spike"):
        v[spiked] = cell.V_spike
