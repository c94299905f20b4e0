"""A Dask cluster of this machine: what threads and processes share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Self

from annotated_types import Ge

from spikesweep.sweep.compute.base import Running
from spikesweep.sweep.compute.private import answer_here_only, own_folder
from spikesweep.sweep.compute.tasks import Tasks, looked_after, replace_lost
from spikesweep.sweep.compute.told import told


@dataclass(frozen=True)
class Local:
    """A Dask cluster of this machine."""

    workers: Annotated[int, Ge(1)] | None
    block_points: Annotated[int, Ge(1)] | None

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time."""
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def pilot(self) -> Self:
        """Return who is asked how long tasks take."""
        return self

    def check(self) -> None:
        """Refuse nothing."""

    @contextmanager
    def cluster(self, **options: Any) -> Iterator[Running]:
        """Yield what runs tasks on a cluster of so many processes and threads."""
        from distributed import Client, LocalCluster

        settings = {
            # by default a cluster that lost about ten workers waits for ever
            "distributed.deploy.lost-worker-timeout": "1h",
            # a block whose worker died is tried again alone, not on worker after worker
            "distributed.scheduler.allowed-failures": 0,
            # nobody looks at a worker's own pages
            "distributed.worker.http.routes": [],
            # workers import from there: by default it is a folder that any user of this machine may have made
            "temporary-directory": str(own_folder()),
        }
        with told(settings):
            # the default dashboard address listens to the whole network; the default limit of memory, that of
            # the machine by its processors, stops workers for ever where there are many and little memory
            options |= {"dashboard_address": "127.0.0.1:0", "memory_limit": 0, "silence_logs": 50}
            cluster = LocalCluster(**options)
            with cluster, Client(cluster) as client, looked_after(replace_lost(cluster)):
                for server in (cluster.scheduler, *cluster.workers.values()):
                    answer_here_only(server)
                # Dask's own link names the machine's outer address, where nothing listens
                port = client.cluster.scheduler.http_server.port
                tasks = Tasks(client, lambda: self.n_workers)
                yield Running(tasks.map, f"http://127.0.0.1:{port}/status", tasks.n_workers)
