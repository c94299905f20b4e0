"""What a store of many points costs: files, bytes, time to open it, to resume it, to read one point.

The points are of no work (trivial.py) and the blocks those of a sweep of its size; with `--spikes` every
point has a spike train too, of 0 to 20 spikes. The number of files decides how a file system bears it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import arguments, sweep_of, table, write
from trivial import Trivial, TrivialSpikes

import spikesweep as ss
from spikesweep.grid.grid import Grid, axis_values
from spikesweep.store import Store, arrays
from spikesweep.sweep import run as sweeps
from spikesweep.sweep.compute.threads import Threads
from spikesweep.sweep.job import Job

SIZES = (10_000, 100_000, 1_000_000)
#: What is asked of a million points.
LIMITS = {"files": 10_000, "open, s": 0.5, "resume, s": 2.0}


class Silent:
    """A monitor that shows nothing."""

    def message(self, text: str) -> None:
        """Ignore."""

    def dashboard(self, address: str) -> None:
        """Ignore."""

    def start(self, total: int, done: int, n_workers: Callable[[], int]) -> None:
        """Ignore."""

    def advance(self, n: int, failed: int = 0) -> None:
        """Ignore."""

    def stop(self) -> None:
        """Ignore."""


def job_of(n: int, folder: str, spikes: bool) -> Job:
    """Return a sweep of about `n` points, 100 of them along the seed."""
    side = round((n / 100) ** 0.5)
    spec = {"a": {"start": 0.0, "stop": 30.0, "num": side}, "seed": {"start": 0, "stop": 99, "num": 100}}
    spec["b"] = spec["a"]
    grid = Grid(Trivial.axes, tuple(axis_values(axis, spec[axis.name]) for axis in Trivial.axes))
    protocol = TrivialSpikes() if spikes else Trivial()
    return replace(sweep_of(), protocol=protocol, grid=grid, path=Path(folder) / "n.zarr")


def seconds(call: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a call in which nothing is known of the store."""
    found = []
    for _ in range(repeats):
        for cache in (arrays._arrays, arrays._results, arrays._members):
            cache.cache_clear()
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def measure(n: int, repeats: int, spikes: bool) -> dict[str, Any]:
    """Return what a store of about `n` points costs."""
    with tempfile.TemporaryDirectory() as folder:
        sweep, compute = job_of(n, folder, spikes), Threads(2, None)
        began = time.perf_counter()
        sweeps.run(sweep, compute, Silent())
        ran = time.perf_counter() - began
        files = [p for p in sweep.path.rglob("*") if p.is_file()]
        last = {
            axis.name: values[-1] for axis, values in zip(sweep.grid.axes, sweep.grid.values, strict=True)
        }

        def again() -> None:
            assert sweeps.run(sweep, compute, Silent()).computed == 0

        def one() -> None:
            ds = ss.open(sweep.path)
            float(ds.rate.sel(last))
            if spikes:
                ds.sweep.spikes(**last)

        return {
            "points": sweep.grid.n_points,
            "files": len(files),
            "MB": sum(p.stat().st_size for p in files) / 1e6,
            "run, s": ran,
            "open, s": seconds(lambda: Store(sweep.path).open(), repeats),
            "status, s": seconds(lambda: Store(sweep.path).status(), repeats),
            "resume, s": seconds(again, repeats),
            "one point, s": seconds(one, repeats),
        }


def main() -> None:
    """Run, print, write; end with code 1 where a limit is missed."""
    parser = arguments(__doc__ or "", "store_size")
    parser.set_defaults(repeats=5)
    parser.add_argument("--spikes", action="store_true", help="every point has a spike train")
    args = parser.parse_args()
    measure(SIZES[0], 1, args.spikes)  # imports and compiles
    rows = [measure(n, args.repeats, args.spikes) for n in SIZES]
    table(rows)
    missed = [name for name, limit in LIMITS.items() if rows[-1][name] >= limit]
    write(args.json, {"sizes": rows, "missed": missed})
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
