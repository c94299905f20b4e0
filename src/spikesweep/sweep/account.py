"""What a run has cost, and the file beside its store that says who ran what, where, when, how it ended."""

import getpass
import os
import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import nlargest
from pathlib import Path
from time import perf_counter

import psutil

from spikesweep.errors import InputError
from spikesweep.grid.texts import duration_text
from spikesweep.store.durable import open_beside

#: How many of the slowest blocks are told.
_SLOWEST = 3
#: Shorter runs say nothing of what they cost (s).
_SHORT = 10.0


@dataclass
class Account:
    """What a run has cost: filled while it goes on."""

    began: float = field(default_factory=perf_counter)
    processor: float = 0.0  #: seconds of all blocks
    busy: float = 0.0  #: seconds of workers in blocks
    available: float = 0.0  #: seconds of all workers that were there
    points: int = 0
    slowest: list[tuple[float, str]] = field(default_factory=list)  #: seconds a point, and where
    _last: tuple[float, int] = (0.0, 0)  #: when workers were counted, and how many there were

    def add(self, n_points: int, seconds: float, processor: float, where: str) -> None:
        """Count a block of which so many points were computed."""
        self.points += n_points
        self.busy += seconds
        self.processor += processor
        if n_points:
            self.slowest = nlargest(_SLOWEST, [*self.slowest, (seconds / n_points, where)])

    def pass_time(self, n_workers: int) -> None:
        """Count the time since this was last called as that of the workers that there were, and these."""
        now, (then, before) = perf_counter(), self._last
        self.available += before * (now - then)
        self._last = now, n_workers

    @property
    def wall(self) -> float:
        """Return the seconds since the beginning."""
        return perf_counter() - self.began

    def __str__(self) -> str:
        """Return in words what it has cost; nothing of a run that was short."""
        if self.wall < _SHORT or not self.points:
            return ""
        part = f", workers busy {self.busy / self.available:.0%}" if self.available else ""
        times = (
            f"{duration_text(self.wall)} of wall clock, {duration_text(self.processor)} of processors{part}"
        )
        slow = "; ".join(f"{duration_text(each)} a point at {where}" for each, where in self.slowest)
        return f"{times}\nslowest: {slow}"


def _log(store: Path) -> int:
    """Return the descriptor of a log to append to, none of a link or a pipe; raise InputError."""
    return open_beside(store.parent / "run.log", os.O_WRONLY | os.O_APPEND)


@contextmanager
def logged(store: Path, about: str) -> Iterator[Callable[[str], None]]:
    """Append lines to `run.log` beside a store: that a run begins and how it ends; yield what appends more.

    A log that cannot be written stops no run.
    """
    run = f"{os.getpid()}@{socket.gethostname()}"

    def say(text: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        lines = "".join(f"{now} {run} {store.name}: {line}\n" for line in text.splitlines())
        with suppress(OSError, InputError), open(_log(store), "a") as file:
            file.write(lines)  # one write: drivers of other stores write to the same file

    with suppress(KeyError, OSError):  # nobody has this user's number
        about += f", by {getpass.getuser()}"
    say(f"begins: {shlex.join(psutil.Process().cmdline())} in {Path.cwd()}, {about}")
    try:
        yield say
    except BaseException as error:
        say(f"ends: {type(error).__name__} {error}".rstrip())
        raise
