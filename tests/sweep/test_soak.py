"""A notebook that is open for days: sweep after sweep in one process leaves nothing behind.

Run as a program it is that process, alone, so that what other tests leave is not counted.
"""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time

import psutil
import pytest

#: Sweeps before the first look (imports, compiled kernels, caches of bounded length), and after it.
BEFORE, AFTER = 40, 160 if os.environ.get("SPIKESWEEP_LONG") else 80
#: Bytes that the later ones may add in all: as many forgotten datasets or executors would be more by far.
GROWTH = 150e3 * AFTER
WORDS = (
    *("neuron=adexp", "network=fs_rs"),
    *("grid.fe=[2,6]", "grid.fi=[4]", "grid.seed=[0,1]", "protocol.duration=50"),
)


def soak(option, folder):
    """Run the sweeps; return what the process holds after the first ones and at the end."""
    import spikesweep as ss

    process = psutil.Process()
    seconds, held = [], []
    for i in range(BEFORE + AFTER):
        if i == BEFORE:
            held.append(_held(process))
        started = process_time()
        with ss.run(ss.load(*WORDS, f"compute={option}", f"outputs={folder}", f"name=run{i}")) as ds:
            assert float(ds.rate.max()) >= 0
        seconds.append(process_time() - started)
    held.append(_held(process))
    return {
        "held": held,
        "seconds": [median(seconds[BEFORE : BEFORE + AFTER // 2]), median(seconds[BEFORE + AFTER // 2 :])],
    }


def _held(process):
    gc.collect()
    return {
        "bytes": process.memory_info().rss,
        "threads": process.num_threads(),
        "descriptors": process.num_fds(),
        "children": len(process.children()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("option", ["serial", "threads"])
def test_many_sweeps_in_one_process_leave_nothing(option, tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, option, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1500,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ, OMP_NUM_THREADS="1"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    early, late = found["held"]
    assert early["bytes"] > 5e7
    assert late["bytes"] - early["bytes"] < GROWTH, found
    for what in ("threads", "descriptors", "children"):
        assert late[what] <= early[what], (what, found)
    # processor time of the median sweep: one that grew with those before it would double from half to half
    assert found["seconds"][1] < 2 * found["seconds"][0], found


if __name__ == "__main__":
    print(json.dumps(soak(*sys.argv[1:])))
