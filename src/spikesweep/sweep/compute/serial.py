"""One block after the other in this process, without Dask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from spikesweep.sweep.compute.base import Running


@dataclass(frozen=True)
class Serial:
    """One block after the other in this process."""

    in_process: ClassVar[bool] = True  #: tasks run here and use what was compiled here

    block_points: Annotated[int, Ge(1)] | None

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time."""
        return 1

    @property
    def time_limit(self) -> float | None:
        """Return the seconds that a block may take: nobody could stop it here."""
        return None

    @contextmanager
    def started(self) -> Iterator[Running]:
        """Yield what runs tasks."""
        yield Running(map, None)
