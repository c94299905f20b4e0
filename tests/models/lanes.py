"""Cells and synapses in the lanes of a driver, and the same step by step in plain Python."""

import numpy as np

from spikesweep.kernels.cells.driver import LANES, Clock, aligned, driver_for, initial_state
from spikesweep.models.inputs.given import GivenCurrent


def in_lanes(cell, kicks, dt, part=None, rule="steps"):
    """Return every state variable and `spiked` by name, shape (steps, LANES), of a cell in every lane.

    `kicks` are those of its one input, `part` (a current in the unit that the cell takes, where there is
    none), shape (steps, LANES) or one that broadcasts to it. State variables stand as before each step, those
    of the input as they act on it, beside its `current`; names of the input begin with "in_".
    """
    source = GivenCurrent() if part is None else part
    clock = Clock.of(dt, rule)
    names = [(0, name) for name in cell.initial()._fields]
    names += [(1, name) for name in (*source.initial()._fields, "current")]
    names += [(0, "spiked")]
    driver = driver_for(cell, (source,), trace=tuple(names))
    kicks = np.broadcast_to(kicks, (len(kicks), LANES))
    given, traced = aligned(kicks.size), aligned(len(kicks) * len(names) * LANES)
    given[:] = kicks.ravel()
    state = initial_state(driver, cell, (source,), clock, 1)
    driver.advance(state.reshape(-1), given, traced, 1, len(kicks), 0, clock.tick)
    rows = np.moveaxis(traced.reshape(len(kicks), len(names), LANES), 1, 0)
    return {("in_" if k else "") + name: row for (k, name), row in zip(names, rows, strict=True)}


def numbers(values):
    """Return a state or coefficients as plain Python numbers."""
    return type(values)(*(float(value) for value in values))


def cell_by_steps(cell, current, dt, rule="steps"):
    """Return what `in_lanes` returns for one lane, from the model's own step without numba."""
    clock = Clock.of(dt, rule)
    c, x = numbers(cell.coefficients(clock)), numbers(cell.initial())
    found = {name: np.empty(len(current)) for name in (*x._fields, "spiked")}
    for i, value in enumerate(current.tolist()):
        for name in x._fields:
            found[name][i] = getattr(x, name)
        t, currents = i * clock.tick, (value,)
        if hasattr(cell, "predict"):  # it takes the current at the end of the step, too: here the same
            currents = (value, cell.predict.py_func(c, x, value, t), value)
        x, found["spiked"][i] = cell.step.py_func(c, x, *currents, t, (i + 1) * clock.tick)
    return found


def synapse_by_steps(synapse, kicks, v, dt, per_jump=0.0):
    """Return the state and the `current` of a synapse under kicks, at given potentials, without numba.

    What a synapse makes the potential jump counts as the current `per_jump` (pA/mV).
    """
    c, x = numbers(synapse.coefficients(Clock.of(dt, "steps"))), numbers(synapse.initial())
    found = {name: np.empty(len(kicks)) for name in (*x._fields, "current")}
    for i, (kick, potential) in enumerate(zip(kicks.tolist(), v.tolist(), strict=True)):
        x = synapse.advance.py_func(c, x, kick)
        for name in x._fields:
            found[name][i] = getattr(x, name)
        found["current"][i] = synapse.current.py_func(c, x, potential)
        if hasattr(synapse, "jump"):
            found["current"][i] += synapse.jump.py_func(c, x) * per_jump
    return found


def changed_in_lanes(part):
    """Return a part with another value of one number in each lane, and the part of each lane alone.

    Lane 0 has the part itself, as have all lanes beyond the last number.
    """
    fields = [name for name, value in part._asdict().items() if isinstance(value, float)]
    alone = [part, *(part._replace(**{name: getattr(part, name) * 1.05 + 0.01}) for name in fields)]
    lanes = [*alone, *[part] * (LANES - len(alone))]
    return part._replace(**{name: np.array([getattr(p, name) for p in lanes]) for name in fields}), alone
