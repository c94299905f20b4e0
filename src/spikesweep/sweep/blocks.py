"""The task of a worker: compute what is to be computed of a block, write it, record what failed."""

import os
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter, thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.grid.grid import Block
from spikesweep.grid.ragged import Cells, Ragged, fillable, filled
from spikesweep.grid.schema import COMPUTED, FAILED, MISSING
from spikesweep.sweep.compute.isolation import Death, isolated, watched
from spikesweep.sweep.compute.tasks import memory_here
from spikesweep.sweep.job import Job
from spikesweep.sweep.reduced import Points, Results, called, status_of
from spikesweep.sweep.sent import Sent, Unfit


@dataclass(frozen=True)
class Work:
    """What a worker needs to compute a block: the sweep over the whole store, and which points to compute."""

    job: Job
    store: stores.Store
    wanted: tuple[NDArray[np.bool_], ...]  #: for each axis, the values that are asked for
    redo: tuple[int, ...]  #: statuses of points to compute
    time_limit: float | None = None  #: seconds that a block may take

    def todo(self, status: NDArray[np.uint8], block: Block) -> NDArray[np.bool_]:
        """Return which points of a block are to be computed, given the block's status."""
        mask: NDArray[np.bool_] = np.isin(status, self.redo)
        for i, (asked, part) in enumerate(zip(self.wanted, block.slices, strict=True)):
            mask &= asked[part].reshape(-1, *(1,) * (status.ndim - i - 1))
        return mask

    def chosen(self, status: NDArray[np.uint8], block: Block) -> NDArray[np.bool_]:
        """Return for each point of a block, flat, whether it is to be computed at any of its whole axes."""
        return np.asarray(self.todo(status, block).reshape(-1, self.job.grid.n_whole).any(axis=1), np.bool_)


@dataclass(frozen=True)
class BlockDone:
    """What the driver hears of a block."""

    block: Block
    status: NDArray[np.uint8]  #: of its points, as it stands in the store
    seconds: float  #: that it took
    processor: float  #: seconds of this thread, of which others took none


@dataclass(frozen=True)
class Failure:
    """Why a point has no result."""

    reason: str
    detail: str = ""

    def record(self, points: Points, i: int) -> dict[str, Any]:
        """Return what is kept of it, where it happened at point i."""
        point = {name: values[i].item() for name, values in points.items()}
        return {"point": point, "reason": self.reason, "detail": self.detail}


def run_block(sent: Sent, block: Block) -> BlockDone | Unfit:
    """Compute what is to be computed of a block and write it. What fails at a point is recorded there."""
    work = sent.received(prepare)
    if isinstance(work, Unfit):
        return work
    with watched(work.time_limit):
        return _block(work, block, _together)


def run_block_isolated(sent: Sent, block: Block) -> BlockDone | Unfit:
    """Compute a block whose worker died, point by point in processes that may die of a point."""
    work = sent.received(prepare)
    return work if isinstance(work, Unfit) else _block(work, block, partial(_alone, sent))


def give_up(work: Work, block: Block, reason: str) -> BlockDone:
    """Record for all points of a block that are to be computed that they failed."""
    return _block(work, block, partial(_failed, reason))


def prepare(work: Work) -> None:
    """Compile what blocks will call: the time that it takes is no block's."""
    prepare_job(work.job)


def prepare_job(job: Job) -> None:
    """Compile what points of a job call."""
    with suppress(Exception):  # what cannot be prepared fails at its points, and is recorded there
        job.protocol.prepare(job.network)


def _block(work: Work, block: Block, compute: Any) -> BlockDone:
    began, processor = perf_counter(), thread_time()
    status = work.store.block_status(block)
    chosen = work.chosen(status, block)
    if chosen.any():  # else Dask repeats what a dead worker had done
        points = {name: values[chosen] for name, values in work.job.grid.points(block).items()}
        new, failures = compute(work, points)
        if failures:
            work.store.record_failures([failure.record(points, i) for i, failure in failures.items()])
        with work.store.writing(block):
            status = _written(work, block, chosen, new, list(failures))
    return BlockDone(block, status, perf_counter() - began, thread_time() - processor)


def _written(
    work: Work, block: Block, chosen: NDArray[np.bool_], new: Results, failed: list[int]
) -> NDArray[np.uint8]:
    """Put the results of chosen points into what a block holds now; return the status that it has then."""
    job = work.job
    found, status = work.store.read_whole(block)  # what is damaged must not get a new record
    # another worker may have computed some since, or all
    asked = work.chosen(status, block)[chosen]
    if not asked.any():
        return status
    whole = job.grid.whole
    new_status = status_of(job.variables, whole, new, len(asked))
    new_status[failed] = FAILED
    by_point: Any = (-1, *new_status.shape[1:])
    old = status.reshape(by_point)[chosen]
    # a point may be done at some values of its whole axes: failing at others takes nothing away
    done = np.isin(old, COMPUTED)
    kept = np.isin(np.arange(len(old)), failed) & done.reshape(len(old), -1).any(axis=1) | ~asked
    rows = np.flatnonzero(chosen)[~kept]
    stays = (new_status == FAILED) & done | ~asked.reshape(-1, *(1,) * (new_status.ndim - 1))
    status.reshape(by_point)[chosen] = np.where(stays, old, new_status)
    for variable in job.variables:
        values, n_dims = fillable(found[variable.name]), len(variable.dims)
        flat = values.reshape(*values.shape[:n_dims], -1, *variable.whole_shape(whole))
        index: Any = (*(slice(None),) * n_dims, ~kept)
        _put(flat, n_dims, rows, new[variable.name][index])
        found[variable.name] = filled(values)
    work.store.write_block(block, found, status)
    return status


def results(job: Job, points: Points) -> Results:
    """Return the protocol's results at points, those of swept parameters put together."""
    whole = job.grid.whole
    if job.parameters is None:
        return called(job.protocol, job.network, points, points, whole, job.summary)
    out = _empty(job, n_points(points))
    failures: dict[int, Any] = {}
    for call in job.parameters.calls(points):
        own = {name: values[call.index] for name, values in points.items()}
        found = called(call.protocol, call.network, call.points, own, whole, job.summary)
        for variable in job.variables:
            _put(out[variable.name], len(variable.dims), call.index, found[variable.name])
        # before others are longer
        out["status"][call.index] = status_of(job.variables, whole, found, len(call.index))
        told: Any = found.get("failures", {})
        failures |= {int(call.index[i]): one for i, one in told.items()}
    whole_block: dict[str, Any] = {name: filled(values) for name, values in out.items()}
    return whole_block | {"failures": failures}


def n_points(points: Points) -> int:
    """Return how many points there are."""
    return len(next(iter(points.values())))


def _empty(job: Job, n: int) -> dict[str, Any]:
    """Return room for the results of n points, without any."""
    whole = job.grid.whole
    extra = {name: len(labels) for name, labels in job.coordinates.items()}
    out: dict[str, Any] = {"status": np.full((n, *(len(v) for v in whole.values())), MISSING, np.uint8)}
    for variable in job.variables:
        shape = (*(extra[dim] for dim in variable.dims), n, *variable.whole_shape(whole))
        empty = np.nan if np.dtype(variable.dtype).kind == "f" else 0
        array = np.full(shape, empty, variable.dtype)
        out[variable.name] = Cells.empty(shape, variable.dtype) if variable.ragged else array
    return out


def _put(target: Any, n_dims: int, points: Any, values: NDArray[Any] | Ragged) -> None:
    """Assign the values of some points. Where they have fewer labels than the target, the rest stays."""
    shape = values.sizes.shape if isinstance(values, Ragged) else values.shape
    target[(*(slice(n) for n in shape[:n_dims]), points)] = values


def _together(work: Work, points: Points) -> tuple[Results, dict[int, Failure]]:
    """Compute points in one call; one by one where that raises."""
    try:
        found = results(work.job, points)
        failures: Any = found.pop("failures", {})
        return found, {i: Failure(*told) for i, told in failures.items()}
    except Exception:
        return _assembled(work.job, n_points(points), (_attempt(work.job, p) for p in _each(points)))


def _alone(sent: Sent, work: Work, points: Points) -> tuple[Results, dict[int, Failure]]:
    """Compute points one by one in other processes."""
    each = list(_each(points))
    memory = int(min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, memory_here()))
    answers = isolated(
        partial(_attempt_there, sent), each, partial(_prepare_there, sent), work.time_limit, memory
    )
    return _assembled(work.job, len(each), answers)


def _prepare_there(sent: Sent) -> None:
    sent.received(prepare)


def _attempt_there(sent: Sent, point: Points) -> Results | Failure:
    work = sent.received(prepare)
    return Failure(str(work)) if isinstance(work, Unfit) else _attempt(work.job, point)


def _failed(reason: str, work: Work, points: Points) -> tuple[Results, dict[int, Failure]]:
    """Return for all points that they failed."""
    n = n_points(points)
    return _assembled(work.job, n, [Failure(reason)] * n)


def _each(points: Points) -> Iterator[Points]:
    for i in range(n_points(points)):
        yield {name: values[i : i + 1] for name, values in points.items()}


def _attempt(job: Job, point: Points) -> Results | Failure:
    try:
        found = results(job, point)
        failures: Any = found.pop("failures", {})
        return Failure(*failures[0]) if failures else found
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def _assembled(
    job: Job, n: int, answers: Iterable[Results | Failure | Death]
) -> tuple[Results, dict[int, Failure]]:
    """Return the answers for n single points as the results of all, and those that failed."""
    out = _empty(job, n)
    failures = {}
    for i, answer in enumerate(answers):
        if isinstance(answer, (Failure, Death)):
            failures[i] = answer if isinstance(answer, Failure) else Failure(answer.reason)
        else:
            for variable in job.variables:
                _put(out[variable.name], len(variable.dims), slice(i, i + 1), answer[variable.name])
            out["status"][i : i + 1] = answer.get("status", MISSING)
    return {name: filled(values) for name, values in out.items()}, failures
