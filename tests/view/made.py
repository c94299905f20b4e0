"""Stores of any shape, without a simulation: what a page draws is known exactly."""

import numpy as np

from spikesweep.grid.grid import POINT, Block, Grid
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import FAILED, OK, Axis, Variable
from spikesweep.store import create

ATTRS = {
    "created": "2026-01-01T00:00:00+00:00",
    "versions": {"python": "3"},
    "code": {},
    "configuration": {"choices": {"protocol": "made"}, "network": {"populations": ["RS"]}},
}
RATE = Variable("rate", ("population",), "Hz", "mean output rate")
SPIKES = (
    Variable("spike_times", ("population",), "ms", "times of spikes", ragged="spike"),
    Variable("spike_neuron", ("population",), "1", "who", dtype="int32", ragged="spike"),
)


def grid_of(**axes):
    """Return a grid of names with (values, unit)."""
    own = tuple(Axis(name, unit, f"what {name} is", -np.inf) for name, (_, unit) in axes.items())
    return Grid(own, tuple(np.asarray(values) for values, _ in axes.values()))


def list_of(**columns):
    """Return points that are no grid, of names with (values, unit)."""
    named = tuple((Axis(n, unit, n, -np.inf), np.asarray(v)) for n, (v, unit) in columns.items())
    return Grid((POINT,), (np.arange(len(named[0][1])),), named)


def rate_at(grid):
    """Return the rate that a store has at each point: another one everywhere."""
    return np.arange(grid.n_points, dtype=np.float64).reshape(grid.shape) / 7.0


def make(path, grid, chunks, *, populations=("RS", "FS"), spikes=False, variables=(RATE,), attrs=None):
    """Return an empty store."""
    variables = (*variables, *(SPIKES if spikes else ()))
    labels = {"population": list(populations)} if populations else {}
    return create(path, grid, variables, labels, chunks, {**ATTRS, **(attrs or {})})


def fill(store, grid, blocks=None, *, failed=(), spikes=False, add=0.0):
    """Compute blocks: the rate of the second population is the negative of the first's."""
    rate = rate_at(grid) + add
    for block in list(grid.blocks(store.chunks))[blocks or slice(None)]:
        part = rate[block.slices]
        status = np.full(part.shape, OK, np.uint8)
        for index in failed:
            inside = all(a <= i < b for i, a, b in zip(index, block.start, block.stop, strict=True))
            if inside:
                status[tuple(i - a for i, a in zip(index, block.start, strict=True))] = FAILED
        values = np.where(status == OK, np.stack([part, -part]), np.nan)
        results = {"rate": values}
        if spikes:
            sizes = np.where(status == OK, np.full((2, *part.shape), 6), 0).astype(np.int64)
            n = sizes.sum() // 6
            times = Ragged(np.tile(np.arange(1.0, 7.0), n), sizes)
            results |= {
                "spike_times": times,
                "spike_neuron": Ragged(np.tile(np.arange(6, dtype=np.int32) % 3, n), sizes),
            }
        store.write_block(block, results, status)


def fail(store, grid, index, reason="RuntimeError: no", detail="Traceback ...\nRuntimeError: no\n"):
    """Record a failure at a point."""
    values = zip(grid.names, grid.values, index, strict=True)
    store.record_failures(
        [{"point": {n: v[i].item() for n, v, i in values}, "reason": reason, "detail": detail}]
    )


def done(store):
    """Return which points have results."""
    return store.status() == OK


def block(store, start):
    """Return the block that begins at a point."""
    return Block(start, tuple(a + n for a, n in zip(start, store.chunks, strict=True)))
