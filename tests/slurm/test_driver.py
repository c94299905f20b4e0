"""The driver of a sweep as a job: requeued, at its walltime or cancelled in the middle, it goes on."""

import os
import subprocess
import sys

import pytest
from conftest import n_done
from waiting import wait_until

import spikesweep as ss
from spikesweep import store as stores
from spikesweep.store.check import check

pytestmark = pytest.mark.slow

WORDS = ("neuron=adexp", "network=fs_rs", "grid.fe=[0,6,12]", "grid.fi=[2,8]", "grid.seed=[0,1]")
WORDS += ("grid.pop_size=[1,3]", "protocol.duration=200.0", "compute=serial", "compute.block_points=4")
#: The driver's first turn waits after two blocks, so that no sweep is too quick to be stopped.
HELD = """
import itertools, os, time
from spikesweep.protocols import TransferFunction
original, calls = TransferFunction.__call__, itertools.count()

def held(self, network, points, whole):
    while next(calls) >= 2 and not os.environ.get("SLURM_RESTART_COUNT"):
        time.sleep(3600)
    return original(self, network, points, whole)

TransferFunction.__call__ = held
"""


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return ss.run(ss.load(*WORDS, f"outputs={tmp_path_factory.mktemp('serial')}")).load()


@pytest.fixture
def submitted(slurm, tmp_path, monkeypatch):
    """Return a function that submits the driver, and returns its job's number and store after two blocks."""
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "sitecustomize.py").write_text(HELD)

    def submit(*options):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "held"), *filter(None, sys.path)]))
        command = [sys.executable, "-m", "spikesweep", "job", "slurm", "--submit", "--cpus=1", *options, "--"]
        done = subprocess.run(
            [*command, "run", *WORDS], cwd=tmp_path, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        path = tmp_path / "outputs" / "transfer_function" / "adexp-fs_rs.zarr"
        job = int(done.stdout.removeprefix("submitted as job "))
        wait_until(lambda: n_done(path) == 2 or not slurm.active(), f"two blocks of {slurm.shown(job)}", 200)
        assert slurm.active() == [job], said(tmp_path)
        return job, path

    return submit


def said(folder):
    return "".join(path.read_text() for path in folder.glob("spikesweep-*.out"))


def written(path):
    """Return when each block was written."""
    files = [file for file in (path / "status").rglob("c.*") if ".partial" not in file.name]
    return {file: file.stat().st_mtime_ns for file in files}


def is_whole(path, serial):
    found = ss.open(path).load()
    assert found.identical(serial.assign_attrs(found.attrs))
    assert {n: v.values.tobytes() for n, v in found.items()} == {
        n: v.values.tobytes() for n, v in serial.items()
    }
    return check(stores.Store.at(path)) == []


def test_a_requeued_driver_goes_on(slurm, submitted, serial, tmp_path):
    job, path = submitted()
    slurm.command("scontrol", "requeue", str(job))
    assert slurm.wait_state(job, "COMPLETED", "FAILED", "CANCELLED", patience=600) == "COMPLETED"
    assert "16 points computed" in said(tmp_path)  # the two blocks of the first turn are not among them
    assert slurm.shown(job)["Restarts"] == "1"
    assert is_whole(path, serial)


def test_a_driver_at_its_walltime_ends_in_good_order_and_takes_another_turn(
    slurm, submitted, serial, tmp_path
):
    """Another turn, or on a machine that is busy a few: none computes again what is there."""
    job, path = submitted("--time=00:02:00")
    there = written(path)
    assert len(there) == 2
    assert slurm.wait_state(job, "COMPLETED", "FAILED", "TIMEOUT", patience=900) == "COMPLETED"
    assert "stopped; the same command continues where it was" in said(tmp_path)
    turns = int(slurm.shown(job)["Restarts"])
    assert turns >= 1
    assert "16 points computed" in said(tmp_path) or turns > 1
    assert there.items() <= written(path).items()
    assert is_whole(path, serial)


def test_a_cancelled_driver_stays_cancelled_and_the_same_command_goes_on(slurm, submitted, serial, tmp_path):
    job, path = submitted()
    slurm.cancel([job])
    assert slurm.wait_state(job, "CANCELLED", "FAILED") == "CANCELLED"
    assert n_done(path) == 2
    assert not slurm.active()
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep", "run", *WORDS],
        env={**os.environ, "SLURM_RESTART_COUNT": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "16 points computed" in done.stdout, done.stderr
    assert is_whole(path, serial)
