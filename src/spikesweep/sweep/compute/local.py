"""A Dask cluster of this machine: what threads and processes share. The one file that knows Dask."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Annotated, Any

from annotated_types import Ge

from spikesweep.sweep.compute.base import Lost, Running, Task

#: Tasks under way for every worker: enough to keep it busy, few enough to stop at once.
_WINDOW = 2
#: Seconds between two looks at the workers while nothing finishes.
_LOOK = 5.0


@dataclass(frozen=True)
class Local:
    """A Dask cluster of this machine."""

    workers: Annotated[int, Ge(1)] | None
    block_points: Annotated[int, Ge(1)] | None

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time."""
        return self.workers or len(os.sched_getaffinity(0))

    @contextmanager
    def cluster(self, **options: Any) -> Iterator[Running]:
        """Yield what runs tasks on a cluster of so many processes and threads."""
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
