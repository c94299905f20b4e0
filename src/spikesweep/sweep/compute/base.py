"""What every executor is, and what it hands back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

#: A task: called with an item, as a block, it returns what its driver needs to know.
Task = Callable[[Any], Any]


@dataclass(frozen=True)
class Lost:
    """Workers died while they had this item; it may be the cause, or may not."""

    item: Any


class Map(Protocol):
    """How a started executor runs a task on items."""

    def __call__(self, task: Task, items: Sequence[Any], names: Callable[[Any], str] = ...) -> Iterator[Any]:
        """Yield results, or Lost, in the order of their end; `names` of items are what a dashboard shows."""


@dataclass(frozen=True)
class Running:
    """A started executor."""

    map: Map
    dashboard: str | None = None  #: its address
    n_workers: Callable[[], int] = lambda: 1  #: how many tasks run at a time, now
    about: str = ""  #: what a person needs to know: how many jobs, where their logs are


class Executor(Protocol):
    """What runs the tasks of a sweep: a frozen dataclass of its settings with these members."""

    @property
    def block_points(self) -> int | None:
        """Points a block, None where the work decides."""

    @property
    def in_process(self) -> bool:
        """Whether tasks run in this process and use what was compiled here."""

    @property
    def n_workers(self) -> int:
        """How many blocks run at a time."""

    @property
    def time_limit(self) -> float | None:
        """Seconds that a block may take, None where nobody could stop it."""

    @property
    def pilot(self) -> "Executor":
        """Who is asked how long tasks take: itself, or another that need not wait for a queue."""

    def check(self) -> None:
        """Raise InputError where it cannot be started: a program, a package, a file is not there."""

    def started(self, folder: Path) -> AbstractContextManager[Running]:
        """Return a context in which tasks are run.

        `folder` is for what workers share and say, where they have something; it is made when it is needed.
        """
