"""Kicks: events at given times, each of which reaches the same cells of some populations.

Which cells these are is drawn once for a seed, as all connections are. A kick at t acts on a synapse as a
spike that arrives at t, so that the first can be at the end of the first step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.models.contracts import Synapse
from spikesweep.models.inputs.drive import Shared
from spikesweep.units import Fraction, NonNegative, ms, number


@dataclass(frozen=True)
class Kicks(Shared):
    """Events at given times that some cells share."""

    times: tuple[ms, ...]  #: of the events, ascending; none where empty
    p_connect: Fraction | None  #: that they reach a cell; null with `n`
    n: Annotated[int, "1", Ge(1)] | None  #: cells of each population that they reach; null with `p_connect`
    onto: Annotated[tuple[str, ...], MinLen(1)]  #: populations
    like: str | None  #: population whose synapse the events reach; `synapse` where null
    synapse: Synapse | None  #: a synapse of its own
    weight: number  #: multiple of the synapse's weight
    #: factor of `weight` by population; 1 where null
    factors: Annotated[Mapping[str, NonNegative[number]] | None, MinLen(1)] = None

    pool: ClassVar[int] = 1  #: the events are those of all
    given: ClassVar[bool] = True  #: nothing is drawn

    def events(self, t: NDArray[np.float64], dt: ms) -> NDArray[np.float64]:
        """Return 1 for each of the steps that begin at t (ms) and at whose end there is a kick, else 0."""
        return np.isin(np.rint(t / dt) + 1.0, np.rint(np.array(self.times) / dt)).astype(np.float64)

    def check_dt(self, where: str, dt: ms) -> None:
        """Refuse both a probability and a number, times that are no ends of steps; raise InputError."""
        self.check_reach(where)
        if any(b <= a for a, b in pairwise(self.times)):
            raise InputError(f"{where}.times = {list(self.times)} ms is refused; allowed: ascending")
        for t in self.times:
            step = max(round(t / dt), 1)
            if not abs(t / dt - step) <= 1e-6 + 1e-12 * step:
                raise InputError(
                    f"{where}.times holds {t:g} ms; allowed: multiples of protocol.dt = {dt:g} ms from "
                    f"{dt:g} ms on, such as {step * dt:.10g}"
                )
