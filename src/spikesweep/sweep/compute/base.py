"""What every executor is, and what it hands back."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

#: A block's task: called with the block, returns what the monitor shows.
Task = Callable[[Any], Any]


@dataclass(frozen=True)
class Lost:
    """A worker died while it had this block; the block may be the cause, or may not."""

    block: Any


@dataclass(frozen=True)
class Running:
    """A started executor."""

    map: Callable[[Task, Iterable[Any]], Iterable[Any]]  #: results, or Lost, in the order of their end
    dashboard: str | None  #: address of the dashboard


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

    def started(self) -> AbstractContextManager[Running]:
        """Return a context in which tasks are run."""
