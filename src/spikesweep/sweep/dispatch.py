"""Blocks handed to an executor: what comes back is counted, what was lost is computed again with care."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from threading import Timer
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.grid import Block, Grid
from spikesweep.grid.schema import FAILURES
from spikesweep.grid.texts import place_text
from spikesweep.store import timings
from spikesweep.sweep.account import Account, logged
from spikesweep.sweep.blocks import BlockDone, Work, give_up, prepare, run_block, run_block_isolated
from spikesweep.sweep.compute.base import Executor, Lost, Running
from spikesweep.sweep.sent import Sent, Unfit

#: Seconds of compiling after which a person wonders.
_SILENT = 2.0


class Monitor(Protocol):
    """Who watches a sweep."""

    def message(self, text: str) -> None:
        """Show a line, or several."""

    def dashboard(self, address: str) -> None:
        """Tell where the tasks of Dask can be watched."""

    def start(self, total: int, done: int, n_workers: Callable[[], int]) -> None:
        """Begin: so many points, so many of them done before; how many blocks run at a time, when asked."""

    def advance(self, n: int, failed: int = 0) -> None:
        """Count points that are done, and how many of them failed."""

    def stop(self) -> None:
        """End, however it came."""


def dispatch(
    work: Work,
    blocks: list[Block],
    compute: Executor,
    monitor: Monitor,
    status: NDArray[np.uint8],
    todo: NDArray[np.bool_],
    asked: Grid,
) -> None:
    """Compute blocks, and put into `status` what became of their points.

    Raises InputError where a worker cannot take part.
    """
    if compute.in_process:
        _compile(work, monitor)
    n_todo = int(todo.sum())
    account = Account()
    with (
        logged(work.store.path, f"{n_todo} points missing of {asked.describe()}") as say,
        _started(work, compute, monitor) as (sent, running),
    ):
        say(running.about)
        monitor.start(asked.n_points, asked.n_points - n_todo, running.n_workers)
        account.pass_time(running.n_workers())
        with closing(_computed(work, blocks, sent, running)) as found:
            for done in found:
                here = done.block.slices
                status[here] = done.status
                new = done.status[todo[here]]
                if new.size:
                    timings.note(work.store, work.store.chunk_of(done.block), new.size, done.seconds)
                account.add(new.size, done.seconds, done.processor, place_text(work.job.grid, done.block))
                account.pass_time(running.n_workers())
                monitor.advance(new.size, int(np.isin(new, FAILURES).sum()))
        say(f"ends: {account.points} points computed\n{account}")
    if text := str(account):
        monitor.message(text)


def _compile(work: Work, monitor: Monitor) -> None:
    """Compile what blocks call; say so where it takes a while."""
    began = perf_counter()
    text = "compiling kernels: up to a minute, once; they are kept for later runs"
    soon = Timer(_SILENT, monitor.message, [text])
    soon.daemon = True
    soon.start()
    try:
        prepare(work)
    finally:
        soon.cancel()
    monitor.message(f"kernels ready in {perf_counter() - began:.1f} s")


@contextmanager
def _started(work: Work, compute: Executor, monitor: Monitor) -> Iterator[tuple[Sent, Running]]:
    """Yield what all tasks share, and the executor that runs them."""
    # workers may be in other folders
    there = replace(work, store=replace(work.store, path=work.store.path.absolute()))
    sent = Sent.of(there, there.store, travels=not compute.in_process)
    try:
        with compute.started(work.store.path.with_suffix(".jobs")) as running:
            if running.about:
                monitor.message(running.about)
            if running.dashboard:
                monitor.dashboard(running.dashboard)
            yield sent, running
    finally:
        monitor.stop()
        sent.forget()
        work.store.remove_sent()


def _computed(
    work: Work, blocks: list[Block], sent: Sent, running: Running
) -> Generator[BlockDone, None, None]:
    """Yield what became of each block."""
    names = partial(place_text, work.job.grid)
    for task in (run_block, run_block_isolated):
        asked, blocks = blocks, []
        for outcome in running.map(partial(task, sent), asked, names):
            if isinstance(outcome, Unfit):
                raise InputError(str(outcome))
            if isinstance(outcome, Lost):
                blocks.append(outcome.item)
            else:
                yield outcome
    for block in blocks:
        yield give_up(work, block, "every worker died that was to compute it")
