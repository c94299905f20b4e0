"""NEST: gif_psc_exp under constant currents: rates, intervals, and the processor time of its steps.

    peers/bin/python benchmarks/peers/gif_nest.py tests/reference/gif_nest.csv

The cells of neuron=gif, independent, from rest. The time of a neuron step is that of a run without recorders,
and is printed.
"""

import sys
import time
from pathlib import Path

import nest
import numpy as np

N, TIME, DISCARD, DT = 1000, 5000.0, 1000.0, 0.1
CELLS = {
    "L5Pyr": {
        "C_m": 83.1,
        "g_L": 3.7,
        "E_L": -67.0,
        "V_m": -67.0,
        "V_reset": -36.7,
        "t_ref": 4.0,
        "V_T_star": -39.6,
        "Delta_V": 1.4,
        "lambda_0": 1.0,
        "q_stc": [56.7, -6.9],
        "tau_stc": [57.8, 218.2],
        "q_sfa": [11.7, 1.8],
        "tau_sfa": [53.8, 640.0],
    },
    "Renewal": {},  # the defaults
}
CURRENTS = {"L5Pyr": (100.0, 150.0, 200.0, 300.0, 400.0), "Renewal": (142.0, 145.0, 150.0, 170.0, 220.0)}


def build(cell, current):
    """Return N cells in a new kernel."""
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=1, print_time=False, rng_seed=7)
    return nest.Create("gif_psc_exp", N, params={**cell, "I_e": current})


def measured(cell, current):
    """Return statistics over cells."""
    cells, recorder = build(cell, current), nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(TIME)
    senders, times = recorder.events["senders"], recorder.events["times"]
    order = np.lexsort((times, senders))
    trains = np.split(times[order], np.searchsorted(senders[order], np.arange(2, N + 1)))
    late = [train[train > DISCARD] for train in trains]
    rate = np.array([len(train) for train in late]) / (TIME - DISCARD) * 1e3
    first = np.array([train[1] - train[0] for train in trains if len(train) > 1])
    cv = np.array([np.diff(t).std() / np.diff(t).mean() for t in late if len(t) > 2])
    return [f(values) for values in (rate, first, cv) for f in (np.mean, np.std)]


def seconds(cell, current):
    """Return the processor time of a neuron step (ns)."""
    build(cell, current)
    nest.Prepare()
    began = time.process_time()
    nest.Run(TIME)
    spent = time.process_time() - began
    nest.Cleanup()
    return spent / (N * TIME / DT) * 1e9


if __name__ == "__main__":
    nest.verbosity = nest.VerbosityLevel.ERROR
    lines = ["cell,i_ext,rate,rate_sd,first_isi,first_isi_sd,cv_isi,cv_isi_sd"]
    for name, currents in CURRENTS.items():
        for current in currents:
            lines.append(
                f"{name},{current:g}," + ",".join(f"{x:.6g}" for x in measured(CELLS[name], current))
            )
        print(f"{name}: {seconds(CELLS[name], currents[2]):.1f} ns a neuron step")
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
