"""Many kills of one sweep over a function: what was done stays, the whole is as if nothing had been.

Run as a program it forks a child for each run of the sweep, so that they cost no imports, and kills it
after a random number of further calls of the function, which the function itself counts in a file.
"""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.grid.schema import OK
from spikesweep.store import Store
from spikesweep.sweep.job import make_job

KILLS, N, SEEDS = (200 if os.environ.get("SPIKESWEEP_LONG") else 60), 3000, 2
SOURCE = """
import os
from typing import Annotated

import numpy as np

FILE = os.open({calls!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def noisy(x: Annotated[float, "mV"], seed: int = 0) -> Annotated[float, "Hz"]:
    os.write(FILE, b".")
    sum(range(10_000))  # so that a kill comes in the middle of a block
    return x + np.random.default_rng(seed).normal()


def doubled(ds) -> float:
    return 2 * float(ds.noisy)
"""
#: Fewer for what is made of results: that is stored in the same way.
CASES = [(KILLS, ()), (15, ("summary=[noisy,{folder}/mine/sim.py:doubled]",))]


def words(folder, *more):
    return (
        *(word.format(folder=folder) for word in more),
        f"function={folder}/mine/sim.py:noisy",
        f"grid.x={{start:0,stop:{N - 1},num:{N}}}",
        f"grid.seed={{start:0,stop:{SEEDS - 1},num:{SEEDS}}}",
        *("compute=serial", "compute.block_points=10", f"outputs={folder}", "name=killed"),
    )


def ends(child, calls, n):
    """Wait until the function has been called `n` times or the child has ended; return whether it has."""
    while os.stat(calls).st_size < n:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
    return False


def torment(folder, kills, *more):
    """Kill the sweep so many times, or until it is complete; print how often.

    Nothing is read here: Zarr's thread would be missing in the children.
    """
    calls, draw = f"{folder}/calls", random.Random(0)
    make_job(ss.load(*words(folder, *more)))  # imports everything
    for kill in range(int(kills)):
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            ss.run(ss.load(*words(folder, *more)))
            os._exit(0)
        if ends(child, calls, os.stat(calls).st_size + draw.randint(1, 45)):
            sys.exit(f"a run ended by itself after {kill} kills")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "more"), CASES)
def test_many_kills_leave_no_trace(tmp_path, kills, more):
    (tmp_path / "mine").mkdir()
    (tmp_path / "calls").touch()
    (tmp_path / "mine" / "sim.py").write_text(SOURCE.format(calls=str(tmp_path / "calls")))
    told = subprocess.run(
        [sys.executable, __file__, str(tmp_path), str(kills), *more],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    place = tmp_path / "killed" / "noisy.zarr"
    done = int((ss.open(place).status == OK).sum())
    assert kills < done < N * SEEDS  # each kill had something to kill
    before = (tmp_path / "calls").stat().st_size
    killed = ss.run(ss.load(*words(tmp_path, *more))).load()
    assert (tmp_path / "calls").stat().st_size - before == N * SEEDS - done  # nothing twice
    whole = ss.run(ss.load(*words(tmp_path, *more), "name=whole")).load()
    assert np.array_equal(killed.noisy, whole.noisy)
    assert not more or np.array_equal(killed.doubled, 2 * whole.noisy)
    assert len(np.unique(whole.noisy)) == N * SEEDS
    assert Store(place).failures() == []
    assert os.system(f"{sys.executable} -m spikesweep check {place} >/dev/null 2>&1") == 0


if __name__ == "__main__":
    torment(*sys.argv[1:])
