"""NEST: one of the networks of works.py from nothing to its last spike, in a process of its own.

    python networks_nest.py brunel --seed 1 --set g=6 eta=4 --spikes spikes.npz

Prints a line of JSON: rates, and how the process' own time was spent. One thread. The conductance models have
an adaptive solver, far more exact than forward Euler.
"""

import argparse
import time

from serve import answer  # isort: split

from works import parsed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], help="numbers of the work: name=value")
    parser.add_argument("--spikes", help="file for all spikes: neuron, step")
    arguments = parser.parse_args()
    w = parsed(arguments.work, arguments.set)

    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    imported = time.process_time()
    nest.ResetKernel()
    nest.set(resolution=w.dt, local_num_threads=1, print_time=False, rng_seed=arguments.seed)
    populations = BUILD[w.kind](nest, w)
    recorders = [nest.Create("spike_recorder") for _ in populations]
    for population, recorder in zip(populations, recorders, strict=True):
        nest.Connect(population, recorder)
    nest.Prepare()
    built = time.process_time()
    nest.Run(w.duration)
    simulated = time.process_time()
    nest.Cleanup()
    rates = [1e3 * r.n_events / w.duration / len(p) for p, r in zip(populations, recorders, strict=True)]
    if arguments.spikes:
        keep(arguments.spikes, [r.events for r in recorders], w)
    about = {"name": f"NEST {nest.__version__}", "rates": rates}
    spent = {"start": imported, "build": built - imported, "simulate": simulated - built}
    answer({**about, **spent})


def keep(path, events, w):
    """Write the spikes of all populations in the order of time."""
    import numpy as np

    neuron = np.concatenate([e["senders"] - 1 for e in events])  # cells are the first that were created
    step = np.rint(np.concatenate([e["times"] for e in events]) / w.dt).astype(np.int64)
    order = np.lexsort((neuron, step))
    np.savez_compressed(path, neuron=neuron[order], step=step[order], N_E=w.N_E, N_I=w.N_I, dt=w.dt)


def delta(nest, w):
    """Cells with delta synapses and a fixed number of inputs, neither twice from one cell nor from itself."""
    c = w.cell
    cell = {"C_m": 1.0, "V_m": c["E_L"], **{k: c[k] for k in ("tau_m", "E_L", "V_th", "V_reset", "t_ref")}}
    exc, inh = (nest.Create("iaf_psc_delta", n, params=cell) for n in (w.N_E, w.N_I))
    everyone = exc + inh
    poisson(nest, everyone, w.nu_ext * w.C_E, w.J, w.dt)
    for source, n, weight in ((exc, w.C_E, w.J), (inh, w.C_I, -w.g * w.J)):
        rule = {"rule": "fixed_indegree", "indegree": n, "allow_multapses": False, "allow_autapses": False}
        nest.Connect(source, everyone, rule, {"weight": weight, "delay": w.delay})
    return exc, inh


def edges(nest, w):
    """The same cells; pairs connect by chance, each with a weight and a delay of its own."""
    import math

    c = w.cell
    cell = {"C_m": 1.0, "V_m": c["E_L"], **{k: c[k] for k in ("tau_m", "E_L", "V_th", "V_reset", "t_ref")}}
    exc, inh = (nest.Create("iaf_psc_delta", n, params=cell) for n in (w.N_E, w.N_I))
    everyone = exc + inh
    poisson(nest, everyone, w.nu_ext * w.C_E, w.J, w.dt)
    mu, sigma = -0.5 * math.log(2.0), math.sqrt(math.log(2.0))  # mean 1, SD 1
    for source, weight in ((exc, w.J), (inh, -w.g * w.J)):
        one = {
            "weight": weight * nest.random.lognormal(mean=mu, std=sigma),
            "delay": nest.random.uniform(min=w.delay[0], max=w.delay[1]),
        }
        nest.Connect(source, everyone, pairs(w), one)
    return exc, inh


def cuba(nest, w):
    """Currents that decay exponentially, in mV of what they lead to."""
    c = w.cell
    cell = {"C_m": 1.0, **{k: c[k] for k in ("tau_m", "E_L", "V_th", "V_reset", "t_ref")}}
    cell |= {"tau_syn_ex": c["tau_e"], "tau_syn_in": c["tau_i"]}
    exc, inh = (nest.Create("iaf_psc_exp", n, params=cell) for n in (w.N_E, w.N_I))
    everyone = exc + inh
    everyone.V_m = nest.random.uniform(c["V_reset"], c["V_th"])
    for source, weight in ((exc, w.w_e), (inh, w.w_i)):
        nest.Connect(source, everyone, pairs(w), {"weight": weight / c["tau_m"], "delay": w.dt})
    return exc, inh


def coba(nest, w):
    """Conductances that decay exponentially; potentials and conductances start at random."""
    c = w.cell
    cell = {k: c[k] for k in ("C_m", "g_L", "E_L", "V_th", "V_reset", "t_ref")}
    cell |= {"E_ex": c["E_e"], "E_in": c["E_i"], "tau_syn_ex": c["tau_e"], "tau_syn_in": c["tau_i"]}
    exc, inh = (nest.Create("iaf_cond_exp", n, params=cell) for n in (w.N_E, w.N_I))
    everyone = exc + inh
    normal = nest.random.normal
    everyone.V_m = c["E_L"] - 5.0 + normal(0.0, 5.0)
    everyone.g_ex = nest.math.max(normal(40.0, 15.0), 0.0)
    everyone.g_in = nest.math.max(normal(200.0, 120.0), 0.0)
    for source, weight in ((exc, w.w_e), (inh, -w.w_i)):
        nest.Connect(source, everyone, pairs(w), {"weight": weight, "delay": w.dt})
    return exc, inh


def adexp(nest, w):
    """AdExp cells of two kinds under independent Poisson input."""
    populations = []
    for name, n in (("E", w.N_E), ("I", w.N_I)):
        c = w.cells[name]
        cell = {k: c[k] for k in ("C_m", "g_L", "E_L", "V_th", "V_reset", "t_ref")}
        cell |= {k: c[k] for k in ("Delta_T", "a", "b", "tau_w")}
        cell |= {"E_ex": c["E_e"], "E_in": c["E_i"], "tau_syn_ex": c["tau_e"], "tau_syn_in": c["tau_i"]}
        cell |= {"V_peak": c["V_th"] + 5.0 * c["Delta_T"], "V_m": c["E_L"]}
        populations.append(nest.Create("aeif_cond_exp", n, params=cell))
    everyone = populations[0] + populations[1]
    poisson(nest, everyone, w.n_ext * w.nu_ext, w.w_e, w.dt)
    for source, weight in zip(populations, (w.w_e, -w.w_i), strict=True):
        nest.Connect(source, everyone, pairs(w), {"weight": weight, "delay": w.dt})
    return populations


def poisson(nest, cells, rate, weight, delay):
    """Give each cell a Poisson train of its own."""
    generator = nest.Create("poisson_generator", params={"rate": rate})
    nest.Connect(generator, cells, syn_spec={"weight": weight, "delay": delay})


def pairs(w):
    return {"rule": "pairwise_bernoulli", "p": w.p, "allow_autapses": False}


BUILD = {"delta": delta, "edges": edges, "cuba": cuba, "coba": coba, "adexp": adexp}

if __name__ == "__main__":
    main()
