"""A sweep: plan what is missing, run it, return the dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.errors import InputError
from spikesweep.grid.grid import POINT, Block, Grid
from spikesweep.grid.schema import FAILED, FAILURES, MISSING, NON_FINITE
from spikesweep.store import durable, growth
from spikesweep.sweep.blocks import Sweep, Work, run_block, run_block_isolated
from spikesweep.sweep.compute.base import Lost
from spikesweep.sweep.fingerprint import fingerprint, uses
from spikesweep.sweep.swept import Parameters

#: Neuron steps in a block: about a second. Fixed, not measured, so that a sweep started again from
#: nothing has the same files.
BLOCK_WORK = 1.5e8
#: Points in a block of next to no work: bounds the memory of a task and the loss of a crash.
MAX_BLOCK_POINTS = 10_000
#: Files of a store, about: more and larger points make larger blocks, up to so many times BLOCK_WORK.
MAX_FILES = 7000
_LONGER = 16.0
#: Packages whose other minor version may round otherwise, so that results of both are not mixed; SciPy, too,
#: where a protocol or a component imports it.
DECISIVE_VERSIONS = ("numba", "llvmlite", "numpy")
#: Blocks for every worker at least, where there are enough points: they end together.
_BLOCKS_PER_WORKER = 4


class Monitor(Protocol):
    """Who watches a sweep."""

    def message(self, text: str) -> None:
        """Show a line."""

    def start(self, total: int, done: int) -> None:
        """Begin: so many points, so many of them done before."""

    def advance(self, n: int) -> None:
        """Count points that are done."""

    def stop(self) -> None:
        """End, however it came."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    dataset: xr.Dataset  #: what was asked for, of all that the store holds
    computed: int  #: points computed by this run
    failed: int  #: points asked for that stand as failed or not finite
    missing: int  #: points asked for that are missing still


def run(
    sweep: Sweep, compute: Any, monitor: Monitor, *, overwrite: bool = False, retry: bool = False
) -> Outcome:
    """Compute what is missing of a sweep, and with `retry` what failed before.

    Raises InputError where its store cannot be used.
    """
    if sweep.path.is_symlink():  # what grows is put in the place of the folder, not of its name
        sweep = replace(sweep, path=sweep.path.resolve())
    with durable.locked(sweep.path):
        durable.recover(sweep.path)
        stores.remove_leftovers(sweep.path)
        store = _store(sweep, compute, overwrite).held()
        store.remove_partial_files()
        grid = growth.stored_grid(store, sweep.grid, sweep.defaults)
        wanted = tuple(np.isin(v, asked) for v, asked in zip(grid.values, sweep.grid.values, strict=True))
        work = Work(replace(sweep, grid=grid), store, wanted, to_compute(retry), compute.time_limit)
        return _run(sweep.grid, work, compute, monitor)


def to_compute(retry: bool) -> tuple[int, ...]:
    """Return what the status says of points that a run computes."""
    return (MISSING, NON_FINITE, FAILED) if retry else (MISSING,)


def _run(asked: Grid, work: Work, compute: Any, monitor: Monitor) -> Outcome:
    store, grid = work.store, work.sweep.grid
    everything = Block((0,) * len(grid.shape), grid.shape)
    status = store.status()
    todo = work.todo(status, everything)
    blocks = [block for block in grid.blocks(store.chunks) if todo[block.slices].any()]
    monitor.message(f"{store.path}: {asked.describe()}")
    if blocks:
        if compute.in_process:
            began = perf_counter()
            work.sweep.protocol.prepare(work.sweep.network)
            monitor.message(f"kernels ready in {perf_counter() - began:.1f} s")
        _run_blocks(work, blocks, compute, monitor, asked.n_points, asked.n_points - int(todo.sum()))
    else:
        monitor.message("nothing is missing")
    after = store.status()
    inside = after[np.ix_(*work.wanted)]
    dataset = store.open()
    if asked.shape != grid.shape:
        pairs = zip(asked.values, grid.values, strict=True)
        places = [growth.positions(values, there) for values, there in pairs]
        dataset = dataset.isel(dict(zip(asked.names, places, strict=True)))
    return Outcome(
        dataset,
        computed=int(np.count_nonzero(todo & (after != MISSING))),
        failed=int(np.count_nonzero(np.isin(inside, FAILURES))),
        missing=int(np.count_nonzero(inside == MISSING)),
    )


def _run_blocks(
    work: Work, blocks: list[Block], compute: Any, monitor: Monitor, total: int, before: int
) -> None:
    lost = []
    with compute.started() as running:
        if running.dashboard:
            monitor.message(f"dashboard: {running.dashboard}")
        monitor.start(total, before)
        try:
            for outcome in running.map(partial(run_block, work), blocks):
                if isinstance(outcome, Lost):
                    lost.append(outcome.block)
                else:
                    monitor.advance(outcome.n_points)
            for block in lost:
                monitor.advance(run_block_isolated(work, block).n_points)
        finally:
            monitor.stop()


def _store(sweep: Sweep, compute: Any, overwrite: bool) -> stores.Store:
    """Return the store of a sweep: as it is, grown by what is asked for, or new. Call it under the lock."""
    store = stores.Store.at(sweep.path)
    code = _code(sweep)
    variables = sweep.protocol.variables
    try:
        if store is None or overwrite:
            return _created(sweep, compute, code, replace=store is not None)
        _refuse_other(sweep, store, code)
        old = growth.stored_grid(store, sweep.grid, sweep.defaults)
        new = growth.union(old, sweep.grid)
        if new.shape != old.shape or new.names != tuple(store.attrs["axes"]):
            chunks = new.block_shape(block_points(replace(sweep, grid=new), compute))
            more = {"configuration": dict(sweep.identity)}  # perhaps with interpolations from an added axis
            return growth.grown(store, old, new, variables, _coordinates(sweep, new), chunks, more)
        return store
    except OSError as error:
        raise InputError(f"{sweep.path} cannot be written: {error}") from error


def _code(sweep: Sweep) -> dict[str, str]:
    return fingerprint(_classes(sweep))


def _classes(sweep: Sweep) -> tuple[type, ...]:
    # Parameters also where nothing is swept: a sweep may get such an axis later
    return (type(sweep.protocol), type(sweep.network), Parameters, *sweep.components)


def stored_status(sweep: Sweep, compute: Any, overwrite: bool) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Return what the store of a sweep has of what is asked for, and the shape of blocks; write nothing.

    Raises InputError where a run would be refused.
    """
    store = stores.Store.at(sweep.path)
    status = np.full(sweep.grid.shape, MISSING, np.uint8)
    shape = sweep.grid.block_shape(block_points(sweep, compute))
    if store is None or overwrite:
        return status, shape
    _refuse_other(sweep, store, _code(sweep))
    old = growth.stored_grid(store, sweep.grid, sweep.defaults)
    places = [growth.positions(v, there) for v, there in zip(sweep.grid.values, old.values, strict=True)]
    here = np.ix_(*(np.flatnonzero(place >= 0) for place in places))
    there = np.ix_(*(place[place >= 0] for place in places))
    status[here] = store.status().reshape(old.shape)[there]
    return status, shape


def _created(sweep: Sweep, compute: Any, code: Mapping[str, str], *, replace: bool) -> stores.Store:
    chunks = sweep.grid.block_shape(block_points(sweep, compute))
    attrs = {**sweep.attrs, "configuration": dict(sweep.identity), "code": dict(code)}
    coordinates = _coordinates(sweep, sweep.grid)
    variables = sweep.protocol.variables
    return stores.create(sweep.path, sweep.grid, variables, coordinates, chunks, attrs, replace=replace)


def _coordinates(sweep: Sweep, grid: Grid) -> dict[str, Any]:
    """Return the coordinates of a sweep over a grid: those of dimensions beyond it, and those along axes."""
    found: dict[str, Any] = dict(sweep.coordinates)
    if hasattr(sweep.protocol, "axis_coordinates"):
        for name, along in sweep.protocol.axis_coordinates(sweep.network, grid.coordinates).items():
            dims = along.dims if along.dims[0] in grid.names else (POINT.name,)
            found[name] = replace(along, dims=dims)
    return found


def block_points(sweep: Sweep, compute: Any) -> int:
    """Return how many points a block holds at most."""
    if compute.block_points is not None:
        return int(compute.block_points)
    n_whole = prod(len(v) for v in sweep.grid.whole.values())
    by_work = BLOCK_WORK / max(sweep.protocol.work(sweep.network, sweep.grid.whole), 1.0) * n_whole
    by_files = sweep.grid.n_points * stores.files_of_block(sweep.protocol.variables) / MAX_FILES
    wanted = max(by_work, min(by_files, _LONGER * by_work))
    shared = -(-sweep.grid.n_points // (_BLOCKS_PER_WORKER * compute.n_workers))
    return max(1, min(int(wanted), int(shared), MAX_BLOCK_POINTS))


def _refuse_other(sweep: Sweep, store: stores.Store, code: Mapping[str, str]) -> None:
    """Refuse to mix with a store of another configuration, code or compiler; raise InputError."""
    attrs = store.attrs
    there, here = attrs["configuration"], dict(sweep.identity)
    # what an added axis alone lets others be interpolated from has the stored values at what is configured
    known, axes = there.get("interpolated", {}), {*store.axes, *store.columns()}
    derived = sweep.parameters.derived if sweep.parameters else {}
    new = {key for key, table in derived.items() if key not in known and axes.isdisjoint(table.names)}
    here["interpolated"] = {k: text for k, text in here.get("interpolated", {}).items() if k not in new}
    found = differences({**there, "interpolated": known}, here)
    swept = [axis.key for axis in sweep.grid.swept]
    moved = [line.split(": ", 1) for line in found if line.partition(":")[0] in swept]
    ways = [f"{key}={value.partition(' there')[0]} 'grid.{key}=[...]', " for key, value in moved]
    for name in (*DECISIVE_VERSIONS, *(("scipy",) if uses(_classes(sweep), "scipy") else ())):
        there, here = attrs["versions"].get(name), sweep.attrs["versions"].get(name)
        if _minor(there) != _minor(here):
            found.append(f"{name}: version {there} there, {here} here")
    found += differences(attrs["code"], code, "code of ")
    if found:
        raise InputError(
            f"{store.path} holds another sweep:\n  "
            + "\n  ".join(found)
            + f"\nallowed: {''.join(ways)}another name=..., or overwrite=true (what it holds is lost)"
        )


def _minor(version: Any) -> str:
    return ".".join(str(version).split(".")[:2])


def differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return a line for each value in which two configurations differ."""
    found = []
    for key in sorted({*there, *here}):
        a, b = there.get(key), here.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key}: {_short(a)} there, {_short(b)} here")
    return found


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
