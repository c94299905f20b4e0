"""A sweep: plan what is missing, run it, return the dataset."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.errors import InputError
from spikesweep.execute import WorkerLost
from spikesweep.fingerprint import fingerprint
from spikesweep.grid import Block, Grid
from spikesweep.protocols.base import Experiment

#: Neuron steps in a block: about a second. Fixed, not measured, so that a sweep started again from
#: nothing has the same files.
BLOCK_WORK = 1.5e8
#: Points in a block of next to no work: bounds the memory of a task and the loss of a crash.
MAX_BLOCK_POINTS = 10_000
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
class Sweep:
    """One protocol on one network over one grid, and where its store is."""

    protocol: Experiment
    network: Any
    grid: Grid
    path: Path
    identity: Mapping[str, Any]  #: the configuration that decides the results, as plain values
    attrs: Mapping[str, Any] = field(default_factory=dict)  #: more for the store: versions, commit
    components: tuple[type, ...] = ()  #: classes whose code decides the results
    parameters: Any = None  #: the swept parameters of the configuration (parameters.Parameters)


@dataclass(frozen=True)
class BlockDone:
    """What the driver hears of a block."""

    n_points: int
    n_failed: int


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    dataset: xr.Dataset
    computed: int  #: points computed by this run
    failed: int  #: points that stand as failed or not finite in the store
    missing: int


def run(sweep: Sweep, compute: Any, monitor: Monitor, *, overwrite: bool = False) -> Outcome:
    """Compute what is missing of a sweep. Raise InputError where its store cannot be used."""
    store = _store(sweep, compute, overwrite)
    with store.locked():
        store.remove_partial_files()
        return _run(sweep, store, compute, monitor)


def _run(sweep: Sweep, store: stores.Store, compute: Any, monitor: Monitor) -> Outcome:
    status = store.status()
    blocks = [
        block for block in sweep.grid.blocks(store.chunks) if (status[block.slices] == stores.MISSING).any()
    ]
    total, before = status.size, int(np.count_nonzero(status))
    monitor.message(f"{store.path}: {sweep.grid.describe()}")
    if blocks:
        if compute.in_process:
            began = perf_counter()
            sweep.protocol.prepare(sweep.network)
            monitor.message(f"kernels compiled in {perf_counter() - began:.1f} s")
        with compute.started() as running:
            if running.dashboard:
                monitor.message(f"dashboard: {running.dashboard}")
            monitor.start(total, before)
            try:
                for outcome in running.map(partial(run_block, sweep, store), blocks):
                    if not isinstance(outcome, WorkerLost):
                        monitor.advance(outcome.n_points)
            finally:
                monitor.stop()
        status = store.status()
    else:
        monitor.message("nothing is missing")
    done = int(np.count_nonzero(status))
    failed = int(np.count_nonzero(status > stores.OK))
    return Outcome(store.open(), done - before, failed, total - done)


def run_block(sweep: Sweep, store: stores.Store, block: Block) -> BlockDone:
    """Compute a block and write it. What fails at a point is recorded there."""
    points = sweep.grid.points(block)
    whole = sweep.grid.whole
    n_whole = tuple(len(v) for v in whole.values())
    n = len(next(iter(points.values())))
    status = np.full((n, *n_whole), stores.OK, np.uint8)
    try:
        found = results(sweep, points, whole)
    except Exception:
        found = _one_by_one(sweep, store, points, whole, status)
    for variable in sweep.protocol.variables:
        values = found[variable.name]
        if values.dtype.kind == "f":
            finite = np.isfinite(values).all(axis=tuple(range(len(variable.dims))))
            status[~finite & (status == stores.OK)] = stores.NON_FINITE
    shaped = {
        name: values.reshape(*values.shape[: values.ndim - status.ndim], *block.shape)
        for name, values in found.items()
    }
    store.write_block(block, shaped, status.reshape(block.shape))
    return BlockDone(block.n_points, int(np.count_nonzero(status > stores.OK)))


def results(
    sweep: Sweep, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the protocol's results at points, those of swept parameters put together."""
    if sweep.parameters is None:
        return sweep.protocol(sweep.network, points, whole)
    out: dict[str, NDArray[Any]] = {}
    n = len(next(iter(points.values())))
    for call in sweep.parameters.calls(points):
        part = call.protocol(call.network, call.points, whole)
        for variable in sweep.protocol.variables:
            found, at = part[variable.name], len(variable.dims)
            shape = (*found.shape[:at], n, *found.shape[at + 1 :])
            values = out.setdefault(variable.name, np.empty(shape, found.dtype))
            values[(*(slice(None),) * at, call.index)] = found
    return out


def _one_by_one(
    sweep: Sweep,
    store: stores.Store,
    points: Mapping[str, NDArray[Any]],
    whole: Mapping[str, NDArray[Any]],
    status: NDArray[np.uint8],
) -> dict[str, NDArray[Any]]:
    """Compute a block's points alone, after one of them raised, and record those that raise."""
    extra = {name: len(labels) for name, labels in sweep.protocol.coordinates(sweep.network).items()}
    together = {
        variable.name: np.full(
            (*(extra[dim] for dim in variable.dims), *status.shape),
            np.nan if np.dtype(variable.dtype).kind == "f" else 0,
            variable.dtype,
        )
        for variable in sweep.protocol.variables
    }
    for i in range(len(status)):
        point = {name: values[i : i + 1] for name, values in points.items()}
        try:
            alone = results(sweep, point, whole)
        except Exception:
            status[i] = stores.FAILED
            store.record_failure({k: v[0].item() for k, v in point.items()}, traceback.format_exc())
        else:
            for variable in sweep.protocol.variables:
                index = (slice(None),) * len(variable.dims)
                together[variable.name][(*index, slice(i, i + 1))] = alone[variable.name]
    return together


def stored_status(sweep: Sweep, compute: Any, overwrite: bool) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Return what the store of a sweep has of its grid, and its blocks' shape; write nothing.

    Raise InputError where a run would be refused.
    """
    store = stores.Store.at(sweep.path)
    if store is None or overwrite:
        shape = sweep.grid.block_shape(block_points(sweep, compute))
        return np.full(sweep.grid.shape, stores.MISSING, np.uint8), shape
    _refuse_other(sweep, store, _code(sweep))
    return store.status(), store.chunks


def _code(sweep: Sweep) -> str:
    return fingerprint((type(sweep.protocol), type(sweep.network), *sweep.components))


def _store(sweep: Sweep, compute: Any, overwrite: bool) -> stores.Store:
    store = stores.Store.at(sweep.path)
    code = _code(sweep)
    if store is not None and not overwrite:
        _refuse_other(sweep, store, code)
        return store
    if store is not None:
        with store.locked():
            pass  # another driver is writing: refused
    chunks = sweep.grid.block_shape(block_points(sweep, compute))
    attrs = {**sweep.attrs, "configuration": dict(sweep.identity), "code": code}
    coordinates = sweep.protocol.coordinates(sweep.network)
    try:
        return stores.create(sweep.path, sweep.grid, sweep.protocol.variables, coordinates, chunks, attrs)
    except OSError as error:
        raise InputError(f"{sweep.path} cannot be written: {error}") from error


def block_points(sweep: Sweep, compute: Any) -> int:
    """Return how many points a block holds at most."""
    if compute.block_points is not None:
        return int(compute.block_points)
    n_whole = prod(len(v) for v in sweep.grid.whole.values())
    by_work = BLOCK_WORK / max(sweep.protocol.work(sweep.network, sweep.grid.whole), 1.0) * n_whole
    shared = -(-sweep.grid.n_points // (_BLOCKS_PER_WORKER * compute.n_workers))
    return max(1, min(int(by_work), int(shared), MAX_BLOCK_POINTS))


def _refuse_other(sweep: Sweep, store: stores.Store, code: str) -> None:
    """Refuse to mix with a store of another configuration, grid or code; raise InputError."""
    attrs = store.attrs
    differences = _differences(attrs["configuration"], dict(sweep.identity))
    stored, wanted = store.axis_values(), sweep.grid.coordinates
    for name in dict.fromkeys((*stored, *wanted)):
        there, here = stored.get(name), wanted.get(name)
        if there is None or here is None or not np.array_equal(there, here):
            differences.append(f"grid.{name}: {_short(there)} there, {_short(here)} here")
    if attrs["code"] != code:
        differences.append(f"code of the model: {attrs['code']} there, {code} here")
    if differences:
        raise InputError(
            f"{store.path} holds another sweep:\n  "
            + "\n  ".join(differences)
            + "\nallowed: another name=..., or overwrite=true (what it holds is lost)"
        )


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in sorted({*there, *here}):
        a, b = there.get(key), here.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key}: {_short(a)} there, {_short(b)} here")
    return found


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        shown = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value[:4].tolist())
        return f"[{shown}{', ...' if len(value) > 4 else ''}] ({len(value)} values)"
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
