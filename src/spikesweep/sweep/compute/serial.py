"""One block after the other in this process, without Dask."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from spikesweep.sweep.compute.base import Running, Task


@dataclass(frozen=True)
class Serial:
    """One block after the other in this process."""

    in_process: ClassVar[bool] = True  #: tasks run here and use what was compiled here
    n_workers: ClassVar[int] = 1  #: how many blocks run at a time
    time_limit: ClassVar[float | None] = None  #: seconds that a block may take: nobody could stop it here

    block_points: Annotated[int, Ge(1)] | None

    @property
    def pilot(self) -> "Serial":
        """Return who is asked how long tasks take."""
        return self

    def check(self) -> None:
        """Refuse nothing."""

    @contextmanager
    def started(self, folder: Path) -> Iterator[Running]:
        """Yield what runs tasks."""
        yield Running(_one_by_one)


def _one_by_one(task: Task, items: Sequence[Any], names: Callable[[Any], str] = str) -> Iterator[Any]:
    return map(task, items)
