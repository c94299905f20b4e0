"""Time the f-I curve of the Jercog units here and in Brian2 (Cython), both compiled before.

    python benchmarks/fi_curve.py --brian2-python PATH_TO_A_PYTHON_WITH_BRIAN2

Brian2 is no dependency (2.9 needs numpy < 2.4): its half runs in the interpreter that the flag names,
by this same file. Both simulate every current of the default grid, both units, and must agree on every
count.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np

try:
    import spikesweep as ss
    from spikesweep.sweep.job import make_job
    from spikesweep.units import PER_MS
except ImportError:  # in Brian2's interpreter
    pass

REPEATS = 9


def clocks():
    """Return wall and processor time (s): on a shared machine the second says more."""
    return np.array([perf_counter(), process_time()])


def timed(work):
    """Return what `work` returns, called once before, and the times (s) of REPEATS calls."""
    result, times = work(), []
    for _ in range(REPEATS):
        began = clocks()
        work()
        times.append((clocks() - began).tolist())
    return result, times


def spikesweep_curve():
    """Return wall and processor times (s) of the kernels and of whole sweeps, the counts, the work."""
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "compute=threads")
    job, compute, _ = make_job(ss.load(*words))
    n_blocks = compute.n_workers
    blocks = list(job.grid.blocks(job.grid.block_shape(-(-job.grid.n_points // n_blocks))))
    job.protocol.prepare(job.network)

    def curve(block):
        return job.protocol(job.network, job.grid.points(block), {})["rate"]

    def rates(mapped):
        return np.concatenate(list(mapped(curve, blocks)), axis=1)

    with ThreadPoolExecutor(n_blocks) as pool, TemporaryDirectory() as folder:
        outputs = (f"outputs={folder}/{i}" for i in count())
        alone, one = timed(lambda: rates(map))
        rate, several = timed(lambda: rates(pool.map))
        ds, whole = timed(lambda: ss.run(ss.load(*words, next(outputs))))
        assert np.array_equal(alone, rate)
        assert np.array_equal(ds.rate.values[..., 0], rate)
    times = {"kernels, one thread": one, "kernels, threads": several, "sweep with store": whole}
    cells = {name: cell._asdict() for name, cell in job.network.cells.items()}
    counts = np.round(rate * job.protocol.duration * PER_MS).astype(int)
    work = {"cells": cells, "i_ext": job.grid.values[0].tolist(), "duration": job.protocol.duration}
    return times, counts, {**work, "dt": job.protocol.dt}


def brian2_curve(work, published):
    """Return wall and processor times (s) of `run` after a first one that compiled, and the counts.

    `published`: the parameters are variables of each cell and spikes are recorded with their times, as in
    the original code; otherwise parameters are constants and spikes are only counted.
    """
    import brian2 as b

    b.prefs.codegen.target = "cython"
    b.defaultclock.dt = work["dt"] * b.ms
    equations = """
        dv/dt = (g_L * (E_L - v) - w + I) / C_m : volt (unless refractory)
        dw/dt = -w / tau_w : amp
        I : amp
    """
    own = {"g_L": "siemens", "E_L": "volt", "C_m": "farad", "V_th": "volt", "V_reset": "volt", "jump": "amp"}
    if published:
        equations += "".join(f"{name} : {unit}\n" for name, unit in own.items())
    groups, monitors = [], []
    for p in work["cells"].values():
        values = {
            "g_L": p["g_L"] * b.nS,
            "E_L": p["E_L"] * b.mV,
            "C_m": p["C_m"] * b.pF,
            "V_th": p["V_th"] * b.mV,
            "V_reset": p["V_reset"] * b.mV,
            "jump": p["beta"] / p["tau_w"] * b.pA,
        }
        group = b.NeuronGroup(
            len(work["i_ext"]),
            equations,
            method="euler",
            threshold="v >= V_th",
            reset="v = V_reset; w += jump",
            refractory=p["t_ref"] * b.ms,
            namespace={"tau_w": p["tau_w"] * b.ms, **({} if published else values)},
        )
        for name, value in values.items() if published else ():
            setattr(group, name, value)
        group.v = p["E_L"] * b.mV
        group.I = np.array(work["i_ext"]) * b.pA
        groups.append(group)
        monitors.append(b.SpikeMonitor(group, record=published))
    network = b.Network(groups, monitors)
    network.store()
    network.run(b.defaultclock.dt)  # compiles

    def simulate():
        network.restore()
        network.run(work["duration"] * b.ms)

    return timed(simulate)[1], [np.asarray(m.count).tolist() for m in monitors]


def brian2_in(python, work, form):
    """Return the times and the counts of Brian2 in another interpreter."""
    command = [python, __file__, "--brian2-half", form]
    done = subprocess.run(command, input=json.dumps(work), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{python} could not run Brian2:\n{done.stderr}")
    times, counts = json.loads(done.stdout)
    return times, np.array(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--brian2-python", default=sys.executable, help="interpreter that has Brian2")
    parser.add_argument("--brian2-half", choices=["published", "lean"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.brian2_half:
        json.dump(brian2_curve(json.load(sys.stdin), arguments.brian2_half == "published"), sys.stdout)
        return
    times, counts, work = spikesweep_curve()
    different = 0
    for form in ("published", "lean"):
        times[f"Brian2, {form}"], theirs = brian2_in(arguments.brian2_python, work, form)
        different += int((counts != theirs).sum())
    n, steps = counts.size, round(work["duration"] / work["dt"])
    typical = {name: np.median(seconds, axis=0) for name, seconds in times.items()}
    ours = np.min([typical["kernels, one thread"], typical["kernels, threads"]], axis=0)
    print(f"{n} cells, {steps} steps, medians of {REPEATS}; in brackets as multiples of the best kernels")
    for name, (wall, cpu) in typical.items():
        each = wall / n / steps * 1e9
        print(f"{name:20} wall {wall:6.3f} s ({wall / ours[0]:5.1f})  {each:6.2f} ns a neuron step", end="  ")
        print(f"cpu {cpu:6.3f} s ({cpu / ours[1]:5.1f})")
    print(f"counts that differ: {different} of {2 * n}")
    if different:
        sys.exit(1)


if __name__ == "__main__":
    main()
