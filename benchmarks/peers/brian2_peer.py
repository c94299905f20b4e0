"""Brian2, C++ standalone: one program a pair of rates, built once, then run at every request.

Timed is the processor time of the program, whose start and end are some milliseconds.
"""

import resource
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from serve import serve  # isort: split

import brian2 as b2
import numpy as np

N, STEPS = 1000, 20_000
FOLDER = tempfile.TemporaryDirectory()
EQUATIONS = """
dv/dt = (I_exp - w + g_L * (E_L - v) + ge * (E_e - v) + gi * (E_i - v)) / C_m : volt (unless refractory)
I_exp = g_L * Delta_T * exp((v - V_th) / Delta_T) : amp
dw/dt = (a * (v - E_L) - w) / tau_w : amp
dge/dt = -ge / tau_e : siemens
dgi/dt = -gi / tau_i : siemens
spikes : 1
"""


@cache
def project(fe, fi, cell, exc, inh, n_e, n_i, dt):
    """Build the program of a pair of rates; return its folder."""
    folder = Path(FOLDER.name) / f"{fe}-{fi}"
    cell, exc, inh = dict(cell), dict(exc), dict(inh)
    b2.device.reinit()
    b2.device.activate(build_on_run=False, directory=str(folder))
    b2.defaultclock.dt = dt * b2.ms
    units = {
        **dict.fromkeys(("E_L", "V_th", "V_cut", "V_reset", "Delta_T"), b2.mV),
        **dict.fromkeys(("tau_w", "t_ref"), b2.ms),
        **{"C_m": b2.pF, "g_L": b2.nS, "a": b2.nS, "b": b2.pA},
    }
    names = {name: value * units[name] for name, value in cell.items()}
    names |= {"tau_e": exc["tau_syn"] * b2.ms, "tau_i": inh["tau_syn"] * b2.ms}
    names |= {"E_e": exc["E_rev"] * b2.mV, "E_i": inh["E_rev"] * b2.mV}
    group = b2.NeuronGroup(
        N,
        EQUATIONS,
        method="euler",
        threshold="v > V_cut",
        reset="v = V_reset; w += b; spikes += 1",
        refractory="t_ref",
        namespace=names,
    )
    group.v = names["E_L"]
    events = [
        b2.PoissonInput(group, "ge", n_e, fe * b2.Hz, exc["weight"] * b2.nS),
        b2.PoissonInput(group, "gi", n_i, fi * b2.Hz, inh["weight"] * b2.nS),
    ]
    b2.Network(group, *events).run(STEPS * dt * b2.ms)
    b2.device.build(directory=str(folder), compile=True, run=False)
    return folder


def measure(fe, fi, cell, exc, inh, n_e, n_i, dt):
    """Run the program once."""
    frozen = (tuple(sorted(part.items())) for part in (cell, exc, inh))
    folder = project(fe, fi, *frozen, n_e, n_i, dt)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    results = folder / "results"
    results.mkdir(exist_ok=True)
    subprocess.run(["./main", "--results_dir", f"{results}/"], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (counts,) = results.glob("_array_neurongroup*_spikes_*")
    return {
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "neuron_steps": N * STEPS,
        "rate": float(np.fromfile(counts).mean() / (STEPS * dt * 1e-3)),
    }


b2.set_device("cpp_standalone", build_on_run=False)
serve(measure, {"name": f"Brian2 {b2.__version__} C++ standalone, {N} neurons"})
