"""The main job, reduced, on jobs of a Slurm: whatever ends, the bits are those of one block after another.

Workers hold their blocks back until a file is there, so that no sweep is too quick for what is done to it.
"""

import functools
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial

import numpy as np
import psutil
import pytest
from conftest import n_done
from schedulers import same_bits, scheduler
from waiting import wait_until

import spikesweep as ss
from spikesweep.grid.schema import FAILED, OK
from spikesweep.store import Store
from spikesweep.store.check import check

pytestmark = pytest.mark.slow

#: Seconds for a sweep to end, on a machine that is busy with other tests.
PATIENCE = 900.0
WORDS = ("neuron=adexp", "network=fs_rs", "grid.fe=[0,5,10,15]", "grid.fi=[0,4,8]", "grid.seed=[0,1]")
WORDS += ("grid.pop_size=[1,3]", "protocol.duration=300.0", "protocol.record_spikes=true")
#: 192 points.
LONGER = (*WORDS[:4], "grid.seed=[0,1,2,3,4,5,6,7]", *WORDS[5:])
JOBS = (
    "compute=slurm",
    "compute.cores=1",
    "compute.memory=1GB",
    "compute.interface=lo",
    "compute.block_points=2",
)
HELD = """
import itertools, os, time
from pathlib import Path
from spikesweep.protocols import TransferFunction
original, calls = TransferFunction.__call__, itertools.count()

def waits():
    # each process has some blocks free, all together as many as the file says
    if not Path(GO).exists():
        return next(calls) >= FREE
    allowed = Path(GO).read_text()
    return allowed and sum(name.startswith("c") for name in os.listdir(DONE)) >= int(allowed)

def held(self, network, points, whole):
    while waits():
        time.sleep(0.05)
    return original(self, network, points, whole)

TransferFunction.__call__ = held
"""


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    ss.run(ss.load(*WORDS, "compute=serial", f"outputs={folder}"))
    return folder / "transfer_function" / "adexp-fs_rs.zarr"


class Sweep:
    """A driver whose workers compute `free` blocks each and then wait for `go`: jobs, or a scheduler's."""

    def __init__(self, folder, slurm, *words, free=1, hook=HELD):
        self.go, self.slurm = folder / "go", slurm
        self.path = folder / "outputs" / "transfer_function" / "adexp-fs_rs.zarr"
        held = folder / "held"
        held.mkdir(exist_ok=True)
        names = {"FREE": str(free), "GO": repr(str(self.go)), "DONE": repr(str(self.path / "status"))}
        text = functools.reduce(lambda text, name: text.replace(name, names[name]), names, hook)
        (held / "sitecustomize.py").write_text(text)
        self.modules = os.pathsep.join([str(held), *filter(None, sys.path)])
        if "compute=dask" not in words:
            words = (*JOBS, f"compute.environment=['export PYTHONPATH={self.modules}']", *words)
        words = words if "grid.seed=" in str(words) else (*WORDS, *words)
        last = {word.partition("=")[0]: word for word in words}  # a line may give a key once
        self.command = [sys.executable, "-m", "spikesweep", "run", "-m", *last.values()]
        self.said = folder / "said.txt"
        self.driver = None

    def start(self):
        with self.said.open("a") as said:
            self.driver = subprocess.Popen(
                self.command, cwd=self.go.parent, env=self.slurm.env, stdout=said, stderr=said
            )

    def wait(self, holds, what):
        """Wait until a condition holds; fail with what the driver said if it ends before."""

        def there():
            if holds():
                return True
            assert self.driver.poll() is None, self.said.read_text()
            return False

        wait_until(there, what, PATIENCE)

    def allow(self, n):
        """Let blocks through until so many are done; all of them where n is empty."""
        new = self.go.with_name("going")
        new.write_text(str(n))
        new.replace(self.go)

    def blocks(self, n):
        """Wait until so many blocks are done."""
        self.wait(lambda: self.path.exists() and n_done(self.path) >= n, f"{n} blocks")

    def ended(self, code=0):
        """Wait until the driver has ended; return the states of all jobs, by number."""
        assert self.driver.wait(timeout=PATIENCE) == code, self.said.read_text()
        self.slurm_is_empty()
        return self.slurm.jobs()

    def slurm_is_empty(self):
        wait_until(lambda: not self.slurm.active(), "no job is left")


@pytest.fixture
def sweep(slurm, tmp_path):
    made = []

    def start(*words, **more):
        made.append(Sweep(tmp_path, slurm, *words, **more))
        made[-1].start()
        return made[-1]

    yield start
    for sweep in made:
        sweep.driver.kill()
        sweep.driver.wait(timeout=PATIENCE)


def newer(slurm, old):
    """Return the numbers of the running jobs that are none of these."""
    return {*slurm.jobs("RUNNING")} - {*old}


def test_jobs_that_are_cancelled_are_replaced(slurm, sweep, serial):
    """All at once, then one while the others work; certificates on, nothing listens beyond this machine."""
    run = sweep("compute.jobs=3")
    run.blocks(3)
    assert slurm.listening() == {"0100007F"}
    first = slurm.jobs()
    slurm.cancel(slurm.active())
    run.wait(lambda: len(newer(slurm, first)) == 3, "three other jobs")
    run.blocks(6)
    second = newer(slurm, first)
    slurm.cancel([min(second)])
    run.wait(lambda: newer(slurm, [*first, *second]), "another job")
    run.go.touch()
    states = run.ended()
    assert len(states) - len(first) + 3 >= 7
    same_bits(run.path, serial)


def test_workers_leave_before_the_walltime_of_their_jobs(slurm, sweep, serial):
    before = {*slurm.jobs()}
    run = sweep("compute.jobs=2", "compute.walltime=00:01:00")
    run.blocks(2)
    run.wait(lambda: len({*slurm.jobs()} - before) >= 4, "a second generation of jobs")
    run.go.touch()
    states = {number: state for number, state in run.ended().items() if number not in before}
    assert "TIMEOUT" not in states.values()
    assert "COMPLETED" in states.values()
    same_bits(run.path, serial)


GREEDY = """
import numpy as np
from spikesweep.protocols import TransferFunction
original = TransferFunction.__call__

def greedy(self, network, points, whole):
    taken = np.ones(4 * 10**8) if ((points["fe"] == 10) & (points["seed"] == 1)).any() else None
    return original(self, network, points, whole)

TransferFunction.__call__ = greedy
"""


def test_points_that_take_more_than_the_memory_of_a_worker_fail_alone(slurm, sweep, serial, tmp_path):
    """3.2 GB where a worker has 1.5: it dies of it four times, then the points do, one after the other."""
    run = sweep("compute.jobs=2", "compute.memory=1.5GB", "compute.block_points=6", hook=GREEDY)
    run.ended(3)
    status = Store(run.path).status()
    greedy = np.zeros(status.shape, bool)
    greedy[2, :, 1] = True  # fe 10, seed 1
    assert (status[greedy] == FAILED).all()
    assert (status[~greedy] == OK).all()
    assert {f["reason"].split(":")[0] for f in Store(run.path).failures()} == {"MemoryError"}
    assert not check(Store(run.path))


def test_as_many_jobs_as_there_is_work(slurm, sweep, serial):
    before = {*slurm.jobs()}
    run = sweep("compute.adapt={minimum:0,maximum:4}")
    run.wait(lambda: len({*slurm.jobs("RUNNING")} - before) == 4, "four jobs")
    run.blocks(4)
    one = min(slurm.active())
    slurm.cancel([one])
    run.wait(lambda: len(newer(slurm, [*before, one])) == 4, "another in its place")
    run.go.touch()
    run.ended()
    same_bits(run.path, serial)


def test_a_driver_that_is_killed_leaves_nothing_and_the_next_goes_on(slurm, sweep, serial):
    run = sweep("compute.jobs=3")
    run.blocks(3)
    run.driver.kill()
    assert run.driver.wait(timeout=PATIENCE) == -signal.SIGKILL
    run.start()  # at once: workers of the first may still be there
    run.go.touch()
    run.ended()
    same_bits(run.path, serial)
    assert not [*run.path.parent.glob("*.jobs/.dask-jobqueue*")]


def test_ctrl_c_ends_with_130_and_no_job_is_left(slurm, sweep, serial):
    run = sweep("compute.jobs=3")
    run.blocks(3)
    run.driver.send_signal(signal.SIGINT)
    run.ended(130)
    assert "the same command continues" in run.said.read_text()
    run.start()
    run.go.touch()
    run.ended()
    same_bits(run.path, serial)


def test_a_driver_in_a_job_is_requeued_with_jobs_of_its_own(slurm, sweep, serial, tmp_path):
    run = sweep("compute.jobs=2")
    run.driver.kill()
    run.driver.wait(timeout=PATIENCE)
    run.slurm_is_empty()
    words = run.command[run.command.index("-m", 3) :]
    command = [
        *run.command[:3],
        "job",
        "slurm",
        "--submit",
        "--cpus=1",
        "--time=00:30:00",
        "--",
        "run",
        *words,
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=slurm.env, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    job = int(done.stdout.removeprefix("submitted as job "))
    wait_until(lambda: run.path.exists() and n_done(run.path) >= 2, "two blocks", PATIENCE)
    slurm.command("scontrol", "requeue", str(job))
    run.go.touch()
    assert slurm.wait_state(job, "COMPLETED", "FAILED", patience=PATIENCE) == "COMPLETED"
    run.slurm_is_empty()
    same_bits(run.path, serial)


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("longer")
    ss.run(ss.load(*LONGER, "compute=serial", f"outputs={folder}"))
    return folder / "transfer_function" / "adexp-fs_rs.zarr"


@pytest.mark.parametrize("where", ["jobs", "scheduler"])
def test_any_kills_leave_the_same_bits(where, slurm, sweep, longer, tmp_path):
    """30 kills of workers, jobs and drivers in a random order, each after another block was written."""
    chance = random.Random(f"kills of {where}")
    if where == "jobs":
        run = sweep(*LONGER, "compute.jobs=3", "compute.block_points=1")
        killed = any_kills(run, chance, 30, partial(kill_of_slurm, slurm, chance))
    else:
        with scheduler(tmp_path / "there", workers=0) as made:
            run = sweep(*LONGER, "compute=dask", f"compute.address={made.address}", "compute.block_points=1")
            for _ in range(3):
                made.add_worker(path=run.modules)
            killed = any_kills(run, chance, 30, partial(kill_of_scheduler, made, run, chance))
    assert len(killed) == 30
    assert {"driver", "worker"} <= {*killed}
    same_bits(run.path, longer)


def any_kills(run, chance, n, kill):
    """Kill something n times, letting a block or two through before each; return what was killed."""
    killed = []
    run.blocks(1)
    for _ in range(n):
        done = n_done(run.path)
        run.allow(done + 2)
        run.blocks(done + 1)
        if chance.random() < 0.25:
            run.driver.kill()
            run.driver.wait(timeout=PATIENCE)
            run.start()
            killed.append("driver")
        else:
            run.wait(lambda: (found := kill()) and not killed.append(found), "something to kill")
    run.allow("")
    run.ended()
    return killed


def kill_of_slurm(slurm, chance):
    """Cancel a job, or kill a worker's process; return which, nothing where there is none."""
    if chance.random() < 0.5:
        running = [*slurm.jobs("RUNNING")]
        slurm.cancel(running and [chance.choice(running)])
        return "job" if running else ""
    return kill_process("worker", [p for p in slurm.processes() if of_worker(p)], chance)


def kill_of_scheduler(made, run, chance):
    """Kill a worker of a scheduler and start another."""
    made.workers = [worker for worker in made.workers if worker.poll() is None]
    worker = chance.choice(made.workers)
    worker.kill()
    worker.wait(timeout=PATIENCE)
    made.add_worker(path=run.modules)
    return "worker"


def of_worker(process):
    with suppress(psutil.Error):
        return "distributed.cli.dask_worker" in process.cmdline()
    return False


def kill_process(name, processes, chance):
    with suppress(psutil.Error):
        if processes:
            chance.choice(processes).kill()
            return name
    return ""
