"""How blocks are executed: serially, or on a Dask cluster of this machine. The one module that knows Dask.

Dask may lose, repeat or duplicate anything: truth is only in the store, which the caller reads again.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from threading import Timer
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt

#: A block's task: called with the block, returns what the monitor shows.
Task = Callable[[Any], Any]

#: Tasks under way for every worker: enough to keep it busy, few enough to stop at once.
_WINDOW = 2
#: Seconds between two looks at the workers while nothing finishes.
_LOOK = 5.0


@dataclass(frozen=True)
class Lost:
    """A worker died while it had this block; the block may be the cause, or may not."""

    block: Any


@dataclass(frozen=True)
class Serial:
    """One block after the other in this process."""

    in_process: ClassVar[bool] = True  #: tasks run here and use what was compiled here

    block_points: Annotated[int, Ge(1)] | None

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time."""
        return 1

    @property
    def time_limit(self) -> float | None:
        """Return the seconds that a block may take: nobody could stop it here."""
        return None

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """Yield what runs tasks."""
        yield Running(map, None)


@dataclass(frozen=True)
class _Local:
    """A Dask cluster of this machine."""

    workers: Annotated[int, Ge(1)] | None
    block_points: Annotated[int, Ge(1)] | None

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time."""
        return self.workers or len(os.sched_getaffinity(0))

    @contextmanager
    def _cluster(self, **options: Any) -> Iterator["Running"]:
        import dask
        from distributed import Client, LocalCluster

        settings = {
            # by default a cluster that lost about ten workers waits for ever
            "distributed.deploy.lost-worker-timeout": "1h",
            # a block whose worker died is tried again alone, not on worker after worker
            "distributed.scheduler.allowed-failures": 0,
            # by default any page in the user's browser may talk to the dashboard
            "distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin": [],
        }
        with dask.config.set(settings):
            # the default dashboard address listens to the whole network; the default limit of memory, that of
            # the machine by its processors, stops workers for ever where there are many and little memory
            options |= {"dashboard_address": "127.0.0.1:0", "memory_limit": 0, "silence_logs": 50}
            cluster = LocalCluster(**options)
            with cluster, Client(cluster) as client:
                # Dask's own link names the machine's outer address, where nothing listens
                port = client.cluster.scheduler.http_server.port
                dashboard = f"http://127.0.0.1:{port}/status"
                yield Running(partial(_as_done, client, self.n_workers), dashboard)


@dataclass(frozen=True)
class Threads(_Local):
    """Threads of this process: kernels release the interpreter's lock and are compiled once."""

    in_process: ClassVar[bool] = True

    @property
    def time_limit(self) -> float | None:
        """Return the seconds that a block may take: a thread cannot be stopped."""
        return None

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """Yield what runs tasks."""
        with self._cluster(processes=False, n_workers=1, threads_per_worker=self.n_workers) as running:
            yield running


@dataclass(frozen=True)
class Processes(_Local):
    """One process a worker: a block that crashes, or takes too long, costs no other block."""

    in_process: ClassVar[bool] = False

    time_limit: Annotated[float, "s", Gt(0)] | None

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """Yield what runs tasks."""
        with self._cluster(processes=True, n_workers=self.n_workers, threads_per_worker=1) as running:
            yield running


@dataclass(frozen=True)
class Running:
    """A started executor."""

    map: Callable[[Task, Iterable[Any]], Iterable[Any]]  #: results, or Lost, in the order of their end
    dashboard: str | None  #: address of the dashboard


def _as_done(client: Any, n_workers: int, task: Task, blocks: Iterable[Any]) -> Iterator[Any]:
    """Keep a window of tasks under way; yield each result and forget it at once."""
    from distributed import KilledWorker, wait

    queue = iter(blocks)
    under_way: dict[Any, Any] = {}
    while True:
        for block in islice(queue, _WINDOW * n_workers - len(under_way)):
            under_way[client.submit(task, block, pure=False)] = block
        if not under_way:
            return
        try:
            done = wait(list(under_way), timeout=_LOOK, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            workers = client.cluster.workers
            if len(workers) < len(client.cluster.worker_spec) or not workers:
                client.cluster.scale(len(client.cluster.worker_spec) or n_workers)  # not always replaced
            continue
        for future in done:
            block = under_way.pop(future)
            try:
                yield future.result()
            except KilledWorker:
                yield Lost(block)


@contextmanager
def watched(limit: float | None) -> Iterator[None]:
    """Let this worker process end itself if the context takes more than `limit` seconds."""
    if limit is None:
        yield
        return
    timer = Timer(limit, os._exit, (os.EX_TEMPFAIL,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(frozen=True)
class Death:
    """How a process ended that was to compute something."""

    reason: str


def isolated(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    prepare: Callable[[], Any],
    limit: float | None,
    memory: int | None,
) -> Iterator[Any]:
    """Yield `function(item)` for each item, or a Death, computed in processes that may die of it.

    One process works through the items; where it dies, or takes more than `limit` seconds for one, that
    item is to blame and a fresh process goes on with the next. `prepare` is called first, outside the
    limit. `memory` bounds the data of a process, in bytes.
    """
    context = multiprocessing.get_context("spawn")
    first = 0
    while first < len(items):
        here, there = context.Pipe(duplex=False)
        arguments = (there, function, items[first:], prepare, memory)
        process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        there.close()
        with suppress(EOFError):
            here.recv()  # ready: imported and compiled
        while first < len(items):
            try:
                answer = here.recv() if here.poll(limit) else Death(f"no result within {limit:g} s")
            except EOFError:
                process.join()
                answer = Death(_end_of(process.exitcode))
            first += 1
            yield answer
            if isinstance(answer, Death):
                break
        process.kill()
        process.join()
        here.close()


def _serve(
    there: Any,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    prepare: Callable[[], Any],
    memory: int | None,
) -> None:
    if memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    there.send(prepare())
    for item in items:
        there.send(function(item))


def _end_of(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the process was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"the process ended with exit code {code}"
