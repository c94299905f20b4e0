"""What a sweep takes on the disk: bytes and files."""

from dataclasses import replace
from math import prod

import numpy as np

from spikesweep import store as stores
from spikesweep.grid.grid import Grid
from spikesweep.grid.schema import MISSING
from spikesweep.store import asked_for, growth
from spikesweep.sweep.compute.base import Executor
from spikesweep.sweep.job import Job
from spikesweep.sweep.run import block_points


def n_bytes(job: Job) -> int:
    """Return how much the results of all points are before they are compressed, ragged ones left out."""
    extra = job.coordinates
    itemsizes = (prod(len(extra[d]) for d in v.dims) * np.dtype(v.dtype).itemsize for v in job.variables)
    return job.grid.n_points * (sum(itemsizes) + 1)


def n_files(job: Job, compute: Executor, *, overwrite: bool) -> int:
    """Return how many files the store will have once all that is asked for is computed, and nothing failed.

    Of ragged results about: a block without values has none, one with very many more than one a variable.
    Raises InputError where a run would be refused.
    """
    store = None if overwrite else stores.Store.at(job.path)
    grid, old = job.grid, None
    if store is not None and (store.status() != MISSING).any():
        old = growth.stored_grid(store, job.grid, job.defaults)
        grid = growth.union(old, job.grid)
    is_as_it_was = store is not None and grid.shape == store.status().shape and grid.names == store.axes
    if store is not None and is_as_it_was:
        chunks = store.chunks
    else:
        chunks = grid.block_shape(block_points(replace(job, grid=grid), compute))
    written = np.zeros(grid.shape, np.bool_)
    written[_places(job.grid, grid)] = True
    if store is not None and old is not None:
        written[_places(old, grid)] |= store.status().reshape(old.shape) != MISSING
    n_blocks = sum(bool(written[block.slices].any()) for block in grid.blocks(chunks))
    beside = job.protocol.axis_coordinates(job.network, grid.coordinates)
    n_coordinates = len(grid.axes) + len(grid.columns) + len({**job.coordinates, **beside})
    variables = job.variables
    before = asked_for.requests(job.path) if store is not None else None
    if old is not None and not is_as_it_was:
        before = [{**asked_for.request(old), **one} for one in before or [asked_for.request(old)]]
    values = dict(zip(grid.names, grid.values, strict=True))
    whole = before is None or asked_for.mask([*before, asked_for.request(job.grid)], values).all()
    n_empty = stores.files_of_empty(variables, n_coordinates) + (not whole)
    return n_empty + n_blocks * stores.files_of_block(variables)


def _places(part: Grid, whole: Grid) -> tuple[np.ndarray, ...]:
    """Return an index of the points of a part."""
    pairs = zip(part.values, whole.values, strict=True)
    return np.ix_(*(growth.positions(values, there) for values, there in pairs))
