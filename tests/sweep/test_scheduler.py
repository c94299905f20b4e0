"""An existing Dask scheduler: the same bits, and whoever cannot take part is named."""

import os
import pickle
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import dask
import distributed  # its settings, before any is changed
import numpy as np
import pytest
import schedulers
from conftest import n_done
from schedulers import same_bits

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.grid import Block
from spikesweep.store import Store
from spikesweep.sweep.blocks import Work, prepare, run_block
from spikesweep.sweep.job import make_job
from spikesweep.sweep.sent import Sent, Unfit

SOURCES = Path(ss.__file__).parent
MORE = ("grid.seed=[0,1]", "compute.block_points=3", "protocol.record_spikes=true")


THERE = "transfer_function/adexp-fs_rs.zarr"


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return the store of one block after the other, by the words that are not MORE."""
    folder = tmp_path_factory.mktemp("alone")

    def made(small, *words):
        path = folder / f"{len(words)}" / THERE
        if not path.exists():
            ss.run(small(*words, f"outputs={folder}/{len(words)}"))
        return path

    return made


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with schedulers.scheduler(tmp_path_factory.mktemp("plain")) as made:
        yield made


def test_gives_the_numbers_of_one_block_after_the_other(small, tmp_path, plain, alone):
    ss.run(small(*MORE, "compute=dask", f"compute.address={plain.address}"))
    same_bits(tmp_path / THERE, alone(small, *MORE))
    assert not list((tmp_path / THERE / ".spikesweep").glob("sent*"))


@pytest.mark.slow
def test_certificates_on_both_sides_and_relative_outputs(small, tmp_path, monkeypatch, alone):
    words, driver = schedulers.certificates(tmp_path / "tls")
    monkeypatch.chdir(tmp_path)
    with schedulers.scheduler(tmp_path / "there", words=words, workers=1) as made:
        assert made.address.startswith("tls://")
        asked = ["compute=dask", f"compute.address={made.address}", "outputs=here"]
        ss.run(small(*MORE, *asked, *driver))
        same_bits(tmp_path / "here" / THERE, alone(small, *MORE))
        with pytest.raises(InputError, match=r"compute\.address = 'tls://.*compute\.tls="):
            ss.run(small(*asked, "name=without"))


def test_a_worker_of_other_code_is_refused_by_the_module(small, tmp_path, alone):
    shutil.copytree(SOURCES, tmp_path / "other" / "spikesweep", ignore=shutil.ignore_patterns("__pycache__"))
    changed = tmp_path / "other" / "spikesweep" / "models" / "synapses" / "delta.py"
    changed.write_text(changed.read_text() + "\n# another version\n")
    with schedulers.scheduler(tmp_path / "there", workers=1, path=str(tmp_path / "other")) as made:
        with pytest.raises(InputError) as refusal:
            ss.run(small("compute=dask", f"compute.address={made.address}"))
    text = str(refusal.value)
    assert "other code than the driver: spikesweep.models.synapses.delta" in text
    assert os.uname().nodename in text
    assert not Store(tmp_path / THERE).status().any()
    ss.run(small())  # the same command goes on elsewhere
    same_bits(tmp_path / THERE, alone(small))


def test_a_worker_that_does_not_see_the_store_is_named(tmp_path, plain):
    with distributed.Client(plain.address) as client:
        away = Sent(tmp_path / "on another disk" / "sweep.zarr", "0" * 64)
        found = client.submit(run_block, away, Block((0,), (1,)), pure=False).result()
    assert isinstance(found, Unfit)
    assert os.uname().nodename in str(found)
    assert f"{away.path} is the store, and it cannot be seen there" in str(found)
    assert "on a file system that all workers share" in str(found)


def test_what_workers_read_is_what_the_driver_wrote(small, tmp_path):
    ss.run(small())
    job = make_job(small())[0]
    store = Store(job.path)
    sent = Sent.of(Work(job, store, (), ()), store, travels=True)
    sent.forget()
    assert isinstance(sent.received(prepare), Work)
    sent.forget()
    (file,) = (job.path / ".spikesweep" / "sent").iterdir()
    file.write_bytes(file.read_bytes() + b"more")
    assert "is not what the driver wrote" in str(sent.received(prepare))
    store.remove_sent()


def test_compilers_of_another_version_are_refused(small, monkeypatch):
    ss.run(small())
    job = make_job(small())[0]
    store = Store(job.path)
    sent = Sent.of(Work(job, store, (), ()), store, travels=True)
    sent.forget()
    monkeypatch.setattr(
        "spikesweep.sweep.sent.versions", lambda: {"numba": "0.1.2", "llvmlite": "1", "numpy": "1"}
    )
    assert "numba is 0.1.2 there" in str(sent.received(prepare))


@pytest.mark.parametrize("n", [10, 100_000])
def test_a_task_is_small_however_many_points_there_are(small, tmp_path, n):
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.uniform(0, 20, n), rng.uniform(0, 20, n)])
    np.savetxt(tmp_path / "points.csv", rows, delimiter=",", header="fe,fi", comments="")
    words = ("network=fs_rs", "neuron=adexp", f"points={tmp_path}/points.csv", f"outputs={tmp_path}")
    job = make_job(ss.load(*words))[0]
    assert job.grid.n_points >= n
    sent = Sent(Path("/" + "long" * 50), "0" * 64)
    task = pickle.dumps((partial(run_block, sent), Block((0,) * 6, (100,) * 6)))
    assert len(task) < 1500


KILLED = """
import os, sys
from spikesweep.store.store import Store
original, count = Store.write_block, [0]

def dying(self, *arguments):
    original(self, *arguments)
    count[0] += 1
    if count[0] == 2:
        os.kill(int(os.environ["ENDS"]), 9)

Store.write_block = dying
"""


def test_a_scheduler_that_ends_is_told_and_the_same_command_continues(small, tmp_path, alone):
    """A worker ends the scheduler after its second block."""
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "sitecustomize.py").write_text(KILLED)
    made = schedulers.Scheduler(tmp_path / "there")
    try:
        os.environ["ENDS"] = str(made.process.pid)
        made.add_worker(path=str(tmp_path / "held"))
        connecting = dask.config.set({"distributed.comm.timeouts.connect": "2s"})  # again, for as long
        with connecting, pytest.raises(ConnectionError, match="is gone; the same command continues"):
            ss.run(small(*MORE, "compute=dask", f"compute.address={made.address}"))
    finally:
        del os.environ["ENDS"]
        made.stop()
    status = Store(tmp_path / THERE).status()
    assert status.any()
    assert not status.all()
    ss.run(small(*MORE))
    same_bits(tmp_path / THERE, alone(small, *MORE))


def test_a_driver_that_is_killed_and_the_next(small, tmp_path, plain, alone):
    """Its workers go on and write; the next driver's workers write, too."""
    asked = ("compute=dask", f"compute.address={plain.address}")
    command = [sys.executable, "-m", "spikesweep", "run", "-m", *small_words(tmp_path), *asked]
    n_killed = 0
    for n in (1, 3):
        driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        schedulers.wait_until(partial(has_blocks_or_ended, tmp_path / THERE, n, driver), "blocks")
        driver.kill()
        n_killed += driver.wait(timeout=600) == -9
    assert n_killed
    ss.run(small(*MORE, *asked))
    same_bits(tmp_path / THERE, alone(small, *MORE))


def has_blocks_or_ended(path, n, driver):
    """Return whether a store has so many blocks, or its driver has ended."""
    return ((path / "status").exists() and n_done(path) >= n) or driver.poll() is not None


def small_words(tmp_path):
    """Return the words of the sweep that `small` loads."""
    axes = (
        "neuron=adexp",
        "network=fs_rs",
        "grid.fe=[0,6,12]",
        "grid.fi=[2,8]",
        "grid.pop_size=[1,3]",
        "protocol.duration=200.0",
    )
    return [*axes, *MORE, f"outputs={tmp_path}"]
