"""Processes of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Gt

from spikesweep.sweep.compute.base import Running
from spikesweep.sweep.compute.guard import refuse_unguarded
from spikesweep.sweep.compute.local import Local


@dataclass(frozen=True)
class Processes(Local):
    """One process a worker: a block that crashes, or takes too long, costs no other block."""

    in_process: ClassVar[bool] = False

    time_limit: Annotated[float, "s", Gt(0)] | None

    def check(self) -> None:
        """Refuse a script that its workers would run again; raise InputError."""
        refuse_unguarded()

    @contextmanager
    def started(self, folder: Path) -> Iterator[Running]:
        """Yield what runs tasks."""
        from distributed import Security

        # any user of this machine may connect to its ports: whoever lacks this run's certificate is refused
        security = Security.temporary()
        size = {"n_workers": self.n_workers, "threads_per_worker": 1}
        with self.cluster(processes=True, security=security, **size) as running:
            yield running
