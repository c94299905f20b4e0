"""Nanoseconds per neuron step of each neuron model, and of others who compute the same.

All on one core, in processor time, interleaved; a ratio is the median over rounds of the ratio within a
round, larger than 1 where spikesweep is the faster.
"""

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import (
    HERE,
    Peer,
    arguments,
    cpu_ns,
    interleaved,
    pin_to_one_core,
    points_of,
    ratio,
    sweep_of,
    table,
    write,
)
from original import single_experiment

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.models.synapses.two_stage import TwoStageCurrent

#: Presynaptic rates (Hz); without events only where the other can do it too.
RATES = ((4.0, 8.0), (12.0, 8.0), (30.0, 8.0))
SILENT = (0.0, 0.0)
#: The cell of each neuron model; a model that is not named here runs with its first.
CELLS = {"adexp": "RS"}
REFERENCE = "adexp"
C_LOOP = "C loop"
DT = 0.05
LANES = 256  # cells in a run of ours and of C


class Ours:
    """One neuron model through the protocol, as a block of a sweep calls it."""

    def __init__(self, neuron: str, duration: float, *, two_stage: bool = False) -> None:
        self.cell = CELLS.get(neuron) or next(iter(sweep_cells(neuron)))
        self.sweep = sweep_of(
            f"neuron={neuron}",
            f"network.populations=[{self.cell}]",
            f"protocol.duration={duration}",
            f"protocol.dt={DT}",
        )
        self.network = self.sweep.network
        if two_stage:  # the charge of an event at 60 mV from the reversal potential
            charges = {"exc": 60.0 * self.network.synapses["exc"].weight, "inh": -100.0}
            synapses = {kind: TwoStageCurrent(q, 1.0, 5.0) for kind, q in charges.items()}
            self.network = replace(self.network, **synapses)
        self.n = LANES * duration / DT
        self.rate = 0.0

    def __call__(self, rates: tuple[float, float]) -> float:
        """Return ns per neuron step."""
        return cpu_ns(partial(self._run, points_of(LANES, fe=rates[0], fi=rates[1])), self.n)

    def _run(self, points: Any) -> None:
        whole = {"pop_size": np.ones(1, np.int64)}
        rates = self.sweep.protocol(self.network, points, whole)["rate"]
        self.rate = float(rates.mean())


def models(duration: float) -> dict[str, Ours]:
    """Return the case of every neuron model that runs in the default network."""
    found = {}
    for neuron in sorted(path.stem for path in (HERE.parent / "conf" / "neuron").glob("*.yaml")):
        with suppress(InputError):  # a rate unit, or a cell without units
            found[neuron] = Ours(neuron, duration)
    found[f"{REFERENCE}, two-stage currents"] = Ours(REFERENCE, duration, two_stage=True)
    return found


def sweep_cells(neuron: str) -> Any:
    """Return the names of a model's cells."""
    import spikesweep as ss

    return ss.load(f"neuron={neuron}").neuron


def original(sweep: Any, duration: float, runs: int, compiled: bool) -> Callable[..., float]:
    """Return the case of the original algorithm: one cell at a time, `runs` of them."""
    (cell,) = sweep.network.cells.values()

    def case(rates: tuple[float, float]) -> float:
        def run() -> None:
            case.rate = np.mean(  # type: ignore[attr-defined]
                [
                    single_experiment(
                        cell,
                        sweep.network.synapses,
                        sweep.network.in_degree,
                        *rates,
                        duration,
                        DT,
                        seed,
                        compiled=compiled,
                    )
                    for seed in range(runs)
                ]
            )

        return cpu_ns(run, runs * duration / DT)

    return case


def c_loop(sweep: Any, duration: float) -> Callable[..., float]:
    """Compile lanes.c for this processor and return its case."""
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "lanes.so")
        source = str(HERE / "lanes.c")
        # -fno-trapping-math changes no result; without it gcc keeps the selections of exp as branches
        flags = ["-O3", "-march=native", "-fno-trapping-math", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, "-o", library, source, "-lm"], check=True)
        simulate = ctypes.CDLL(library).simulate
    simulate.restype = ctypes.c_double
    network = sweep.network
    (cell,) = network.cells.values()
    clock = Clock.of(DT, "steps")
    synapses = [network.synapses[kind].coefficients(clock) for kind in ("exc", "inh")]
    by_row = [value for row in zip(*synapses, strict=True) for value in row]  # decay, weight, E_rev of both
    parameters = (ctypes.c_double * 19)(*map(float, (*cell.coefficients(clock), *by_row)))
    n_steps = round(duration / DT)

    def case(rates: tuple[float, float]) -> float:
        degrees = network.in_degree
        per_step = [f * degrees[kind] * DT * 1e-3 for f, kind in zip(rates, ("exc", "inh"), strict=True)]
        interval = (ctypes.c_double * 2)(*(1.0 / f if f else 0.0 for f in per_step))

        def run() -> None:
            spikes = sum(
                simulate(parameters, interval, ctypes.c_uint64(group), ctypes.c_int64(n_steps))
                for group in range(LANES // 32)
            )
            case.rate = spikes / (LANES * duration * 1e-3)  # type: ignore[attr-defined]

        return cpu_ns(run, LANES * n_steps)

    return case


def peer_case(peer: Peer, sweep: Any, **options: Any) -> Callable[..., float]:
    """Return the case of another simulator."""
    (cell,) = sweep.network.cells.values()
    cut = float(cell.coefficients(Clock.of(DT, "steps")).V_cut)
    parameters = {**cell._asdict(), "V_cut": cut}
    synapses, degrees = sweep.network.synapses, sweep.network.in_degree

    def case(rates: tuple[float, float]) -> float:
        answer = peer.ask(
            fe=rates[0],
            fi=rates[1],
            cell=parameters,
            exc=synapses["exc"]._asdict(),
            inh=synapses["inh"]._asdict(),
            n_e=round(degrees["exc"]),
            n_i=round(degrees["inh"]),
            dt=DT,
            **options,
        )
        case.rate = answer["rate"]  # type: ignore[attr-defined]
        return 1e9 * answer["seconds"] / answer["neuron_steps"]

    return case


def main() -> None:
    """Run, print, write."""
    parser = arguments(__doc__ or "", "neuron_steps")
    parser.add_argument("--duration", type=float, default=2000.0, help="ms of each run of ours")
    for name in ("brian2", "jax", "nest"):
        parser.add_argument(f"--{name}-python", help=f"interpreter of an environment that has {name}")
    args = parser.parse_args()
    core = pin_to_one_core()
    ours = models(args.duration)
    reference = ours[REFERENCE].sweep
    others: dict[str, Callable[..., float]] = {
        "original, numba": original(reference, 10_000.0, 3, True),
        "original, plain Python": original(reference, 250.0, 1, False),
        C_LOOP: c_loop(reference, args.duration),
    }
    peers = []
    for name in ("brian2", "jax", "nest"):
        if python := getattr(args, f"{name}_python"):
            peers.append(peer := Peer(python, f"{name}_peer.py"))
            others[peer.about["name"]] = peer_case(peer, reference)
            if name == "jax":
                others[f"{peer.about['name']}, float32"] = peer_case(peer, reference, precision="float32")
    results, grown = measure(ours, others, args.repeats)
    for peer in peers:
        peer.close()
    print(f"ns per neuron step, dt {DT} ms, core {core} alone; ratio to {REFERENCE} of spikesweep\n")
    table([{k: v for k, v in row.items() if k != "all ns"} for row in results])
    low, high = (_label(rates) for rates in (RATES[0], RATES[-1]))
    table([{f"cost of {high} Hz over {low} Hz": name, "ratio": value} for name, value in grown.items()])
    write(args.json, {"core": core, "dt_ms": DT, "results": results, f"{high} / {low}": grown})


def measure(
    ours: dict[str, Ours], others: dict[str, Any], repeats: int
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Return a row for every case at every pair of rates, and by case what the most events cost."""
    named = {f"spikesweep {name}": case for name, case in ours.items()} | others
    output: dict[tuple[str, Any], float] = {}

    def run(name: str, rates: tuple[float, float]) -> float:
        ns = named[name](rates)
        output[name, rates] = named[name].rate
        return ns

    cases = {
        (name, rates): partial(run, name, rates)
        for rates in (SILENT, *RATES)
        for name in named
        if rates != SILENT or name not in others or name == C_LOOP
    }
    found = interleaved(cases, repeats)
    rows = [
        {
            "what": name,
            "(fe, fi) Hz": _label(rates),
            "ns": median(values),
            "ratio": ratio(values, found[f"spikesweep {REFERENCE}", rates]),
            "output Hz": round(float(output[name, rates]), 2),
            "all ns": values,
        }
        for (name, rates), values in found.items()
    ]
    return rows, {name: ratio(found[name, RATES[-1]], found[name, RATES[0]]) for name in named}


def _label(rates: tuple[float, float]) -> str:
    return "no events" if rates == SILENT else f"({rates[0]:g}, {rates[1]:g})"


if __name__ == "__main__":
    main()
