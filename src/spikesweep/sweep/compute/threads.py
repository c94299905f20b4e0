"""Threads of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from spikesweep.sweep.compute.base import Running
from spikesweep.sweep.compute.local import Local


@dataclass(frozen=True)
class Threads(Local):
    """Threads of this process: kernels release the interpreter's lock and are compiled once."""

    in_process: ClassVar[bool] = True

    @property
    def time_limit(self) -> float | None:
        """Return the seconds that a block may take: a thread cannot be stopped."""
        return None

    @contextmanager
    def started(self, folder: Path) -> Iterator[Running]:
        """Yield what runs tasks."""
        own = {
            "n_workers": 1,
            "threads_per_worker": self.n_workers,
            "worker_dashboard_address": "127.0.0.1:0",
        }
        with self.cluster(processes=False, **own) as running:
            yield running
