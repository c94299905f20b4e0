"""What is asked for in rounds: more seeds until means are sure enough."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from spikesweep.errors import InputError

#: Repetitions of a point.
_MOST_SEEDS = 100_000


@dataclass(frozen=True)
class Replicate:
    """More seeds until the standard error of a mean over them is small enough at every point."""

    variable: str
    sem: Annotated[float, Gt(0)]  #: in the unit of the variable
    first: Annotated[int, Ge(2), Le(_MOST_SEEDS)] = 10  #: seeds that are there before anything is decided
    batch: Annotated[int, Ge(1), Le(_MOST_SEEDS)] = 8  #: seeds that a round adds at least
    most: Annotated[int, Ge(2), Le(_MOST_SEEDS)] = 1000  #: seeds

    def seeds(self, given: NDArray[Any], asked: int | None) -> list[int]:
        """Return the seeds of a round: those that were given, and the numbers after them."""
        least = max(self.first, len(given))
        if self.most < least:
            raise InputError(
                f"replicate.most = {self.most} is below the first {least} seeds; allowed: {least} or more"
            )
        n, last = asked or least, int(np.max(given))
        return [*given.tolist(), *range(last + 1, last + 1 + n - len(given))]


@dataclass(frozen=True)
class Round:
    """What a round asks for, after the first."""

    seeds: int | None = None  #: how many
