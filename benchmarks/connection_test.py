"""Time the default connection test: 600 s, 30 inputs, 3000 shuffled averages, after compilation, on one core.

The same additions in plain numpy, one window after the other, are the yardstick: both make every addition of
every average in double precision, in the order of the spikes. The original (numba, 8 cores) took 26 s a run,
its author says.
"""

from statistics import median
from time import perf_counter, process_time

import numpy as np
from common import arguments, pin_to_one_core, sweep_of, table, write

from spikesweep.kernels.statistics.spike_triggered import averages

WORDS = ("neuron=izhikevich", "network=n_to_1", "protocol=connection_test")


def seconds(call):
    """Return the wall and the processor time of a call."""
    wall, cpu = perf_counter(), process_time()
    call()
    return perf_counter() - wall, process_time() - cpu


def plain(signal, bins, window):
    """Return one average, a window after the other."""
    total = np.zeros(window)
    for s in bins.tolist():
        total += signal[s : s + window]
    return total / len(bins)


def main():
    parser = arguments(__doc__, "connection_test")
    args = parser.parse_args()
    core = pin_to_one_core()
    rows, all_seconds = [], {}
    for rng in ("labels", "legacy"):
        job = sweep_of(*WORDS, f"protocol.rng={rng}")
        job.protocol.prepare(job.network)
        runs = [
            seconds(lambda k=k, job=job: job.protocol(job.network, {"seed": np.array([k])}, {}))
            for k in range(args.repeats)
        ]
        wall, cpu = (median(column) for column in zip(*runs, strict=True))
        rows.append({"what": f"default run, rng={rng}", "wall s": wall, "cpu s": cpu})
        all_seconds[rng] = runs
    n, window, spikes = 6_000_000, 1000, 12_000
    draw = np.random.default_rng(0)
    signal = draw.normal(size=n)
    trains = [np.sort(draw.integers(0, n - window, spikes)).astype(np.int32) for _ in range(101)]
    offsets = np.arange(102) * spikes
    averages(signal, trains[0], offsets[:2], window)
    _, ours = seconds(lambda: averages(signal, np.concatenate(trains), offsets, window))
    _, theirs = seconds(lambda: [plain(signal, bins, window) for bins in trains[:10]])
    for name, cpu, n_trains in (("averages, ours", ours, 101), ("averages, numpy", theirs, 10)):
        billion = n_trains * spikes * window / cpu / 1e9
        rows.append({"what": f"{name} (1e9 additions a s)", "wall s": "", "cpu s": billion})
    print(f"core {core} alone\n")
    table(rows)
    write(args.json, {"core": core, "rows": rows, "all seconds": all_seconds})


if __name__ == "__main__":
    main()
