"""Brian2, C++ standalone: compile the program of one of the networks of works.py into a folder.

    python networks_brian2.py brunel FOLDER --seed 1 --set g=6 eta=4

The program, `./main` in FOLDER, draws its connections itself. Prints a line of JSON: seconds of wall time to
compile it, and the sizes of the populations, whose spike counts the program leaves in results/.

The programs do no more than they must. All cells take forward Euler but for linear ones, which are exact.
Pairs connect by chance also where the work says a fixed number of inputs: Brian2 stores connections in the
order in which they were drawn, and a number for each target would scatter those of a source over the memory.
"""

import argparse
import time

from serve import answer  # isort: split

import brian2 as b2
from works import parsed

mV, ms, nS, pF, pA, Hz = b2.mV, b2.ms, b2.nS, b2.pF, b2.pA, b2.Hz
_UNITS = {
    **dict.fromkeys(("E_L", "V_th", "V_reset", "Delta_T", "E_e", "E_i"), mV),
    **dict.fromkeys(("tau_m", "t_ref", "tau_e", "tau_i", "tau_w"), ms),
    **{"C_m": pF, "g_L": nS, "a": nS, "b": pA},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], help="numbers of the work: name=value")
    arguments = parser.parse_args()
    w = parsed(arguments.work, arguments.set)
    began = time.time()
    b2.set_device("cpp_standalone", build_on_run=False)
    b2.prefs.devices.cpp_standalone.openmp_threads = 0
    b2.defaultclock.dt = w.dt * ms
    b2.seed(arguments.seed)
    parts = BUILD[w.kind](w)
    cells = [part for part in parts if isinstance(part, (b2.NeuronGroup, b2.Subgroup))]
    monitors = [b2.SpikeMonitor(part, record=False, name=f"count{k}") for k, part in enumerate(cells[-2:])]
    b2.Network(*(p for p in parts if not isinstance(p, b2.Subgroup)), *monitors).run(w.duration * ms)
    b2.device.build(directory=arguments.folder, compile=True, run=False)
    about = {"name": f"Brian2 {b2.__version__} C++ standalone", "compile": time.time() - began}
    sizes = {"sizes": [w.N_E, w.N_I], "duration": w.duration}
    answer({**about, **sizes})


def units(cell):
    return {name: value * _UNITS[name] for name, value in cell.items()}


def halves(group, w):
    """Return the excitatory and the inhibitory cells of a group."""
    return group[: w.N_E], group[w.N_E :]


def jumping(w):
    """Return LIF cells whose inputs of a step are summed in `x`: none moves a refractory cell.

    What arrives is added after the decay of a step and before its threshold, as in NEST, which costs a step:
    delays are shorter by it. Added before, it would decay first, and rates near threshold be lower.
    """
    names = units(w.cell)
    group = b2.NeuronGroup(
        w.N_E + w.N_I,
        "dv/dt = (E_L - v) / tau_m : volt (unless refractory)\nx : volt",
        method="exact",
        threshold="v > V_th",
        reset="v = V_reset",
        refractory=names["t_ref"],
        namespace=names,
    )
    group.v = names["E_L"]
    group.run_regularly("v += x * int(not_refractory)\nx = 0 * volt", when="before_thresholds")
    return group, b2.PoissonInput(group, "x", w.C_E, w.nu_ext * Hz, w.J * mV)


def delta(w):
    """Cells with delta synapses of one weight and one delay."""
    group, drive = jumping(w)
    exc, inh = halves(group, w)
    parts = [group, drive, exc, inh]
    for source, p, weight in ((exc, w.C_E / w.N_E, w.J), (inh, w.C_I / w.N_I, -w.g * w.J)):
        names = {"J": weight * mV}
        synapses = b2.Synapses(
            source, group, on_pre="x_post += J", delay=(w.delay - w.dt) * ms, namespace=names
        )
        synapses.connect(p=p)
        parts.append(synapses)
    return parts


def edges(w):
    """The same cells; each pair that connects has a weight and a delay of its own."""
    group, drive = jumping(w)
    exc, inh = halves(group, w)
    parts = [group, drive, exc, inh]
    least, most = (round(delay / w.dt) - 1 for delay in w.delay)
    for source, weight in ((exc, w.J), (inh, -w.g * w.J)):
        synapses = b2.Synapses(source, group, "J : volt", on_pre="x_post += J")
        synapses.connect(p=w.p)
        synapses.J = f"{weight} * mV * exp(sqrt(log(2.0)) * randn() - 0.5 * log(2.0))"
        synapses.delay = f"({least} + int({most - least + 1} * rand())) * {w.dt} * ms"
        parts.append(synapses)
    return parts


def cuba(w):
    """Currents that decay exponentially, in mV of what they lead to."""
    names = units(w.cell)
    equations = """
    dv/dt = (ge + gi + E_L - v) / tau_m : volt (unless refractory)
    dge/dt = -ge / tau_e : volt
    dgi/dt = -gi / tau_i : volt
    """
    group = lif(w, equations, names, "exact")
    group.v = "V_reset + rand() * (V_th - V_reset)"
    return connected(w, group, mV)


def coba(w):
    """Conductances that decay exponentially; potentials and conductances start at random."""
    names = units(w.cell)
    equations = """
    dv/dt = (g_L * (E_L - v) + ge * (E_e - v) + gi * (E_i - v)) / C_m : volt (unless refractory)
    dge/dt = -ge / tau_e : siemens
    dgi/dt = -gi / tau_i : siemens
    """
    group = lif(w, equations, names, "euler")
    group.v = "E_L + (randn() * 5 - 5) * mV"
    group.ge = "(randn() * 1.5 + 4) * 10 * nS"
    group.gi = "(randn() * 12 + 20) * 10 * nS"
    return connected(w, group, nS)


def lif(w, equations, names, method):
    return b2.NeuronGroup(
        w.N_E + w.N_I,
        equations,
        method=method,
        threshold="v > V_th",
        reset="v = V_reset",
        refractory=names["t_ref"],
        namespace=names,
    )


def connected(w, group, unit):
    exc, inh = halves(group, w)
    parts = [group, exc, inh]
    for source, kind, weight in ((exc, "e", w.w_e), (inh, "i", w.w_i)):
        names = {"weight": weight * unit}
        synapses = b2.Synapses(source, group, on_pre=f"g{kind}_post += weight", namespace=names)
        synapses.connect(p=w.p)
        parts.append(synapses)
    return parts


def adexp(w):
    """AdExp cells of two kinds, each a group, under independent Poisson input."""
    equations = """
    dv/dt = (rise - w + g_L * (E_L - v) + ge * (E_e - v) + gi * (E_i - v)) / C_m : volt (unless refractory)
    rise = g_L * Delta_T * exp((v - V_th) / Delta_T) : amp
    dw/dt = (a * (v - E_L) - w) / tau_w : amp
    dge/dt = -ge / tau_e : siemens
    dgi/dt = -gi / tau_i : siemens
    """
    groups, parts = {}, []
    for name, n in (("E", w.N_E), ("I", w.N_I)):
        names = units(w.cells[name])
        groups[name] = b2.NeuronGroup(
            n,
            equations,
            method="euler",
            threshold="v > V_th + 5 * Delta_T",
            reset="v = V_reset; w += b",
            refractory=names["t_ref"],
            namespace=names,
        )
        groups[name].v = names["E_L"]
        parts.append(b2.PoissonInput(groups[name], "ge", w.n_ext, w.nu_ext * Hz, w.w_e * nS))
    for source, kind, weight in (("E", "e", w.w_e), ("I", "i", w.w_i)):
        for target in groups.values():
            names = {"weight": weight * nS}
            on_pre = f"g{kind}_post += weight"
            synapses = b2.Synapses(groups[source], target, on_pre=on_pre, namespace=names)
            synapses.connect(p=w.p)
            parts.append(synapses)
    return [*parts, *groups.values()]


BUILD = {"delta": delta, "edges": edges, "cuba": cuba, "coba": coba, "adexp": adexp}

if __name__ == "__main__":
    main()
