"""How blocks are executed: serially, or on a Dask cluster of this machine. The one module that knows Dask.

Dask may lose, repeat or duplicate anything: truth is only in the store, which the caller reads again.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

#: A block's task: called with the block, returns what the monitor shows.
Task = Callable[[Any], Any]

#: Tasks under way for every worker thread: enough to keep it busy, few enough to stop at once.
_WINDOW = 2


class WorkerLost(RuntimeError):
    """A worker died with this block; what else it did is in the store."""


@dataclass(frozen=True)
class Serial:
    """One block after the other in this process."""

    block_points: Annotated[int, Ge(1)] | None

    in_process: ClassVar[bool] = True  #: tasks run here and use what was compiled here

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time."""
        return 1

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
            # by default any page in the user's browser may talk to the dashboard
            "distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin": [],
        }
        with dask.config.set(settings):
            # the default dashboard address listens to the whole network
            cluster = LocalCluster(dashboard_address="127.0.0.1:0", silence_logs=50, **options)
            with cluster, Client(cluster) as client:
                # Dask's own link names the machine's outer address, where nothing listens
                port = client.cluster.scheduler.http_server.port
                dashboard = f"http://127.0.0.1:{port}/status"
                yield Running(partial(_as_done, client, self.n_workers), dashboard)


@dataclass(frozen=True)
class Threads(_Local):
    """Threads of this process: kernels release the interpreter's lock and are compiled once."""

    in_process: ClassVar[bool] = True

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """Yield what runs tasks."""
        with self._cluster(processes=False, n_workers=1, threads_per_worker=self.n_workers) as running:
            yield running


@dataclass(frozen=True)
class Processes(_Local):
    """One process a worker."""

    in_process: ClassVar[bool] = False

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """Yield what runs tasks."""
        with self._cluster(processes=True, n_workers=self.n_workers, threads_per_worker=1) as running:
            yield running


@dataclass(frozen=True)
class Running:
    """A started executor."""

    map: Callable[[Task, Iterable[Any]], Iterable[Any]]  #: results in the order in which they are ready
    dashboard: str | None  #: address of the dashboard


def _as_done(client: Any, n_workers: int, task: Task, blocks: Iterable[Any]) -> Iterator[Any]:
    from distributed import KilledWorker, as_completed

    queue = iter(blocks)

    def submit(n: int) -> list[Any]:
        return [client.submit(task, block, pure=False) for block in islice(queue, n)]

    completed = as_completed(submit(_WINDOW * n_workers))
    try:
        for future in completed:
            completed.update(submit(1))
            try:
                yield future.result()
            except KilledWorker as error:
                yield WorkerLost(str(error))
            finally:
                future.release()
    finally:
        with suppress(Exception):
            client.cancel(list(completed.futures))
