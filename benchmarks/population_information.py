"""Time the information of delayed populations, here and written straightforwardly with SciPy.

    python benchmarks/population_information.py

Both compute the same reduced experiment (one band, two delay conditions, 20 sizes, one repeat, a pool of
60 responses of 2 s at 100 kHz), interleaved, on one core, processor time. The twin is the published program's
structure: one compiled run of the cell and one draw of NumPy's legacy normals a response; then for every
condition, size and repeat a histogram, a convolution, and SciPy's coherence. Before anything is timed its
informations of our own trains must agree with ours. Then the whole original experiment (3 bands,
4 conditions, 100 sizes, 5 repeats, 300 responses) as a sweep with its store, on all cores, wall time.
"""

from itertools import product
from tempfile import TemporaryDirectory
from time import perf_counter

import numba
import numpy as np
from common import arguments, cpu_ns, interleaved, pin_to_one_core, ratio, sweep_of, table, write
from scipy import signal

import spikesweep as ss

WORDS = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
DT, N, SIGMA, NPERSEG, OFFSET, TAU, D = 1e-5, 200_000, 0.00125, 2**14, 2.5, 0.0025, 5.0
DELAY_STEPS = {"none": 0.0, "corpus_callosum": 1.0 / (2000.0 * 7.0)}
SIZES = np.arange(1, 40, 2)
REDUCED = (
    "grid.band=[0-100]",
    f"grid.condition=[{','.join(DELAY_STEPS)}]",
    "grid.pop_size={start:1,stop:39,num:20}",
    "grid.repeat=[0]",
    "protocol.num_responses=60",
    "protocol.coherence_sizes=[1]",
)


@numba.njit
def lif(stimulus, noise):
    v, spikes = 0.0, []
    for i in range(len(stimulus)):
        v += DT * (-v + stimulus[i] + noise[i] + OFFSET) / TAU
        if v > 1.0 and i > 0:
            v = 0.0
            spikes.append((i + 1) * DT)
    return np.array(spikes)


def information(trains, stimulus, delay_step):
    """Return the information of one population by its definition."""
    x = np.arange(-499, 500) * DT
    kernel = np.exp(-0.5 * (x / SIGMA) ** 2)
    kernel /= kernel.sum() * DT
    rate = np.zeros(N)
    for i, train in enumerate(trains):
        at = np.round((train + i * delay_step) / DT).astype(int)
        rate += np.bincount(at[at < N], minlength=N) / DT
    rate = signal.fftconvolve(rate / len(trains), kernel, "same")
    f, coherence = signal.coherence(stimulus, rate, fs=1 / DT, nperseg=NPERSEG)
    inside = (f > 0.0) & (f <= 100.0)
    return -np.log2(1.0 - coherence[inside]).sum() * f[1]


def twin(stimulus, n_responses):
    rng = np.random.RandomState(0)
    pool = []
    for _ in range(n_responses):
        noise = D * (np.mod(rng.randn(N), 10000) - 5000) / 10000
        pool.append(lif(stimulus, noise))
    found = []
    for delay_step, size in product(DELAY_STEPS.values(), SIZES):
        order = rng.permutation(n_responses)[:size]
        found.append(information([pool[i] for i in order], stimulus, delay_step))
    return found


def check(job, stimulus):
    """Refuse to time what does not agree: our informations against the twin's, of our trains and orders."""
    point = {"band": np.array(["0-100"]), "seed": np.zeros(1, np.int64)}
    ours = job.protocol(job.network, point, job.grid.whole)["information"][0]
    pool = job.protocol.pool(job.network, {"band": "0-100", "seed": 0})
    assert np.array_equal(pool.stimulus, stimulus)
    worst = 0.0
    for c, condition in enumerate(DELAY_STEPS):
        order = job.protocol.order(job.network, pool, condition, 0)[0]
        for s, size in enumerate(SIZES):
            trains = [pool.trains.of(i) * DT for i in order[:size]]
            theirs = information(trains, stimulus, DELAY_STEPS[condition])
            worst = max(worst, abs(theirs / ours[c, s, 0] - 1.0))
    assert worst < 1e-9, worst
    return worst


def whole_experiment(*more):
    with TemporaryDirectory() as folder:
        began = perf_counter()
        ds = ss.run(ss.load(*WORDS, f"outputs={folder}", *more))
        assert (ds.status == 1).all()
        assert ds.information.size == 6000
        return perf_counter() - began


def main():
    parser = arguments(__doc__.splitlines()[0], "population_information")
    parser.set_defaults(repeats=3)
    options = parser.parse_args()
    whole = {}
    for name, populations in (("nested, first", "nested"), ("nested", "nested"), ("independent",) * 2):
        whole[name] = {"s": whole_experiment(f"protocol.populations={populations}")}
    pin_to_one_core()
    job = sweep_of(*WORDS, *REDUCED)
    point = {"band": np.array(["0-100"]), "seed": np.zeros(1, np.int64)}
    stimulus = job.protocol.pool(job.network, {"band": "0-100", "seed": 0}).stimulus
    worst = check(job, stimulus)
    cases = {
        "spikesweep": lambda: cpu_ns(lambda: job.protocol(job.network, point, job.grid.whole), 1e9),
        "SciPy twin": lambda: cpu_ns(lambda: twin(stimulus, 60), 1e9),
    }
    found = interleaved(cases, options.repeats)
    speed = ratio(found["SciPy twin"], found["spikesweep"])
    table([{"reduced experiment": name, "s": float(np.median(v))} for name, v in found.items()])
    print(f"SciPy twin / spikesweep: {speed:.0f}; they differ by {worst:.1e}\n")
    table([{"whole experiment": name, **times} for name, times in whole.items()])
    write(options.json, {"reduced": found, "ratio": speed, "difference": worst, "whole": whole})


if __name__ == "__main__":
    main()
