"""What a point of a function of one's own costs here and elsewhere: the same function over the same grid.

    python benchmarks/functions.py        # beside pipefunc, xyzpy, mushin, joblib where they are installed

The function multiplies two numbers, so what is measured is everything else. Ours keeps a durable store that
resumes; the peers keep results in memory where they can, one after the other, or a folder a point (mushin).
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from common import arguments, table, write

import spikesweep as ss

SOURCE = """
from typing import Annotated

def f(x: float, y: float = 1.0) -> Annotated[float, "mV"]:
    return x * y
"""
#: Points of a peer that takes milliseconds for each.
FEW = 1000


def ours(folder: Path, n: int, *words: str) -> float:
    """Return the microseconds a point of `protocol=function`."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    axes = (f"grid.x={{start:0,stop:1,num:{n // 100}}}", "grid.y={start:0,stop:1,num:100}")
    cfg = ss.load(f"function={folder}/quick/sim.py:f", *axes, f"outputs={folder}/out", *words)
    began = time.perf_counter()
    ds = ss.run(cfg)
    elapsed = time.perf_counter() - began
    assert ds.f.size == n // 100 * 100
    return 1e6 * elapsed / n


def f(x: float, y: float) -> float:
    """Return the product, as the file above does."""
    return x * y


def points(n: int) -> tuple[list[float], list[float]]:
    """Return the values of both axes."""
    return [i / (n // 100) for i in range(n // 100)], [i / 100 for i in range(100)]


def by_joblib(n: int) -> float:
    """Return the microseconds a point of joblib, on one process."""
    import joblib

    began = time.perf_counter()
    found = joblib.Parallel(n_jobs=1)(joblib.delayed(f)(x, y) for x, y in product(*points(n)))
    assert len(found) == n
    return 1e6 * (time.perf_counter() - began) / n


def by_pipefunc(n: int) -> float:
    """Return the microseconds a point of pipefunc, serial, in memory."""
    from pipefunc import Pipeline, pipefunc

    @pipefunc(output_name="z", mapspec="x[i], y[j] -> z[i, j]")
    def called(x: float, y: float) -> float:
        return x * y

    x, y = points(n)
    began = time.perf_counter()
    found = Pipeline([called]).map({"x": x, "y": y}, parallel=False, storage="dict")
    assert found["z"].output.size == n
    return 1e6 * (time.perf_counter() - began) / n


def by_xyzpy(n: int) -> float:
    """Return the microseconds a point of xyzpy, serial, in memory."""
    import xyzpy

    x, y = points(n)
    began = time.perf_counter()
    found = xyzpy.Runner(f, var_names=["z"]).run_combos({"x": x, "y": y}, verbosity=0)
    assert found.z.size == n
    return 1e6 * (time.perf_counter() - began) / n


def by_mushin(n: int) -> float:
    """Return the microseconds a point of mushin: a job of Hydra each, with a folder of its own."""
    from mushin import multirun
    from mushin.workflows import MultiRunMetricsWorkflow

    class Job(MultiRunMetricsWorkflow):
        @staticmethod
        def task(x: float, y: float) -> dict[str, float]:
            return {"z": x * y}

    x, y = points(n)
    began = time.perf_counter()
    Job().run(x=multirun(x), y=multirun(y))
    return 1e6 * (time.perf_counter() - began) / n


def main() -> None:
    """Run, print, write."""
    args = arguments(__doc__ or "", "functions").parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        (folder / "quick").mkdir()
        (folder / "quick" / "sim.py").write_text(SOURCE)
        cases: dict[str, tuple[int, Callable[[int], float]]] = {
            "spikesweep": (100_000, lambda n: ours(folder, n, "compute=serial")),
            "spikesweep, two threads": (100_000, lambda n: ours(folder, n, "compute.workers=2")),
            "spikesweep, vectorized": (
                100_000,
                lambda n: ours(folder, n, "compute=serial", "protocol.vectorized=true"),
            ),
            "joblib": (100_000, by_joblib),
            "pipefunc": (10_000, by_pipefunc),
            "xyzpy": (10_000, by_xyzpy),
            "mushin": (FEW, by_mushin),
        }
        found: dict[str, list[float]] = {}
        for _ in range(args.repeats):
            for case, (n, call) in cases.items():
                try:
                    found.setdefault(case, []).append(call(n))
                except ImportError as error:
                    print(f"{case}: {error}", file=sys.stderr)
    first = median(found["spikesweep"])
    rows: list[dict[str, Any]] = [
        {"case": case, "points": cases[case][0], "us a point": median(us), "times ours": median(us) / first}
        for case, us in found.items()
        if us
    ]
    table(rows)
    write(args.json, {"functions": found})


if __name__ == "__main__":
    main()
