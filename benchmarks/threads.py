"""Thread scaling: the same blocks on one and on two threads of one process.

`machine` is the same measurement of a compiled loop that touches no memory: what the cores gave at that
time. It falls below the number of threads where other programs run, or where cores are shared.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from common import arguments, interleaved, points_of, ratio, sweep_of, table, write

from spikesweep.kernels.compile.jit import compiled

#: Blocks of a run and points of a block.
BLOCKS, POINTS = 8, 64


@compiled
def spin(n):
    """Return something that takes `n` dependent steps."""
    x = np.uint64(n)
    for _ in range(n):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
    return x


def seconds(task: Callable[[int], Any], threads: int) -> float:
    """Return the wall time of all blocks on a number of threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(abs, range(threads)))  # the threads have started
        began = time.perf_counter()
        list(pool.map(task, range(BLOCKS)))
        return time.perf_counter() - began


def block(sweep: Any, index: int) -> None:
    """Compute a block at (12, 8) Hz."""
    points = points_of(POINTS, fe=12.0, fi=8.0)
    points["seed"] += index * POINTS
    sweep.protocol(sweep.network, points, {"pop_size": np.ones(1, np.int64)})


def main() -> None:
    """Run, print, write."""
    parser = arguments(__doc__ or "", "threads")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--duration", type=float, default=2000.0, help="ms of each point")
    args = parser.parse_args()
    sweep = sweep_of(f"protocol.duration={args.duration}")
    sweep.protocol.prepare(sweep.network)
    tasks = {"spikesweep": partial(block, sweep), "machine": lambda index: spin(20_000_000)}
    cases = {(name, n): partial(seconds, task, n) for name, task in tasks.items() for n in (1, args.threads)}
    found = interleaved(cases, args.repeats)
    rows = [
        {
            "what": name,
            "1 thread, s": median(found[name, 1]),
            f"{args.threads} threads, s": median(found[name, args.threads]),
            "speed-up": ratio(found[name, 1], found[name, args.threads]),
            "best": max(a / b for a, b in zip(found[name, 1], found[name, args.threads], strict=True)),
        }
        for name in tasks
    ]
    given = dict(zip(tasks, rows, strict=True))["machine"]["speed-up"]
    rows = [{**row, "of the machine's": row["speed-up"] / given} for row in rows]
    print(f"{BLOCKS} blocks, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n")
    table(rows)
    runs = {f"{name}, {n} threads": values for (name, n), values in found.items()}
    write(args.json, {"results": rows, "seconds": runs})


if __name__ == "__main__":
    main()
