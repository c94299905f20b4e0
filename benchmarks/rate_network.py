"""Our integrators against SciPy's solve_ivp at equal accuracy, for networks of the default size.

    python benchmarks/rate_network.py

Every solver gets the loosest tolerance (or step) of a ladder whose worst error, of any potential at any
sample of 20 networks, stays below ACCURACY; the time is then per network, traces and measures included.
SciPy integrates the full system (one current a synapse, as the published code) with a vectorised
derivative; the error is that against SciPy's own DOP853 at 1e-12. One thread; processor time, so that
other programs disturb less; the fastest of REPEATS.
"""

from time import thread_time

import numpy as np

import spikesweep as ss
from spikesweep.sweep.job import make_job

ACCURACY = 1e-4  # mV
NETWORKS = 20
BATCH = 200  # networks a call of the compiled ones
REPEATS = 5  # the fastest counts

LADDERS = {
    "scipy RK45": ("scipy", "rtol", [1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8]),
    "adaptive": ("adaptive", "rtol", [1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8]),
    "fixed": ("fixed", "dt", [5.0, 3.4, 2.0, 1.7, 1.2, 1.0, 0.7, 0.5, 0.25]),
}


def points(n):
    return {"pattern": np.arange(n) % 10, "seed": np.arange(n) // 10, "weight_scale": np.ones(n)}


def solver(*words):
    cfg = ss.load("neuron=rate_unit", "network=feedforward_rate", "protocol=rate_dynamics", *words)
    job, _, _ = make_job(cfg)
    return job


def potentials(job, n):
    return job.protocol(job.network, points(n), {})["v"]


def seconds(job, n):
    start = thread_time()
    potentials(job, n)
    return thread_time() - start


def main():
    exact = (
        "protocol.integrator=scipy",
        "protocol.method=DOP853",
        "protocol.rtol=1e-12",
        "protocol.atol=1e-12",
    )
    truth = potentials(solver(*exact), NETWORKS)
    times = {}
    for name, (integrator, key, ladder) in LADDERS.items():
        for value in ladder:
            tolerance = min(1e-6, value) if key == "rtol" else 1e-6
            words = (
                f"protocol.integrator={integrator}",
                f"protocol.{key}={value}",
                f"protocol.atol={tolerance}",
            )
            job = solver(*words)
            error = abs(potentials(job, NETWORKS) - truth).max()
            if error <= ACCURACY:
                break
        n = NETWORKS if integrator == "scipy" else BATCH
        times[name] = min(seconds(job, n) for _ in range(REPEATS)) / n
        print(
            f"{name:12} {key}={value:g}: error {error:.1e} mV, {1e6 * times[name]:8.0f} us a network", end=""
        )
        print(f", {times['scipy RK45'] / times[name]:6.1f} times SciPy's speed")


if __name__ == "__main__":
    main()
