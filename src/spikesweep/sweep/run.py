"""A sweep: plan what is missing, run it, return the dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.errors import InputError, OtherSweepError
from spikesweep.grid.grid import POINT, Block, Grid
from spikesweep.grid.schema import FAILED, FAILURES, MISSING, NON_FINITE
from spikesweep.store import asked_for, durable, growth, turns
from spikesweep.sweep.blocks import Work
from spikesweep.sweep.compute.base import Executor
from spikesweep.sweep.dispatch import Monitor, dispatch
from spikesweep.sweep.fingerprint import models_in
from spikesweep.sweep.identity import code_of, holds_nothing, refuse_other
from spikesweep.sweep.job import Job
from spikesweep.sweep.provenance import creation

if TYPE_CHECKING:
    import xarray as xr

#: Neuron steps in a block: about a second. Fixed, not measured, so that a sweep started again from
#: nothing has the same files.
BLOCK_WORK = 1.5e8
#: Blocks of a sweep: each is some files.
MOST_BLOCKS = 1_000_000
#: Points in a block of next to no work: bounds the memory of a task and the loss of a crash.
MAX_BLOCK_POINTS = 10_000
#: Files of a store, about: more and larger points make larger blocks, up to so many times BLOCK_WORK.
MAX_FILES = 7000
_LONGER = 16.0
#: Blocks of a sweep at least, so that several workers end together, unless they became shorter than this part
#: of BLOCK_WORK. How many workers there are must not matter: the same sweep has the same files anywhere.
_MIN_BLOCKS, _SHORTEST = 8, 1 / 32


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    opened: Callable[[], "xr.Dataset"]  #: returns what was asked for, of all that the store holds
    key: str  #: a hash of the points that were asked for, and of their status
    computed: int  #: points computed by this run
    failed: int  #: points asked for that stand as failed or not finite
    missing: int  #: points asked for that are missing still
    part: bool = False  #: whether the store has labels that were not asked for

    @property
    def dataset(self) -> "xr.Dataset":
        """Return what was asked for, of all that the store holds, read lazily."""
        return self.opened()


def run(
    job: Job, compute: Executor, monitor: Monitor, *, overwrite: bool = False, retry: bool = False
) -> Outcome:
    """Compute what is missing of a sweep, and with `retry` what failed before.

    Raises InputError where its store cannot be used.
    """
    compute.check()
    if job.path.is_symlink():  # what grows is put in the place of the folder, not of its name
        job = replace(job, path=job.path.resolve())
    with durable.locked(job.path):
        with turns.alone(job.path):  # workers of a driver that was killed may still write
            durable.recover(job.path)
            stores.remove_leftovers(job.path)
            store = _store(job, compute, overwrite).held()
            store.remove_partial_files()
            store.remove_sent()
        grid = growth.stored_grid(store, job.grid, job.defaults)
        pairs = zip(grid.values, job.grid.values, strict=True)
        wanted = tuple(growth.positions(values, asked) >= 0 for values, asked in pairs)
        work = Work(replace(job, grid=grid), store, wanted, to_compute(retry), compute.time_limit)
        try:
            return _run(job.grid, work, compute, monitor)
        finally:
            turns.forget(job.path)


def to_compute(retry: bool) -> tuple[int, ...]:
    """Return what the status says of points that a run computes."""
    return (MISSING, NON_FINITE, FAILED) if retry else (MISSING,)


def _run(asked: Grid, work: Work, compute: Executor, monitor: Monitor) -> Outcome:
    store, grid = work.store, work.job.grid
    status = store.status()
    todo = work.todo(status, Block((0,) * len(grid.shape), grid.shape))
    blocks = [block for block in grid.blocks(store.chunks) if todo[block.slices].any()]
    if work.job.beside:
        monitor.message(f"kept beside another: {work.job.beside}")
    monitor.message(f"{store.path}: {asked.describe()}")
    if blocks:
        # the status is not read again: another host may see a file a while after it was written
        dispatch(work, blocks, compute, monitor, status, todo, asked)
    else:
        monitor.message("nothing is missing")
    inside = status[np.ix_(*work.wanted)]

    def opened() -> "xr.Dataset":
        dataset = store.open()
        if asked.shape == grid.shape:
            return dataset
        pairs = zip(asked.values, grid.values, strict=True)
        places = [growth.positions(values, there) for values, there in pairs]
        return dataset.isel(dict(zip(asked.names, places, strict=True)))

    return Outcome(
        opened,
        _key(asked, inside, store.attrs),
        computed=int(np.count_nonzero(todo & (status != MISSING))),
        failed=int(np.count_nonzero(np.isin(inside, FAILURES))),
        missing=int(np.count_nonzero(inside == MISSING)),
        part=asked.shape != grid.shape,
    )


def _key(asked: Grid, status: NDArray[np.uint8], attrs: Mapping[str, Any]) -> str:
    """Return a hash of what a figure of these points shows: of which store, and which of them are there."""
    whose = [attrs.get(name) for name in ("created", "versions", "configuration", "code")]
    found = sha256(repr(whose).encode())
    for name, values in asked.coordinates.items():
        found.update(name.encode() + repr(values.tolist()).encode())
    found.update(status.tobytes())
    return found.hexdigest()


def _store(job: Job, compute: Executor, overwrite: bool) -> stores.Store:
    """Return the store of a sweep: as it is, grown by what is asked for, or new. Call it under the lock."""
    store = stores.Store.at(job.path)
    code = code_of(job)
    variables = job.variables
    try:
        if store is None or overwrite:
            return _created(job, compute, code, replace=store is not None)
        if _is_begun_anew(job, store, code):
            return _created(job, compute, code, replace=True)
        old = growth.stored_grid(store, job.grid, job.defaults)
        new = growth.union(old, job.grid)
        if new.shape != old.shape or new.names != tuple(store.attrs["axes"]):
            chunks = new.block_shape(block_points(replace(job, grid=new), compute))
            # perhaps with interpolations from an added axis; a list that goes on is no sample any more
            more = {"configuration": dict(job.identity), "sample": _sample_of(store, old, job.grid)}
            coordinates = _coordinates(job, new)
            return growth.grown(store, old, new, variables, coordinates, chunks, more, job.grid)
        asked_for.note(store.path, asked_for.requests(store.path), job.grid, store.axis_values())
        return store
    except OSError as error:
        raise InputError(f"{job.path} cannot be written: {error}") from error


def _sample_of(store: stores.Store, old: Grid, asked: Grid) -> Mapping[str, Any] | None:
    """Return how the points of a grown store were sampled: as those of the longer list."""
    there, here = (len(grid.coordinates.get(POINT.name, ())) for grid in (old, asked))
    found: Mapping[str, Any] | None = store.attrs.get("sample") if there > here else asked.sample
    return found or None


def _is_begun_anew(job: Job, store: stores.Store, code: Mapping[str, str]) -> bool:
    """Return whether a store is another sweep's and nothing is lost with it: a mistake that is mended.

    Raises InputError for another sweep's store that holds results, or may: a lost status looks like none.
    """
    try:
        refuse_other(job, store, code)
    except InputError as error:
        if holds_nothing(store):
            return True
        if isinstance(error, OtherSweepError):  # made since this one was given its place
            raise InputError(f"{error}; allowed: the same command again, which goes beside it") from error
        raise
    return False


def stored_status(job: Job, compute: Executor, overwrite: bool) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Return what the store of a sweep has of what is asked for, and the shape of blocks; write nothing.

    Raises InputError where a run would be refused.
    """
    store = stores.Store.at(job.path)
    status = np.full(job.grid.shape, MISSING, np.uint8)
    shape = job.grid.block_shape(block_points(job, compute))
    if store is None or overwrite:
        return status, shape
    if _is_begun_anew(job, store, code_of(job)):
        return status, shape
    old = growth.stored_grid(store, job.grid, job.defaults)
    places = [growth.positions(v, there) for v, there in zip(job.grid.values, old.values, strict=True)]
    here = np.ix_(*(np.flatnonzero(place >= 0) for place in places))
    there = np.ix_(*(place[place >= 0] for place in places))
    status[here] = store.status().reshape(old.shape)[there]
    return status, shape


def _created(job: Job, compute: Executor, code: Mapping[str, str], *, replace: bool) -> stores.Store:
    chunks = job.grid.block_shape(block_points(job, compute))
    made = {**creation(), "configuration": dict(job.identity), "code": dict(code)}
    attrs = {**job.attrs, **made, **models_in(code)}
    coordinates = _coordinates(job, job.grid)
    variables = job.variables
    return stores.create(job.path, job.grid, variables, coordinates, chunks, attrs, replace=replace)


def _coordinates(job: Job, grid: Grid) -> dict[str, Any]:
    """Return the coordinates of a sweep over a grid: those of dimensions beyond it, and those along axes."""
    found: dict[str, Any] = dict(job.coordinates)
    for name, along in job.protocol.axis_coordinates(job.network, grid.coordinates).items():
        dims = along.dims if along.dims[0] in grid.names else (POINT.name,)
        found[name] = replace(along, dims=dims)
    return found


def block_points(job: Job, compute: Executor) -> int:
    """Return how many points a block holds at most; raise InputError where that makes too many blocks."""
    found = _block_points(job, compute)
    n = prod(-(-k // step) for k, step in zip(job.grid.shape, job.grid.block_shape(found), strict=True))
    if n > MOST_BLOCKS:
        raise InputError(
            f"{job.grid.describe()} in blocks of {found} (compute.block_points = {compute.block_points}) are "
            f"{n:,} blocks; allowed: at most {MOST_BLOCKS:,}, several files each"
        )
    return found


def _block_points(job: Job, compute: Executor) -> int:
    if compute.block_points is not None:
        return int(compute.block_points)
    by_work = BLOCK_WORK / max(job.protocol.work(job.network, job.grid.whole), 1.0) * job.grid.n_whole
    by_files = job.grid.n_points * stores.files_of_block(job.variables) / MAX_FILES
    wanted = max(by_work, min(by_files, _LONGER * by_work))
    shared = max(-(-job.grid.n_points // _MIN_BLOCKS), _SHORTEST * by_work)
    return max(1, min(int(wanted), int(shared), MAX_BLOCK_POINTS))
