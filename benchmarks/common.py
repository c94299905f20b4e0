"""What the benchmarks share: interleaved runs, medians, ratios, the table, JSON, the machine."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import spikesweep as ss
from spikesweep.sweep.job import Job, make_job

HERE = Path(__file__).parent
_VERSIONS = ("spikesweep", "numba", "llvmlite", "numpy", "dask", "zarr", "xarray")


def arguments(description: str, name: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, default=Path("outputs/benchmarks") / f"{name}.json")
    parser.add_argument("--repeats", type=int, default=7, help="rounds; each runs everything once")
    return parser


def interleaved(cases: Mapping[Any, Callable[[], float]], repeats: int) -> dict[Any, list[float]]:
    """Run every case once a round; return what they measured, by case.

    What is compared shares whatever else the machine did in that round. A round before the first
    compiles and warms caches.
    """
    for case in cases.values():
        case()
    results: dict[Any, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            results[name].append(case())
    return results


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Return the median over rounds of the ratio within a round."""
    return median(a / b for a, b in zip(numerator, denominator, strict=True))


def cpu_ns(call: Callable[[], Any], n: float) -> float:
    """Return the processor time of a call (ns) over `n`: what others do on the core does not count."""
    began = time.process_time_ns()
    call()
    return (time.process_time_ns() - began) / n


def pin_to_one_core() -> int:
    """Keep this process and its children on one core; return which."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def sweep_of(*words: str) -> Job:
    """Return the sweep of the words of a command line."""
    return make_job(ss.load(*words))[0]


def points_of(n: int, **values: float) -> dict[str, np.ndarray]:
    """Return `n` points that share `values` and differ in their seed."""
    return {**{name: np.full(n, value) for name, value in values.items()}, "seed": np.arange(n)}


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of equal keys."""
    names = list(rows[0])
    cells = [[_text(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    for line in (names, ["-" * w for w in widths], *cells):
        padded = (
            text.ljust(w) if i == 0 else text.rjust(w)
            for i, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(padded).rstrip())
    print()


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write results and the machine to a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **results}, indent=1) + "\n")
    print(f"written to {path}")


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    versions = {"python": platform.python_version()}
    for package in _VERSIONS:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "source tree"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "system": platform.platform(),
        "versions": versions,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _processor() -> dict[str, str]:
    """Return the processor as the kernel describes it; cores are real where threads per core is 1."""
    wanted = ("Model name", "CPU(s)", "Thread(s) per core", "L2 cache")
    try:
        lines = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout.splitlines()
    except OSError:
        return {"Model name": platform.processor()}
    pairs = (line.partition(":") for line in lines)
    found = {key.strip(): value.strip() for key, _, value in pairs if key.strip() in wanted}
    flags = next((line for line in lines if line.startswith("Flags")), "").split()
    return {**found, "vectors": next((f for f in ("avx512f", "avx2", "avx") if f in flags), "other")}


class Peer:
    """Another simulator in a process of its own, asked for one run at a time (peers/serve.py)."""

    def __init__(self, python: str, script: str) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [python, str(HERE / "peers" / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about = self._answer()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request: seconds, neuron_steps, rate."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self._process.args} ended; its messages are above")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
