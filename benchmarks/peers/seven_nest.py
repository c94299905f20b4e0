"""NEST: networks of sweeps/seven_parameters.yaml, one after the other; answers lines of common.Peer.

iaf_psc_exp solves the cells exactly, as ours do; the weights are currents (pA). One thread. Each request is a
network from nothing to its last spike, and the answer its processor seconds and rates.
"""

import time

from serve import serve  # isort: split

import nest

nest.verbosity = nest.VerbosityLevel.ERROR
CELL = {"C_m": 250.0, "tau_m": 20.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0, "V_m": 0.0}


def measure(p, sizes, indegrees, drive, duration, discard, dt, delay, seed):
    began = time.process_time()
    nest.ResetKernel()
    nest.set(resolution=dt, local_num_threads=1, print_time=False, rng_seed=seed + 1)
    cell = {**CELL, "tau_syn_ex": p["tau_E"], "tau_syn_in": p["tau_I"]}
    cells = dict(zip("EI", (nest.Create("iaf_psc_exp", n, params=cell) for n in sizes), strict=True))
    generator = nest.Create("poisson_generator", params={"rate": drive})
    for target in "EI":
        nest.Connect(generator, cells[target], syn_spec={"weight": p["J_ext"], "delay": dt})
        for source, n, sign in zip("EI", indegrees, (1.0, -1.0), strict=True):
            rule = {
                "rule": "fixed_indegree",
                "indegree": n,
                "allow_multapses": False,
                "allow_autapses": False,
            }
            weight = sign * p[f"J_{target}{source}"]
            nest.Connect(cells[source], cells[target], rule, {"weight": weight, "delay": delay})
    recorders = [nest.Create("spike_recorder", params={"start": discard}) for _ in "EI"]
    for name, recorder in zip("EI", recorders, strict=True):
        nest.Connect(cells[name], recorder)
    nest.Prepare()
    built = time.process_time()
    nest.Run(duration)
    nest.Cleanup()
    ended = time.process_time()
    seconds = (duration - discard) * 1e-3
    rates = [r.n_events / seconds / n for r, n in zip(recorders, sizes, strict=True)]
    return {"build": built - began, "simulate": ended - built, "rates": rates}


serve(measure, {"name": f"NEST {nest.__version__}"})
