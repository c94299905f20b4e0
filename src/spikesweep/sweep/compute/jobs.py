"""Workers that are jobs of a cluster's queue: what Slurm, PBS and the others share, through dask-jobqueue."""

import re
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Annotated, Any, ClassVar
from unittest.mock import patch

from annotated_types import Ge, Gt

from spikesweep.errors import InputError
from spikesweep.grid.texts import walltime_seconds
from spikesweep.sweep.compute.base import Running
from spikesweep.sweep.compute.private import answer_here_only, own_folder
from spikesweep.sweep.compute.queue import Keeper, noting
from spikesweep.sweep.compute.tasks import Tasks, end_with_driver, looked_after
from spikesweep.sweep.compute.threads import Threads
from spikesweep.sweep.compute.told import told

_WALLTIME = re.compile(r"(?:\d+-)?\d{1,3}:\d{2}(?::\d{2})?")
_MEMORY = re.compile(r"\d+(\.\d+)? ?[kMGT]i?B")
#: A worker leaves so long before its job must end (s), at most, and as a part of the walltime.
_MARGIN, _MARGIN_PART = 300.0, 0.25
#: Characters that scripts of jobs cannot have in a path.
_NOT_IN_PATHS = re.compile(r"[\s%'\"\\$`]")


@dataclass(frozen=True)
class Adapt:
    """How many jobs there are: as many as the blocks that wait give work."""

    minimum: Annotated[int, Ge(0)]
    maximum: Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Jobs of a queue, each with so many cores, that come and go while the sweep goes on.

    A job that is cancelled, preempted or at its walltime is replaced; what it had under way is computed by
    another. They end with their driver, however that ends.
    """

    in_process: ClassVar[bool] = False
    #: The class of dask-jobqueue, what submits a job, and what lists the ids of those that are there.
    cluster: ClassVar[str]
    submit: ClassVar[str]
    listing: ClassVar[str]
    #: What dask-jobqueue calls whom the time is charged to.
    charged: ClassVar[str] = "account"

    queue: str | None = None
    account: str | None = None
    cores: Annotated[int, Ge(1)]
    processes: Annotated[int, Ge(1)] | None
    memory: str
    walltime: str
    jobs: Annotated[int, Ge(1)]
    adapt: Adapt | None
    directives: tuple[str, ...]
    environment: tuple[str, ...]
    interface: str | None
    scratch: str | None
    tls: bool
    block_points: Annotated[int, Ge(1)] | None
    time_limit: Annotated[float, "s", Gt(0)] | None

    def __post_init__(self) -> None:
        """Refuse what no queue would take; raise InputError."""
        if not _MEMORY.fullmatch(self.memory):
            raise InputError(
                f"compute.memory = {self.memory!r} is refused; allowed: a number and a unit, '16 GB'"
            )
        if not _WALLTIME.fullmatch(self.walltime) or not self.seconds:
            raise InputError(
                f"compute.walltime = {self.walltime!r} is refused; allowed: '01:30:00', '2-00:00:00'"
            )
        if self.processes and self.cores % self.processes:
            raise InputError(
                f"compute.processes = {self.processes} is refused; allowed: a divisor of cores = {self.cores}"
            )
        if self.adapt and self.adapt.minimum > self.adapt.maximum:
            raise InputError(
                f"compute.adapt.minimum = {self.adapt.minimum} is refused; allowed: at most maximum = "
                f"{self.adapt.maximum}"
            )
        for name in ("directives", "environment"):
            for line in getattr(self, name):
                if "\n" in line:
                    raise InputError(f"compute.{name} holds {line!r}; allowed: each line by itself")

    @property
    def seconds(self) -> int:
        """Return the walltime (s)."""
        return walltime_seconds(self.walltime)

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time, when all jobs do."""
        return self.cores * (self.adapt.maximum if self.adapt else self.jobs)

    @property
    def pilot(self) -> Threads:
        """Return who is asked how long tasks take: this machine, which has no queue."""
        return Threads(None, self.block_points)

    def check(self) -> None:
        """Raise InputError where no job can be submitted."""
        if not shutil.which(self.submit):
            raise InputError(
                f"compute={type(self).__name__.lower()} needs {self.submit!r}, which is not here; "
                "allowed: the login node of such a cluster, compute=threads"
            )
        _jobqueue()

    def own(self) -> Mapping[str, Any]:
        """Return what only this queue is told."""
        return {"queue": self.queue, self.charged: self.account, "walltime": self.walltime}

    @contextmanager
    def started(self, folder: Path) -> Iterator[Running]:
        """Yield what runs tasks; their jobs write what they say to `folder`, where their certificates are."""
        from distributed import Client

        folder = _prepared(folder)
        settings = {
            "distributed.deploy.lost-worker-timeout": "15s",
            # jobs are cancelled and preempted: a block is to blame that has seen a few of them die
            "distributed.scheduler.allowed-failures": 3,
            "temporary-directory": str(own_folder()),  # of the scheduler, which imports from there
        }
        getLogger("distributed.batched").setLevel(CRITICAL)  # what is closed with work under way is no error
        refused: list[str] = []
        with told(settings):
            made = getattr(_jobqueue(), self.cluster)(**self._options(folder, refused))
            answer_here_only(made.scheduler)
            keeper = Keeper(made, self.listing, self.submit, refused, folder)
            with _closed_at_the_end(made), Client(made) as client:
                end_with_driver(client)
                if self.adapt:
                    made.adapt(minimum_jobs=self.adapt.minimum, maximum_jobs=self.adapt.maximum)
                else:
                    made.scale(jobs=self.jobs)
                with looked_after(keeper.look):
                    tasks = Tasks(client, lambda: self.n_workers, keeper.check)
                    port = made.scheduler.http_server.port
                    size = f"{self.cores} core{'' if self.cores == 1 else 's'}"
                    about = f"jobs of {size}; what they say is in {folder}"
                    dashboard = f"http://127.0.0.1:{port}/status"
                    yield Running(tasks.map, dashboard, lambda: made.scheduler.total_nthreads, about)

    def _options(self, folder: Path, refused: list[str]) -> dict[str, Any]:
        margin = min(_MARGIN, _MARGIN_PART * self.seconds)
        arguments = [
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
        ]  # a worker of its own listens to all
        arguments += [
            "--lifetime",
            f"{self.seconds - margin:.0f}s",
            "--lifetime-stagger",
            f"{margin / 3:.0f}s",
        ]
        cls = getattr(_jobqueue(), self.cluster)
        return {
            "job_cls": noting(cls.job_cls, refused),
            "cores": self.cores,
            "processes": self.processes or self.cores,
            "memory": self.memory,
            "job_name": "spikesweep",
            "job_extra_directives": list(self.directives),
            "job_script_prologue": list(self.environment),
            "worker_extra_args": arguments,
            "interface": self.interface,
            "local_directory": shlex.quote(self.scratch) if self.scratch else None,
            "log_directory": str(folder),
            "shared_temp_directory": str(folder),
            "python": shlex.quote(sys.executable),
            "death_timeout": 60,
            "security": True if self.tls else None,
            "scheduler_options": {"dashboard_address": "127.0.0.1:0"},  # by default the whole network sees it
            "silence_logs": CRITICAL,
            **self.own(),
        }


@contextmanager
def _closed_at_the_end(cluster: Any) -> Iterator[None]:
    """Cancel the jobs of a cluster at the end, and remove the files of its certificates: it leaves them."""
    try:
        with cluster:
            yield
    finally:
        for name, file in vars(cluster).items():
            if name.startswith("_job_") and hasattr(file, "close"):
                file.close()


def _prepared(folder: Path) -> Path:
    """Return the absolute path of a folder for what jobs say, without keys of drivers that were killed."""
    folder = folder.absolute()
    if _NOT_IN_PATHS.search(f"{folder}"):
        raise InputError(
            f"{folder} cannot be named in the script of a job; allowed: outputs=FOLDER without blanks"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(".dask-jobqueue.*"):
        left.unlink(missing_ok=True)
    return folder


def _jobqueue() -> Any:
    """Return dask-jobqueue; raise InputError where it is not installed."""
    try:
        # its import lets Ctrl-C end this program with code 0, and raises where it is not in the main thread
        with patch.object(signal, "signal"):
            import dask_jobqueue
            from cryptography import x509 as x509
    except ImportError as error:
        raise InputError(
            f"jobs need {error.name}, which is not installed; allowed: pip install -e '.[cluster]'"
        ) from error
    return dask_jobqueue
