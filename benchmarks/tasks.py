"""What size costs a driver: tasks of no work through a scheduler with many threads, a sweep of many points.

    python benchmarks/tasks.py [--tasks 100000] [--workers 1000] [--points 10000000]

Scheduler and workers are other processes; told are tasks a second, the processor time of driver and scheduler
for a task, and how much their memory grows from the first tenth of the tasks to the last.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from common import arguments, sweep_of, table, write
from store_size import Silent
from trivial import Trivial

from spikesweep.grid.grid import Grid, axis_values
from spikesweep.sweep import run as sweeps
from spikesweep.sweep.compute.tasks import Tasks
from spikesweep.sweep.compute.threads import Threads
from spikesweep.sweep.compute.told import told

#: What is asked of a driver.
LIMITS = {"driver grows, MB": 50.0, "peak, MB": 1000.0}
#: Processes of the workers.
_PROCESSES = 4


def through_a_scheduler(n_tasks: int, n_workers: int) -> dict[str, Any]:
    """Return how many tasks a second go through a scheduler, and what driver and scheduler need."""
    from distributed import Client

    with told(), tempfile.TemporaryDirectory() as folder, started(folder, n_workers) as (address, scheduler):
        programs = {"driver": psutil.Process(), "scheduler": psutil.Process(scheduler)}
        with Client(address) as client:
            client.wait_for_workers(_PROCESSES)
            assert sum(client.nthreads().values()) == n_workers
            began = time.perf_counter()
            spent = {name: sum(program.cpu_times()[:2]) for name, program in programs.items()}
            early, done = {}, 0
            for _ in Tasks(client, lambda: n_workers).map(abs, range(n_tasks), "fe={}".format):
                done += 1
                if done == n_tasks // 10:
                    early = {name: program.memory_info().rss for name, program in programs.items()}
            seconds = time.perf_counter() - began
            assert done == n_tasks
            found = {"tasks": n_tasks, "workers": n_workers, "tasks/s": n_tasks / seconds}
            for name, program in programs.items():
                used = sum(program.cpu_times()[:2]) - spent[name]
                found |= {f"{name} ms a task": 1e3 * used / n_tasks}
                rss = program.memory_info().rss
                found |= {f"{name} MB": rss / 1e6, f"{name} grows, MB": (rss - early[name]) / 1e6}
    return found


@contextmanager
def started(folder: str, n_workers: int) -> Iterator[tuple[str, int]]:
    """Yield the address of a new scheduler and its process; its workers have so many threads together."""
    file, dask = Path(folder) / "scheduler.json", [sys.executable, "-m"]
    local = ["--dashboard-address", "127.0.0.1:0", "--host", "127.0.0.1"]
    options = ["--scheduler-file", str(file), *local]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # as the scheduler of jobs has it, which is in the process of its driver
    quiet["env"] = os.environ | {"DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "0"}
    scheduler = subprocess.Popen([*dask, "distributed.cli.dask_scheduler", "--port", "0", *options], **quiet)
    command = [*dask, "distributed.cli.dask_worker", "--no-nanny", "--nthreads", str(n_workers // _PROCESSES)]
    workers = [subprocess.Popen([*command, *options], **quiet, cwd=folder) for _ in range(_PROCESSES)]
    try:
        while not file.exists() or not file.read_text().endswith("}"):
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], scheduler.pid
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def of_many_points(n: int) -> dict[str, Any]:
    """Return what a sweep of so many points of no work costs on two threads."""
    side = round((n / 100) ** 0.5)
    spec: dict[str, Any] = {"a": {"start": 0.0, "stop": 30.0, "num": side}}
    spec |= {"b": spec["a"], "seed": {"start": 0, "stop": 99, "num": 100}}
    grid = Grid(Trivial.axes, tuple(axis_values(axis, spec[axis.name]) for axis in Trivial.axes))
    with tempfile.TemporaryDirectory() as folder:
        job = replace(sweep_of(), protocol=Trivial(), grid=grid, path=Path(folder) / "n.zarr")
        began, spent = time.perf_counter(), time.process_time()
        outcome = sweeps.run(job, Threads(2, None), Silent())
        seconds, spent = time.perf_counter() - began, time.process_time() - spent
        assert outcome.computed == grid.n_points
        files = sum(1 for p in job.path.rglob("*") if p.is_file())
    return {
        "points": grid.n_points,
        "files": files,
        "us a point": 1e6 * seconds / grid.n_points,
        "processor us a point": 1e6 * spent / grid.n_points,
        "peak, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def main() -> None:
    """Run, print, write; end with code 1 where a limit is missed."""
    parser = arguments(__doc__ or "", "tasks")
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--points", type=int, default=10_000_000)
    args = parser.parse_args()
    points = of_many_points(args.points)  # first: the peak is that of the whole process
    table([points])
    tasks = through_a_scheduler(args.tasks, args.workers)
    table([tasks])
    found = points | tasks
    missed = [name for name, limit in LIMITS.items() if found[name] >= limit]
    write(args.json, {"points": points, "tasks": tasks, "missed": missed})
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
