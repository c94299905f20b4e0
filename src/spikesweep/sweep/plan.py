"""What a run would do, before it is started: points, blocks, disk, memory, and time from a pilot.

The pilot computes slices of a few missing blocks, spread evenly over them, on the executor that the run
would use, and writes nothing.
"""

import os
import resource
import time as clock
import tracemalloc
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.grid import Block, Grid
from spikesweep.grid.schema import COMPUTED, FAILURES
from spikesweep.grid.texts import duration_text, size_text
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.compile.cache import folder as kernel_folder
from spikesweep.sweep.blocks import n_points, prepare_job, results
from spikesweep.sweep.compute.base import Executor, Lost
from spikesweep.sweep.disk import n_bytes, n_files
from spikesweep.sweep.job import Job
from spikesweep.sweep.run import stored_status, to_compute
from spikesweep.sweep.work import Shorter, shortened, work_of

#: Slices of the pilot and the time that one should take (s): enough to see how much points differ in cost.
_SLICES = 24
_SLICE_TIME = 0.15
#: Time that all of them may take, where one point alone takes long (s).
_PILOT_TIME = 10.0
#: Half the width of the interval, at least, as a part of the time: machines are never quiet.
_NOISE = 0.2
#: Bounds of the cost of a neuron step (s): a run that is short at the upper one needs no pilot, nor does one
#: that is too long at the lower one.
_SLOWEST_STEP, _FASTEST_STEP = 1e-7, 1e-10

Points = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Time:
    """How long a run takes (s), with the ends of an interval."""

    low: float
    expected: float
    high: float

    def __str__(self) -> str:
        """Return the time in words."""
        return (
            f"about {duration_text(self.expected)} ({duration_text(self.low)} to {duration_text(self.high)})"
        )


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    name: str
    axes: tuple[str, ...]
    points: int
    done: int
    failed: int
    blocks: int  #: that a run would compute
    block_points: int
    disk: int  #: bytes of all results, before they are compressed
    files: int  #: that the store will have; of ragged results about
    memory: float  #: bytes of a worker at its peak
    workers: int
    time: Time
    network: str  #: what it is, where that says how much memory it takes
    start: float  #: the part of the time that several runs of one process spend once (s)

    @property
    def missing(self) -> int:
        """Return how many points were never computed."""
        return self.points - self.done - self.failed

    def __str__(self) -> str:
        """Return the plan in lines."""
        counts = f"{self.points}: {self.done} done, {self.failed} failed, {self.missing} missing"
        lines = {
            "axes": " x ".join(self.axes),
            "points": counts,
            "blocks": f"{self.blocks} to compute, of up to {self.block_points} points",
            "disk": f"at most {size_text(self.disk)}, in {self.files} files",
            "memory": f"about {size_text(self.memory)} a worker",
            "time": f"{self.time} here, {self.workers} at a time" if self.blocks else "nothing is missing",
        }
        lines |= {"network": self.network} if self.network else {}
        return "\n".join([f"plan of {self.name}", *(f"  {k:8}{v}" for k, v in lines.items())])


def make_plan(job: Job, compute: Executor, *, overwrite: bool, retry: bool) -> Plan:
    """Return the plan of a sweep; raise InputError where a run would be refused."""
    status, chunks = stored_status(job, compute, overwrite)
    todo = np.isin(status, to_compute(retry))
    blocks = [b for b in job.grid.blocks(chunks) if todo[b.slices].any()]
    missing = sum(b.n_points for b in blocks)
    time, block_memory = Time(0.0, 0.0, 0.0), 0.0
    if blocks:
        time, block_memory = _pilot(job, compute, blocks, missing)
    threads = compute.n_workers if compute.in_process else 1
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Plan(
        str(job.path),
        tuple(_axis(name, len(v), job) for name, v in zip(job.grid.names, job.grid.values, strict=True)),
        status.size,
        int(np.count_nonzero(np.isin(status, COMPUTED))),
        int(np.count_nonzero(np.isin(status, FAILURES))),
        len(blocks),
        prod(chunks),
        n_bytes(job),
        n_files(job, compute, overwrite=overwrite),
        used + threads * block_memory,
        compute.n_workers,
        time,
        job.protocol.size_of(job.network),
        _ONCE if blocks else 0.0,
    )


def total(plans: Sequence[Plan]) -> str:
    """Return one line on several plans that are run one after the other."""
    low, expected, high = (sum(getattr(p.time, e) for p in plans) for e in ("low", "expected", "high"))
    missing, disk = sum(p.missing for p in plans), sum(p.disk for p in plans)
    once = sum(sorted(p.start for p in plans)[:-1])
    time = Time(low - once, expected - once, high - once)
    return f"all {len(plans)} stores: {missing} points missing, at most {size_text(disk)}, {time}"


def refuse_long(job: Job, compute: Executor, *, hours: float, overwrite: bool, retry: bool) -> None:
    """Refuse a run that takes longer than `hours`; raise InputError that says how long."""
    steps = work_of(job)
    if steps * _SLOWEST_STEP / compute.n_workers < hours * 3600:
        return
    if job.parameters is None and steps * _FASTEST_STEP / compute.n_workers > hours * 3600:
        status = stored_status(job, compute, overwrite)[0]  # most may be there already
        steps *= float(np.isin(status, to_compute(retry)).mean())
        if steps * _FASTEST_STEP / compute.n_workers > hours * 3600:
            raise InputError(
                f"{job.path} has {steps:.3g} steps, on any machine longer than ask_above = {hours:g} h; "
                "allowed: confirm=true, a shorter duration, a longer dt, or fewer points"
            )
    time = make_plan(job, compute, overwrite=overwrite, retry=retry).time
    if time.expected > hours * 3600:
        raise InputError(
            f"{job.path} takes {time}, longer than ask_above = {hours:g} h; "
            "allowed: confirm=true, plan=true to see more, or fewer points"
        )


def _pilot(job: Job, compute: Executor, blocks: Sequence[Block], missing: int) -> tuple[Time, float]:
    """Return the time of all blocks and the memory that one takes."""
    if (short := shortened(job)) is not None:
        return _extrapolated(short, compute, blocks, missing)
    asked, count = compute.pilot, compute.pilot.n_workers
    timed = partial(_timed_slice, _without_points(job))
    started = perf_counter()
    if asked.in_process:
        prepare_job(job)
    compiling = perf_counter() - started
    with asked.started(job.path.with_suffix(".jobs")) as running:
        smallest, began = _slices(job, blocks, LANES, count), perf_counter()
        list(running.map(timed, smallest))  # compiles, where each worker does
        compiling += perf_counter() - began
        first = max((seconds for seconds, _ in _answers(running.map(timed, smallest))), default=_SLICE_TIME)
        n = LANES * max(1, round(_SLICE_TIME / max(first, 1e-6)))
        n_slices = int(np.clip(_PILOT_TIME * count / max(first, 1e-6), 2, _SLICES))
        slices, began = _slices(job, blocks, n, n_slices), perf_counter()
        found = np.array(_answers(running.map(timed, slices)) or [(_PILOT_TIME, 1)])
        pilot = perf_counter() - began
    if kernel_folder() is not None:  # the run finds what was compiled here
        pilot += compiling
    fixed = _ONCE + _EACH + perf_counter() - started - pilot
    seconds, sizes = found.T
    n_whole = job.grid.n_whole
    cost = (
        seconds.sum() / sizes.sum()
    )  # s a cut point, all workers busy; those of a cluster are taken to be as fast
    spread = (seconds / sizes).std(ddof=1) / np.sqrt(len(sizes)) / cost if len(sizes) > 1 else 1.0
    work = missing / n_whole * cost
    last = work / len(blocks) * (1 - 1 / compute.n_workers) / 2  # some workers end before the others
    expected = work / compute.n_workers + last
    wide = max(_NOISE, 2 * spread)
    low, high = (fixed * (1 + k * _NOISE) + expected * max(1 + k * wide, 0.1) for k in (-1, 1))
    largest = max(b.n_points for b in blocks) / n_whole  # cut points of a block
    return Time(low, fixed + expected, high), _memory(job, slices[0]) / n_points(slices[0]) * largest


def _extrapolated(
    shorter: Shorter, compute: Executor, blocks: Sequence[Block], missing: int
) -> tuple[Time, float]:
    """Return the time of all blocks, and the memory of one, from some points for two parts of their duration.

    What grows with the duration is told from what does not, as the connections of a network.
    """
    jobs = [shorter.one[0], shorter.two[0]]
    for job in jobs:
        prepare_job(job)
    started = perf_counter()
    points = _slices(jobs[0], blocks, shorter.points, 1)[0]
    parts = [_without_points(job) for job in jobs]
    memories = [_memory(part, points) for part in parts]  # compiles, too
    seconds = [_timed_slice(part, points)[0] for part in parts]
    n_whole = jobs[0].grid.n_whole
    at = partial(_at_full, [shorter.one[1], shorter.two[1]], shorter.full)
    work = missing / n_whole * at(seconds) / n_points(points)
    longest = max(work / compute.n_workers, at(seconds) / n_points(points))  # a point has one worker
    expected = longest + _ONCE + _EACH
    largest = max(b.n_points for b in blocks) / n_whole
    time = Time(expected / 2, expected + perf_counter() - started, 2 * expected)
    return time, at(memories) / n_points(points) * largest


def _at_full(steps: Sequence[float], full: float, found: Sequence[float]) -> float:
    """Return what two values, at so many steps, become at all steps, on a line that does not fall."""
    slope = (found[1] - found[0]) / (steps[1] - steps[0])
    return found[1] + max(slope, 0.0) * (full - steps[1])


def _without_points(job: Job) -> Job:
    """Return a job to compute points of, without its own: it travels with every slice."""
    axes = job.grid.axes
    cut = tuple(v if axis.whole else v[:1] for axis, v in zip(axes, job.grid.values, strict=True))
    return replace(job, grid=Grid(axes, cut))


def _answers(outcomes: Iterable[Any]) -> list[tuple[float, int]]:
    """Return the answers of those slices that killed no worker."""
    return [outcome for outcome in outcomes if not isinstance(outcome, Lost)]


def _process_age() -> float:
    """Return for how long this process has run (s), which a run spends as well."""
    try:
        started = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        return clock.clock_gettime(clock.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):  # another system: the time it computed
        return process_time()


#: What starting Python and loading this package took (s); more is that of a process that did other things.
_START = min(_process_age(), 5.0)
#: What a run spends besides, in the measure of that: on its start and its end, once in a process, and on
#: each store and its figure.
_ONCE, _EACH = 1.5 * _START, 0.8 * _START


def _slices(job: Job, blocks: Sequence[Block], n: int, count: int) -> list[Points]:
    """Return `count` slices of up to `n` consecutive points, from blocks evenly spread over all."""
    places = (np.arange(count) + 0.5) / count
    out = []
    for i, place in enumerate(places):
        points = job.grid.points(blocks[int(place * len(blocks))])
        room = max(n_points(points) - n, 0)
        start = round(room * (i * 0.618 % 1.0))  # the golden ratio spreads any number of starts evenly
        out.append({name: values[start : start + n] for name, values in points.items()})
    return out


def _timed_slice(job: Job, points: Points) -> tuple[float, int]:
    """Return how long some points take (s), and how many they are; what fails costs its time, too."""
    began = perf_counter()
    with suppress(Exception):
        results(job, points)
    return perf_counter() - began, n_points(points)


def _memory(job: Job, points: Points) -> float:
    tracemalloc.start()
    try:
        _timed_slice(job, points)
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def _axis(name: str, n: int, job: Job) -> str:
    columns = [axis.name for axis, _ in job.grid.columns] if name == "point" else []
    return f"{name} {n}" + (f" ({', '.join(columns)})" if columns else "")
