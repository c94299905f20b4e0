"""How much work a sweep is, before anything runs, and the same sweep for a part of its duration."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.sweep.job import Job

#: Neuron steps that some points may take in a pilot (some seconds): longer ones are computed in part.
_MOST_STEPS = 2e8
#: Parts of these, tried one after the other: a window or a discarded time may need more.
_PARTS = (0.02, 0.1, 0.5, 2.0)


@dataclass(frozen=True)
class Shorter:
    """A sweep for two parts of its duration, each with the neuron steps of a point."""

    one: tuple[Job, float]
    two: tuple[Job, float]
    full: float  #: neuron steps of a point of the sweep itself
    points: int  #: how many points at a time


def work_of(job: Job) -> float:
    """Return the neuron steps of all points; those of the costliest count for all."""
    return _of_point(job) * job.grid.n_points / job.grid.n_whole


def _of_point(job: Job) -> float:
    own = job.protocol.work(job.network, job.grid.whole)
    return max(own, job.parameters.most_work if job.parameters else 0.0)


def shortened(job: Job) -> Shorter | None:
    """Return a sweep for parts of its duration, None where its points are short enough as they are.

    Raises InputError for one whose points are long and cannot be shortened: it could not be tried.
    """
    full = _of_point(job)
    if full * LANES <= _MOST_STEPS:
        return None
    for n in (LANES, 1):
        for part in _PARTS:
            with suppress(InputError):
                one, two = (_for_part(job, k * part * _MOST_STEPS / n / full) for k in (1, 2))
                if 0 < one[1] < two[1] <= full:
                    return Shorter(one, two, full, n)
    if full > 10 * _MOST_STEPS:
        raise InputError(
            f"{job.path}: a point takes {full:.3g} neuron steps, and cannot be tried for a part of its "
            "duration; allowed: confirm=true without plan=true, or shorter points"
        )
    return None


def _for_part(job: Job, part: float) -> tuple[Job, float]:
    """Return a job for a part of its duration and the steps of a point then; raise InputError."""
    old: Any = job.protocol
    if not hasattr(old, "duration") or (job.parameters and "protocol.duration" in job.parameters.places):
        raise InputError("the duration is not one of the protocol")
    times = {name: getattr(old, name) for name in ("duration", "discard") if getattr(old, name, 0.0)}
    protocol = replace(old, **{name: max(1, round(t * part / old.dt)) * old.dt for name, t in times.items()})
    protocol.check(job.network)
    parameters = replace(job.parameters, protocol=protocol) if job.parameters else None
    short = replace(job, protocol=protocol, parameters=parameters)
    return short, protocol.work(job.network, job.grid.whole)
