"""What a sweep costs beside its kernels: time a point, and memory against the number of points.

Two kinds of points: of no work at all (trivial.py), which the peers compute too; and transfer-function
points of a few steps, with their random keys, trains and lanes. Nothing is subtracted from the time a
point but start-up, so that it is an upper bound of the overhead. The peers keep no durable result.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import trivial
from common import HERE, arguments, interleaved, ratio, sweep_of, table, write

from spikesweep.grid.grid import Grid, axis_values
from spikesweep.sweep import run as sweeps
from spikesweep.sweep.compute.serial import Serial
from spikesweep.sweep.compute.threads import Threads
from spikesweep.sweep.job import Job

#: Points of Hydra's multirun, and of the runs whose memory is compared.
HYDRA_POINTS = 100
MEMORY_POINTS = (10_000, 100_000, 1_000_000)
#: The time a point of dask.delayed grows with the points: more of them take minutes.
DASK_POINTS = 10_000
JOBLIB_POINTS = 100_000
FEW_STEPS = 4


class Stopwatch:
    """A monitor that notes when the first block could start, and prints nothing."""

    started = 0.0

    def message(self, text: str) -> None:
        """Ignore."""

    def dashboard(self, address: str) -> None:
        """Ignore."""

    def start(self, total: int, done: int, n_workers: Callable[[], int]) -> None:
        """Note the time."""
        self.started = time.perf_counter()

    def advance(self, n: int, failed: int = 0) -> None:
        """Ignore."""

    def stop(self) -> None:
        """Ignore."""


def job_of(kind: str, n: int, folder: str) -> Job:
    """Return a sweep of about `n` points, 10 of them along the seed."""
    side = round((n / 10) ** 0.5)
    axis = {"start": 0.0, "stop": 30.0, "num": side}
    seeds = {"start": 0, "stop": n // side**2 - 1, "num": n // side**2}
    sweep = sweep_of(f"protocol.duration={FEW_STEPS * 0.05}")
    if kind == "trivial":
        sweep = replace(sweep, protocol=trivial.Trivial())
        spec: dict[str, Any] = {"a": axis, "b": axis, "seed": seeds}
    else:
        spec = {"fe": axis, "fi": axis, "seed": seeds, "pop_size": [1]}
    own = sweep.protocol.axes
    grid = Grid(own, tuple(axis_values(axis, spec[axis.name]) for axis in own))
    return replace(sweep, grid=grid, path=Path(folder) / f"{kind}-{n}.zarr")


def run_sweep(kind: str, n: int, compute: Any, startup: list[float]) -> float:
    """Run a sweep from nothing; return the microseconds a point, start-up apart."""
    with tempfile.TemporaryDirectory() as folder:
        sweep, watch = job_of(kind, n, folder), Stopwatch()
        began = time.perf_counter()
        outcome = sweeps.run(sweep, compute, watch)
        ended = time.perf_counter()
        assert outcome.missing == outcome.failed == 0
        startup.append(watch.started - began)
        return 1e6 * (ended - watch.started) / sweep.grid.n_points


def main_job() -> dict[str, float]:
    """Return the wall time of the default job, start-up apart, and the share of it outside the protocol."""
    inside: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        sweep, watch = replace(sweep_of(), path=Path(folder) / "main.zarr"), Stopwatch()
        protocol = type(sweep.protocol)
        compute = protocol.__call__

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            results = compute(*arguments)
            inside.append(time.perf_counter() - began)
            return results

        with patch.object(protocol, "__call__", timed):
            sweeps.run(sweep, Serial(None), watch)
        wall = time.perf_counter() - watch.started
    return {"points": sweep.grid.n_points, "wall, s": wall, "outside the kernels": 1.0 - sum(inside) / wall}


def axes(n: int) -> list[tuple[float, float, float]]:
    """Return the points of the trivial sweep as a peer's user has them."""
    grid = job_of("trivial", n, "").grid
    return list(product(*(values.tolist() for values in grid.values)))


def dask_delayed(n: int) -> float:
    """Return the microseconds a point of dask.delayed on threads."""
    import dask

    points = axes(n)
    began = time.perf_counter()
    task = dask.delayed(trivial.difference, pure=False)
    results = dask.compute([task(*p) for p in points], scheduler="threads", optimize_graph=False)[0]
    elapsed = time.perf_counter() - began
    assert len(results) == len(points)
    return 1e6 * elapsed / len(points)


def joblib_parallel(n: int) -> float:
    """Return the microseconds a point of joblib on processes that have started."""
    import joblib

    points = axes(n)
    with joblib.Parallel(n_jobs=2) as parallel:
        parallel(joblib.delayed(abs)(i) for i in range(4))
        began = time.perf_counter()
        results = parallel(joblib.delayed(trivial.difference)(*p) for p in points)
        elapsed = time.perf_counter() - began
    assert len(results) == len(points)
    return 1e6 * elapsed / len(points)


def hydra_multirun() -> float:
    """Return the microseconds a point of Hydra's own sweeper: many jobs less one job."""
    return 1e6 * (_hydra(HYDRA_POINTS) - _hydra(1)) / (HYDRA_POINTS - 1)


def _hydra(n: int) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "peers" / "hydra_job.py"), "-m"]
        words = [f"+a={','.join(map(str, range(n)))}", "+b=1", "+seed=2", f"hydra.sweep.dir={folder}"]
        began = time.perf_counter()
        subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.perf_counter() - began


def times(sizes: list[int], repeats: int) -> list[dict[str, Any]]:
    """Return a row for every way and number of points; ratios are to our threads at that number."""
    rows = []
    for n in sizes:
        startup: dict[str, list[float]] = {}
        cases: dict[str, Callable[[], float]] = {}
        for kind in ("trivial", "transfer_function"):
            for compute in (Serial(None), Threads(2, None)):
                name = f"spikesweep {kind}, {type(compute).__name__.lower()}"
                cases[name] = partial(run_sweep, kind, n, compute, startup.setdefault(name, []))
        if n <= DASK_POINTS:
            cases["dask.delayed, threads"] = partial(dask_delayed, n)
        if n <= JOBLIB_POINTS and _has("joblib"):
            cases["joblib.Parallel, 2 processes"] = partial(joblib_parallel, n)
        if n == sizes[0]:
            cases[f"Hydra multirun, {HYDRA_POINTS} points"] = hydra_multirun
        found = interleaved(cases, repeats)
        base = found["spikesweep trivial, threads"]
        rows += [
            {
                "what": name,
                "points": n,
                "us a point": median(values),
                "ratio": ratio(values, base),
                "start-up, s": median(startup[name]) if name in startup else "",
                "all us": values,
            }
            for name, values in found.items()
        ]
    return rows


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def memory(kind: str, n: int) -> dict[str, Any]:
    """Return the peak memory of a sweep of `n` points in a process of its own."""
    command = [sys.executable, __file__, "--peak-of", kind, str(n)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {"what": f"spikesweep {kind}, threads", "points": n, **json.loads(answer)}


def peak_of(kind: str, n: int) -> None:
    """Print the peak memory of this process before and after a sweep."""
    before = _peak()
    run_sweep(kind, n, Threads(2, None), [])
    print(json.dumps({"imports, MB": before, "peak, MB": _peak()}))


def _peak() -> float:
    # not ru_maxrss, which begins with the memory of the process that forked this one
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return round(int(peak) / 1024, 1)


def main() -> None:
    """Run, print, write."""
    parser = arguments(__doc__ or "", "overhead")
    parser.set_defaults(repeats=3)
    parser.add_argument("--million", action="store_true", help="also 1e6 points")
    parser.add_argument("--peak-of", nargs=2, metavar=("KIND", "POINTS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak_of:
        peak_of(args.peak_of[0], int(args.peak_of[1]))
        return
    sizes = [10_000, 100_000, 1_000_000] if args.million else [10_000, 100_000]
    timed = times(sizes, args.repeats)
    print("microseconds a point, start-up apart; ratio to spikesweep trivial, threads\n")
    table([{k: v for k, v in row.items() if k != "all us"} for row in timed])
    peaks = [memory(kind, n) for kind in ("trivial", "transfer_function") for n in MEMORY_POINTS]
    table(peaks)
    share = main_job()
    table([{"what": "default main job, serial", **share}])
    write(args.json, {"times": timed, "memory": peaks, "main job": share})


if __name__ == "__main__":
    main()
