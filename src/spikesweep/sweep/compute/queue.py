"""Jobs that a queue has refused, or that ended before their worker was there: replaced, told, or given up."""

import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from getpass import getuser
from pathlib import Path
from typing import Any

from spikesweep.errors import InputError

#: Seconds between two questions to a queue, which serves many: only where jobs have no worker.
_ASK = 30.0
#: Jobs that may end before their worker is there, one after the other, until it is given up.
_VAIN = 5


def noting(job_cls: Any, refused: list[str]) -> Any:
    """Return a class of jobs that notes why the queue refused one, where dask-jobqueue only logs it."""
    from distributed.deploy.spec import ProcessInterface

    class Noting(job_cls):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except (OSError, RuntimeError, ValueError) as error:
                refused.append(_said(str(error)))
                await ProcessInterface.start(self)

    return Noting


def _said(text: str) -> str:
    """Return what the command that submits a job wrote to its standard error."""
    found = re.search(r"stderr:\n(.+)", text, re.DOTALL)
    return " ".join((found[1] if found else text).split())


class Keeper:
    """Sees to it that a cluster has the jobs that were asked of it."""

    def __init__(self, cluster: Any, listing: str, submit: str, refused: list[str], folder: Path) -> None:
        self._cluster, self._listing, self._submit = cluster, listing, submit
        self._refused, self._folder = refused, folder
        self._asked = time.monotonic()
        self._vain = 0
        self._waiting: frozenset[str] = frozenset()  # jobs that had no worker when the queue was asked

    def check(self) -> None:
        """Raise InputError where no job comes to anything."""
        if self._connected():
            self._vain = 0
            return
        if self._refused and not any(job.job_id for job in [*self._cluster.workers.values()]):
            raise InputError(f"{self._submit} refused the job: {self._refused[-1]}")
        if self._vain >= _VAIN:
            raise InputError(
                f"{self._vain} jobs ended before their worker was there; what they say is in {self._folder}"
            )

    def look(self) -> None:
        """Replace jobs that have gone."""
        there: set[str] | None = None
        if time.monotonic() - self._asked > _ASK and (waiting := self._without_worker()):
            # of jobs that were there before, so that none is missed which is just being submitted
            there, self._asked = listed(self._listing), time.monotonic()
            gone = self._waiting & waiting.keys() if there is not None else set()
            self._waiting = frozenset(waiting)
            dead = [
                name for job_id, name in waiting.items() if job_id in gone and job_id not in (there or ())
            ]
        else:
            dead = []
        self._cluster.loop.add_callback(self._mend, dead)

    def _mend(self, dead: list[str]) -> None:
        """Forget jobs that are gone, and ask for others. Called on the cluster's own thread."""
        cluster = self._cluster
        refused = [name for name, job in cluster.workers.items() if not job.job_id]
        self._vain += len(dead)
        for name in (*refused, *dead):
            cluster.workers.pop(name, None)
        if len(cluster.workers) < len(cluster.worker_spec):
            cluster.scale(jobs=len(cluster.worker_spec))

    def _connected(self) -> set[str]:
        """Return the names of the workers that are there."""
        return {str(worker.name) for worker in [*self._cluster.scheduler.workers.values()]}

    def _without_worker(self) -> Mapping[str, str]:
        """Return the names of the jobs that have no worker, by id."""
        there = self._connected()
        jobs = [(str(name), str(job.job_id)) for name, job in [*self._cluster.workers.items()] if job.job_id]
        return {
            job_id.split(".")[0]: name  # HTCondor's are 12.0, and listed as 12
            for name, job_id in jobs
            if name not in there and not any(worker.startswith(f"{name}-") for worker in there)
        }


def listed(command: str) -> set[str] | None:
    """Return the ids of jobs that a queue lists, each at the start of a line; None without an answer."""
    with suppress(OSError, KeyError, subprocess.SubprocessError):
        words = shlex.split(command.format(user=getuser()))
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        return set(re.findall(r"^\s*(\d+)", done.stdout, re.MULTILINE))
    return None
