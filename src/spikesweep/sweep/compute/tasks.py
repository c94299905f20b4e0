"""Tasks on Dask's workers, a sliding window of them under way. Whatever Dask loses is told."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from math import inf
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

from spikesweep.sweep.compute.base import Lost, Task

#: Of tasks, in the order in which they are sent.
_number = count()
#: Seconds between two looks at the workers.
_LOOK = 5.0
#: Tasks under way for every worker: enough to keep it busy, few enough to stop at once.
_WINDOW = 2
#: The part of the window that is sent at a time: one task alone costs the scheduler twice as much.
_BATCH = 5


def _no_name(item: Any) -> str:
    return ""


@dataclass(frozen=True)
class Tasks:
    """What runs tasks through a Dask client, so many at a time."""

    client: Any
    n_workers: Callable[[], int]
    check: Callable[[], None] = lambda: None  #: raises where no worker will ever come

    def map(self, task: Task, items: Sequence[Any], names: Callable[[Any], str] = _no_name) -> Iterator[Any]:
        """Keep a window of tasks under way; yield each result, or Lost, and forget it at once.

        Raises ConnectionError where the scheduler is gone.
        """
        finished: SimpleQueue[Any] = SimpleQueue()
        under_way: dict[Any, tuple[Any, Any]] = {}
        waiting = iter(items)
        while True:
            window = _WINDOW * max(1, self.n_workers())
            room = window - len(under_way)
            with _or_gone(self.client):
                if room >= max(1, window // _BATCH) and (batch := list(islice(waiting, room))):
                    # the first part of a key is what the dashboard counts by, so it is not the block's own
                    # and no key comes twice: a block that is tried again would have the outcome of before
                    keys = [("block", names(item), next(_number)) for item in batch]
                    futures = self.client.map(task, batch, key=keys, pure=False)
                    for item, future in zip(batch, futures, strict=True):
                        under_way[future.key] = future, item
                        future.add_done_callback(finished.put)
                found = self._results(self._drained(finished), under_way) if under_way else []
            if not found:
                return
            yield from found

    def _results(self, done: list[Any], under_way: dict[Any, tuple[Any, Any]]) -> list[Any]:
        """Return the results of futures, or Lost, and forget them."""
        from distributed import KilledWorker

        whole = [future for future in done if future.status == "finished"]
        try:
            found = list(self.client.gather(whole))
        except KilledWorker:  # those who held a result died, and then those who had to compute it again
            whole, found = [], []
        for future in done:
            if future not in whole:
                try:
                    found.append(future.result())
                except KilledWorker:
                    found.append(Lost(under_way[future.key][1]))
            del under_way[future.key]
        return found

    def _drained(self, finished: "SimpleQueue[Any]") -> list[Any]:
        """Return the futures that have finished, at least one."""
        done: list[Any] = []
        while True:
            try:
                done.append(finished.get(timeout=0.0 if done else _LOOK))
            except Empty:
                if done:
                    return done
                if self.client.status != "running":
                    raise ConnectionError("the connection is lost") from None
                self.check()


@contextmanager
def _or_gone(client: Any) -> Iterator[None]:
    """Say in one line, by ConnectionError, that the scheduler is gone."""
    from asyncio import CancelledError as Cancelled
    from concurrent.futures import CancelledError

    where = client.scheduler.address if client.scheduler else "?"
    try:
        yield
    except (Cancelled, CancelledError, OSError) as error:
        if isinstance(error, OSError) and client.status == "running":  # what a task raised, as a full disk
            raise
        raise ConnectionError(f"the scheduler at {where} is gone; the same command continues") from error


def memory_here() -> float:
    """Return the bytes that this process may use as the worker that it is, infinity where nobody says."""
    from distributed import get_worker

    try:
        return get_worker().memory_manager.memory_limit or inf
    except ValueError:  # it is none
        return inf


@contextmanager
def looked_after(look: Callable[[], None]) -> Iterator[None]:
    """Call a function every few seconds: what replaces workers must not wait for a block to end."""
    over = Event()

    def run() -> None:
        while not over.wait(_LOOK):
            look()

    thread = Thread(target=run, daemon=True, name="looks at the workers")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def replace_lost(cluster: Any) -> Callable[[], None]:
    """Return what lets a cluster have as many workers as were asked of it: it does not always see to it."""

    def look() -> None:
        if len(cluster.workers) < len(cluster.worker_spec):
            cluster.scale(len(cluster.worker_spec))

    return look


def end_with_driver(client: Any) -> None:
    """Let the process of a worker end with it, whatever it computes: nobody waits for that any more."""
    from distributed import WorkerPlugin

    class EndsWithDriver(WorkerPlugin):
        def teardown(self, worker: Any) -> None:
            os._exit(0)

    client.register_plugin(EndsWithDriver())
