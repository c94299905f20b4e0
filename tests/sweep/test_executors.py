"""Every executor of conf/compute has what the contract says, and none of them changes a number."""

import os
import signal
from dataclasses import is_dataclass
from functools import partial

import fake_queue
import numpy as np
import pytest
from conftest import options
from omegaconf import OmegaConf

import spikesweep as ss
from spikesweep.config.build import build
from spikesweep.contract import lacking, members
from spikesweep.sweep.compute.base import Executor, Lost, Running

#: Executors that need nothing but this machine; the others have tests of their own.
HERE = ("serial", "threads", "processes")
#: What one cannot do without.
NEEDS = {"dask": {"address": "tcp://127.0.0.1:8786"}}


def executor(option, **changes):
    node = OmegaConf.to_container(ss.load(f"compute={option}").compute) | NEEDS.get(option, {}) | changes
    return build(node, "compute", Executor)


def test_every_executor_is_run_by_some_test():
    assert {*options("compute")} == {*HERE, *fake_queue.COMMANDS, "dask"}


@pytest.mark.parametrize("option", options("compute"))
def test_has_the_members_of_the_contract(option):
    found = executor(option)
    assert is_dataclass(found)
    assert members(Executor)
    assert not lacking(found, Executor)
    assert isinstance(found.in_process, bool)
    assert found.n_workers >= 1
    assert found.block_points is None
    assert found.time_limit is None or found.time_limit > 0.0
    assert executor(option, block_points=7).block_points == 7


@pytest.mark.parametrize("option", HERE)
def test_runs_every_task_once_and_hands_back_its_result(option, tmp_path):
    with executor(option).started(tmp_path) as running:
        assert isinstance(running, Running)
        assert sorted(running.map(abs, range(-20, 0))) == list(range(1, 21))


@pytest.mark.parametrize("option", HERE)
def test_gives_the_numbers_of_one_block_after_the_other(option, small, tmp_path):
    words = ("grid.seed=[0,1]", "compute.block_points=3")
    ds = ss.run(small(*words, f"compute={option}", f"outputs={tmp_path}/{option}")).load()
    alone = ss.run(small(*words, f"outputs={tmp_path}/alone")).load()
    assert (ds.status == 1).all()
    np.testing.assert_array_equal(ds.rate.values, alone.rate.values)


def deadly(there, item):
    """Return an item; where a file is there, 0 ends the process."""
    if item == 0 and there.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_result_that_died_with_its_worker_is_lost_and_nothing_else_is(tmp_path, monkeypatch):
    """Workers die after a task ended, before its result is fetched; computing it again ends another."""
    from distributed import Client

    gather, there, asked = Client.gather, tmp_path / "there", []

    def late(self, futures, **options):
        keys = [future.key[1] for future in futures]
        if "0" in keys and not there.exists():
            asked.extend(keys)
            there.touch()
            for pid in self.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)
        return gather(self, futures, **options)

    monkeypatch.setattr(Client, "gather", late)
    with executor("processes", workers=2).started(tmp_path) as running:
        found = [*running.map(partial(deadly, there), range(10), str)]
    assert "0" in asked
    lost = {outcome.item for outcome in found if isinstance(outcome, Lost)}
    assert 0 in lost
    assert lost | {outcome for outcome in found if outcome not in map(Lost, lost)} == {*range(10)}
    assert len(found) == 10
