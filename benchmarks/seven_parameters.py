"""Seconds a network of sweeps/seven_parameters.yaml, beside NEST on some of its points, and of a million.

    python benchmarks/seven_parameters.py --points 128 --nest-python peers/bin/python --nest-points 16

Ours is the command itself in a process of its own on one core: connections drawn, networks of 9216 cells
simulated for 1 s, summaries, gates, the durable store. The same command once more, with nothing to compute,
is what it takes to start, and is left out: a sweep pays it once. NEST builds and simulates one network after
the other in one process (`iaf_psc_exp`, exact as ours, one thread) and keeps the spikes; no statistics, no
store. It gets points that are valid (`ok`), then some that are gated: ours end early there, NEST has no such
rule. Draws of a network differ, so rates agree in the mean alone.
"""

import os
import subprocess
import sys
import tempfile
from statistics import mean, median
from typing import Any

import numpy as np
from common import HERE, Peer, arguments, pin_to_one_core, table, write

import spikesweep as ss

SIZES, INDEGREES, DRIVE = (7372, 1844), (400, 100), 8000.0
RUN = {"duration": 1000.0, "discard": 200.0, "dt": 0.1, "delay": 1.5}
NAMES = ("J_EE", "J_IE", "J_EI", "J_II", "tau_E", "tau_I", "J_ext")
MILLION, CORES = 1_000_000, 4000


def command(folder: str, points: int) -> float:
    """Run the sweep; return its processor seconds."""
    words = ("-cd", str(HERE.parent / "sweeps"), "-cn", "seven_parameters", f"sample.num={points}")
    process = subprocess.Popen(
        [sys.executable, "-m", "spikesweep", "run", *words, f"outputs={folder}", "compute=serial"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"the sweep ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def ours(points: int) -> tuple[float, float, Any]:
    """Return the seconds a network, those of the start, and the dataset."""
    with tempfile.TemporaryDirectory() as folder:
        command(folder, 1)  # compiles kernels, once for all runs
    with tempfile.TemporaryDirectory() as folder:
        whole = command(folder, points)
        start = command(folder, points)
        ds = ss.open(f"{folder}/seven_parameters/lif_psc-brunel2000.zarr").load()
    return (whole - start) / points, start, ds


def beside(peer: Peer, ds: Any, indices: list[int]) -> list[dict[str, Any]]:
    """Return what NEST took for some points, and its rates beside ours."""
    found = []
    for i in indices:
        p = {name: float(ds[name][i]) for name in NAMES}
        answer = peer.ask(p=p, sizes=SIZES, indegrees=INDEGREES, drive=DRIVE, seed=i, **RUN)
        here = ds.rate.isel(point=i).values.ravel().tolist()
        seconds = answer["build"] + answer["simulate"]
        found.append({"point": i, "seconds": seconds, **answer, "ours": here})
    return found


def row(name: str, seconds: float, ratio: float | str) -> dict[str, Any]:
    """Return a line of the table."""
    million = seconds * MILLION
    return {
        "what": name,
        "s a network": seconds,
        "times ours": ratio,
        "10^6, core hours": million / 3600,
        f"10^6 on {CORES} cores, h": million / 3600 / CORES,
    }


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__ or "", "seven_parameters")
    parser.add_argument("--points", type=int, default=128, help="networks of the sweep, a power of 2")
    parser.add_argument("--nest-python")
    parser.add_argument("--nest-points", type=int, default=16, help="valid networks that NEST simulates")
    parser.add_argument("--nest-gated", type=int, default=2, help="gated ones")
    options = parser.parse_args()
    pin_to_one_core()
    seconds, start, ds = ours(options.points)
    status = ds.status.values.ravel()
    counts = dict(
        zip(ds.status.attrs["flag_meanings"].split(), np.bincount(status, minlength=7).tolist(), strict=True)
    )
    rows, found = [row("spikesweep, all points", seconds, "")], {}
    if options.nest_python:
        peer = Peer(options.nest_python, "seven_nest.py")
        valid, gated = (np.flatnonzero(status == code).tolist() for code in (1, 6))
        found["ok"] = beside(peer, ds, valid[: options.nest_points])
        found["gated"] = beside(peer, ds, gated[: options.nest_gated])
        peer.close()
        for kind, each in ((kind, each) for kind, each in found.items() if each):
            took, alone = (mean(one[part] for one in each) for part in ("seconds", "simulate"))
            name = f"{peer.about['name']}, {len(each)} {kind} points"
            rows += [row(name, took, took / seconds), row(f"{name}, built", alone, alone / seconds)]
    table(rows)
    told = {name: n for name, n in counts.items() if n}
    print(f"start {start:.1f} s, left out; points: {told}; {ds.nbytes / ds.sizes['point']:.0f} bytes a point")
    for k, name in enumerate("EI") if found else ():
        here, there = ([one[side][k] for one in found["ok"]] for side in ("ours", "rates"))
        print(f"rate of {name} at ok points, Hz: median {median(here):.2f} ours, {median(there):.2f} NEST")
    results = {"seconds": seconds, "start": start, "status": told, "nest": found}
    write(options.json, results)


if __name__ == "__main__":
    main()
