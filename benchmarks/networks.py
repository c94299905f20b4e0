"""Recurrent networks start to end, construction included, beside Brian2 and NEST on the same work.

    python benchmarks/networks.py --brian2-python peers/bin/python --nest-python peers/bin/python

Every run is a process of its own on one core, and what counts is all its processor time: imports, drawing the
connections, simulating, and here the durable store. What is compiled once is not counted: Brian2's program
(its compilation is given apart) and our kernels. `spikesweep, started` leaves out too what Python takes to
start and to load these kernels, some 2 s: a sweep pays it once, not once a network, and Brian2's program has
no Python in it. The works are in peers/works.py; the rates tell whether all compute the same. NEST's
conductance models have an adaptive solver and take minutes: ask for them by --nest-works.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import HERE, arguments, interleaved, pin_to_one_core, ratio, table, write

OURS, STARTED = "spikesweep", "spikesweep, started"
PEERS = HERE / "peers"
sys.path.insert(0, str(PEERS))
from works import WORKS, work  # noqa: E402


@dataclass
class Case:
    """A simulator on a work: calling it runs one process and returns its processor seconds."""

    command: list[str]
    folder: Path
    about: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> float:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        out = self.folder / "answer.json"
        with out.open("w") as answers, (self.folder / "messages").open("w") as messages:
            process = subprocess.Popen(
                self.command, stdout=answers, stderr=messages, cwd=self.folder, env=environment
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            lines = (self.folder / "messages").read_text().splitlines()
            told = [line for line in lines if line.strip() and not line[0].isspace()]  # not a list of choices
            raise Failed(" ".join(told[-2:]) if told else f"exit code {process.returncode}")
        self.about["peak, MB"] = round(used.ru_maxrss / 1024)
        self.read(out.read_text())
        return used.ru_utime + used.ru_stime

    def read(self, answer: str) -> None:
        """Take the rates from what the process said."""
        self.about |= json.loads(answer)


class Brian2(Case):
    """A compiled program, which leaves its counts of spikes in files."""

    def read(self, answer: str) -> None:
        """Take the rates from the counts."""
        counts = [next((self.folder / "results").glob(f"_array_count{k}_count_*")) for k in (0, 1)]
        duration = self.about["duration"] * 1e-3
        self.about["rates"] = [float(np.fromfile(file, np.int32).mean()) / duration for file in counts]


class Started(Case):
    """One of our processes, of which only the second network counts."""

    def __call__(self) -> float:
        super().__call__()
        return float(self.about["simulate"])


class Failed(Exception):
    """A process that ended with an error."""


def compiled(python: str, name: str, folder: Path) -> Brian2:
    """Return Brian2's program of a work, compiled."""
    command = [python, str(PEERS / "networks_brian2.py"), name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    (folder / "results").mkdir(exist_ok=True)
    case = Brian2(["./main", "--results_dir", "results/"], folder)
    case.about |= json.loads(done.stdout)
    return case


def cases_of(name: str, args: Any, folder: Path) -> dict[str, Case]:
    """Return what runs a work, ours first."""
    found: dict[str, Case] = {}
    ours = [sys.executable, str(PEERS / "networks_spikesweep.py"), name]
    found[OURS] = Case(ours, _folder(folder / f"{name}_ours"))
    found[STARTED] = Started([*ours, "--started"], _folder(folder / f"{name}_started"))
    if args.nest_python and name in args.nest_works:
        command = [_whole(args.nest_python), str(PEERS / "networks_nest.py"), name]
        found["NEST"] = Case(command, _folder(folder / f"{name}_nest"))
    if args.brian2_python:
        found["Brian2"] = compiled(_whole(args.brian2_python), name, folder / f"{name}_brian2")
    return found


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _whole(python: str) -> str:
    """Return the path of an interpreter as seen from any folder; a link to it stays a link."""
    return os.path.abspath(python)


def events(name: str, rates: list[float]) -> float:
    """Return the synaptic events of a run within the network."""
    w = work(name)
    n = w.N_E + w.N_I
    degrees = [n * w.p] * 2 if hasattr(w, "p") else [n * w.C_E / w.N_E, n * w.C_I / w.N_I]
    sizes = (w.N_E, w.N_I)
    return sum(r * s * d for r, s, d in zip(rates, sizes, degrees, strict=True)) * w.duration * 1e-3


def measure(name: str, cases: dict[str, Case], repeats: int) -> tuple[list[dict[str, Any]], Any]:
    """Run a work in turns; return a row a simulator, and all seconds."""
    for who, case in list(cases.items()):
        try:
            case()
        except Failed as failure:
            print(f"{name}: {who} does not run it: {failure}\n")
            del cases[who]
    found = interleaved(cases, repeats)
    rows = []
    for who, case in cases.items():
        rates, seconds = case.about["rates"], median(found[who])
        row = {"work": name, "who": who, "E, Hz": rates[0], "I, Hz": rates[1], "seconds": seconds}
        row["M events/s"] = events(name, rates) / seconds * 1e-6
        row["peak, MB"] = case.about["peak, MB"]
        for column, ours in (("times ours", OURS), ("times started", STARTED)):
            row[column] = ratio(found[who], found[ours]) if ours in found else "-"
        row["compiles, s"] = case.about.get("compile", "-")
        rows.append(row)
    return rows, found


def main() -> None:
    """Run, print, write."""
    parser = arguments(__doc__ or "", "networks")
    parser.set_defaults(repeats=3)
    parser.add_argument("--works", nargs="+", default=list(WORKS), choices=list(WORKS))
    parser.add_argument("--brian2-python", help="interpreter of an environment that has Brian2")
    parser.add_argument("--nest-python", help="interpreter of an environment that has NEST")
    parser.add_argument("--nest-works", nargs="+", default=["brunel"], choices=list(WORKS))
    args = parser.parse_args()
    rows, seconds = [], {}
    with tempfile.TemporaryDirectory() as folder:
        cases = {name: cases_of(name, args, Path(folder)) for name in args.works}  # compiled on all cores
        core = pin_to_one_core()
        for name in args.works:
            own, seconds[name] = measure(name, cases[name], args.repeats)
            rows += own
            if own:
                table(own)
    print(f"processor seconds of whole processes on core {core}; load average {os.getloadavg()[0]:.1f}")
    write(args.json, {"results": rows, "seconds": seconds})


if __name__ == "__main__":
    main()
