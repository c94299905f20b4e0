"""NEST: aeif_cond_exp (adaptive solver) under two Poisson generators."""

import time

from serve import serve  # isort: split

import nest

N, TIME = 100, 500.0


def measure(fe, fi, cell, exc, inh, n_e, n_i, dt):
    """Build and simulate; only the simulation is timed."""
    nest.ResetKernel()
    nest.set(resolution=dt, local_num_threads=1, print_time=False)
    parameters = {name: value for name, value in cell.items() if name in nest.GetDefaults("aeif_cond_exp")}
    parameters |= {"V_peak": cell["V_cut"], "V_m": cell["E_L"]}
    parameters |= {"tau_syn_ex": exc["tau_syn"], "tau_syn_in": inh["tau_syn"]}
    parameters |= {"E_ex": exc["E_rev"], "E_in": inh["E_rev"]}
    cells = nest.Create("aeif_cond_exp", N, params=parameters)
    for rate, weight in ((fe * n_e, exc["weight"]), (fi * n_i, -inh["weight"])):
        generator = nest.Create("poisson_generator", params={"rate": rate})
        nest.Connect(generator, cells, syn_spec={"weight": weight, "delay": dt})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
    began = time.process_time()
    nest.Run(TIME)
    seconds = time.process_time() - began
    nest.Cleanup()
    return {
        "seconds": seconds,
        "neuron_steps": N * round(TIME / dt),
        "rate": recorder.n_events / N / (TIME * 1e-3),
    }


nest.verbosity = nest.VerbosityLevel.ERROR
serve(measure, {"name": f"NEST {nest.__version__} aeif_cond_exp"})
