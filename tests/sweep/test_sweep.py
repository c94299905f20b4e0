import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import n_done

import spikesweep as ss
from spikesweep.api.progress import Terminal
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.store import Store
from spikesweep.sweep import dispatch
from spikesweep.sweep import run as sweep
from spikesweep.sweep.job import make_job

RUN = Path(__file__).parents[2] / "run.py"


def same(a, b):
    xr.testing.assert_identical(a.drop_attrs(deep=False).load(), b.drop_attrs(deep=False).load())


@pytest.fixture
def reference(small):
    ds = ss.run(small("name=reference")).load()
    assert float(ds.rate.max()) > 5
    assert len(np.unique(ds.rate)) > 5
    return ds


@pytest.mark.parametrize(
    "words",
    [
        ("compute=threads", "compute.workers=1"),
        ("compute=threads", "compute.workers=2"),
        ("compute=threads", "compute.workers=4", "compute.block_points=1"),
        ("compute=processes", "compute.workers=2", "compute.block_points=7"),
        ("compute.block_points=1",),
        ("compute.block_points=5",),
        ("compute.block_points=1000",),
    ],
    ids=" ".join,
)
def test_workers_and_blocks_change_no_bit(small, reference, words):
    same(ss.run(small(*words)), reference)


def test_store_is_plain_labelled_xarray(small, tmp_path):
    ss.run(small())
    ds = xr.open_zarr(tmp_path / "transfer_function" / "adexp-fs_rs.zarr")
    assert ds.rate.dims == ("population", "fe", "fi", "seed", "pop_size")
    assert ds.status.dims == ("fe", "fi", "seed", "pop_size")
    assert ds.rate.dtype == np.float64
    assert ds.status.dtype == np.uint8
    assert (ds.status == 1).all()
    assert ds.status.attrs["flag_meanings"] == "missing ok non_finite failed saturated not_asked gated"
    assert ds.population.values.tolist() == ["RS", "FS"]
    assert ds.fe.values.tolist() == [0.0, 6.0, 12.0]
    for name in ("fe", "fi", "seed", "pop_size", "rate"):
        assert {"units", "long_name"} <= set(ds[name].attrs)
    assert ds.rate.attrs["units"] == "Hz"
    assert ds.attrs["root_seed"] == 0
    assert ds.sweep.configuration["neuron"]["RS"]["b"] == 20.0
    assert ds.sweep.configuration["network"]["p_connect"] == 0.05
    assert {"versions", "git_commit", "git_dirty", "created", "code"} <= set(ds.attrs)
    assert ds.rate.sel(population="RS", fe=12, fi=2, pop_size=3).mean("seed") > 5
    json.dumps(ds.attrs)


def test_a_second_run_computes_nothing(small, monkeypatch):
    first = ss.run(small()).load()
    monkeypatch.setattr(dispatch, "run_block", None)
    same(ss.run(small()), first)


def test_only_missing_blocks_are_computed(small, reference, monkeypatch):
    cfg = small("compute.block_points=4")
    ss.run(cfg)
    job = make_job(cfg)[0]
    store = Store.at(job.path)
    blocks = list(job.grid.blocks(store.chunks))
    assert len(blocks) > 3
    lost = blocks[2]
    store.forget_block(lost)
    computed = []
    original = dispatch.run_block

    def counting(work, block):
        computed.append(block)
        return original(work, block)

    monkeypatch.setattr(dispatch, "run_block", counting)
    same(ss.run(cfg), reference)
    assert computed == [lost]


def test_a_block_that_is_repeated_is_left_as_it_is(small, reference, monkeypatch):
    """Dask computes again what a worker had done that died after it."""
    original, repeated = dispatch.run_block, []

    def twice(work, block):
        done = original(work, block)
        monkeypatch.setattr(Store, "write_block", None)
        repeated.append(original(work, block))
        monkeypatch.undo()
        monkeypatch.setattr(dispatch, "run_block", twice)
        return done

    monkeypatch.setattr(dispatch, "run_block", twice)
    same(ss.run(small("compute.block_points=4")), reference)
    assert len(repeated) > 3
    assert all((done.status == OK).all() for done in repeated)


def test_another_configuration_is_kept_beside_and_named(small):
    ss.run(small())
    text = make_job(small("neuron.RS.b=40.0", "protocol.dt=0.1"))[0].beside
    assert "neuron.RS.b: 20.0 there, 40.0 here" in text
    assert "protocol.dt: 0.05 there, 0.1 here" in text


def test_overwrite_starts_again(small):
    ss.run(small())
    ds = ss.run(small("protocol.root_seed=1", "overwrite=true"))
    assert ds.attrs["root_seed"] == 1
    assert (ds.status == 1).all()


def test_a_store_in_use_is_refused(small):
    ss.run(small())
    store = Store.at(make_job(small())[0].path)
    with store.locked(), pytest.raises(InputError, match=f"in use by process {os.getpid()} on"):
        ss.run(small())


def test_a_point_that_raises_is_recorded_and_the_others_finish(small, reference, monkeypatch):
    cfg = small()
    job, compute, _ = make_job(cfg)
    cls = type(job.protocol)
    original = cls.__call__

    def poisoned(self, network, points, whole):
        bad = (points["fe"] == 6.0) & (points["fi"] == 8.0) & (points["seed"] == 1)
        if bad.any():
            raise FloatingPointError("the poison")
        return original(self, network, points, whole)

    monkeypatch.setattr(cls, "__call__", poisoned)
    outcome = sweep.run(job, compute, Terminal())
    ds = outcome.dataset.load()
    failed = ds.status == 3
    assert int(failed.sum()) == 2
    assert outcome.failed == 2
    assert failed.sel(fe=6, fi=8, seed=1).all()
    assert np.isnan(ds.rate.sel(fe=6, fi=8, seed=1)).all()
    np.testing.assert_array_equal(ds.rate.where(~failed), reference.rate.where(~failed))
    (record,) = Store.at(job.path).failures()
    assert record["point"] == {"fe": 6.0, "fi": 8.0, "seed": 1}
    assert record["reason"] == "FloatingPointError: the poison"
    assert "Traceback" in record["detail"]
    monkeypatch.setattr(cls, "__call__", original)
    assert sweep.run(job, compute, Terminal()).computed == 0
    again = sweep.run(job, compute, Terminal(), retry=True)
    assert again.computed == 2
    same(again.dataset, reference)


def test_a_runaway_is_recorded_and_leaves_its_neighbours_alone(small, reference):
    """An absurd leak potential overflows to infinity, then NaN; FS, which has none, is not touched."""
    ds = ss.run(small("neuron.RS.E_L=-1.0e308")).load()
    assert (ds.status == 2).any()
    assert np.isnan(ds.rate.sel(population="RS").where(ds.status == 2)).all()
    np.testing.assert_array_equal(ds.rate.sel(population="FS"), reference.rate.sel(population="FS"))


@pytest.mark.parametrize(
    "compute", [pytest.param(name, marks=pytest.mark.slow) for name in ("serial", "processes")] + ["threads"]
)
def test_kill_and_resume_give_the_same_bits(tmp_path, small, killed, compute):
    """kill -9 the driver at several moments of one sweep; what is done stays, the end is the same."""
    words = [
        "neuron=adexp",
        "network=fs_rs",
        "grid.fe=[0,6,12,18]",
        "grid.fi=[2,8]",
        "grid.seed={start:0,stop:9,num:10}",
        "grid.pop_size=[1,4]",
        "protocol.duration=2000.0",
        "compute.block_points=20",
        f"outputs={tmp_path}",
    ]
    two = () if compute == "serial" else ("compute.workers=2",)
    command = [sys.executable, str(RUN), "-m", *words, f"compute={compute}", *two, "name=killed"]
    path = tmp_path / "killed" / "adexp-fs_rs.zarr"
    done = 0
    for _ in range(2):
        killed(command, path, blocks=1)
        assert done < n_done(path) < 8
        done = n_done(path)
    subprocess.run(command, check=True, capture_output=True, timeout=900)
    assert not list(path.rglob("*.partial"))
    undisturbed = ss.run(ss.load(*words, "compute=serial", "name=undisturbed"))
    same(ss.open(path), undisturbed)
    assert float(undisturbed.rate.max()) > 20


@pytest.mark.slow
def test_python_and_compiled_kernels_give_the_same_bits(without_numba):
    """The same sweep in a process without numba, for every model."""
    code = """
import sys, numpy as np, spikesweep as ss
for neuron, network, cells in [
    ("adexp", "fs_rs", "[RS,FS]"), ("eif", "vogels_abbott", "[EIF]"), ("lif", "fs_rs", "[LIF]")
]:
    ds = ss.run(ss.load(f"neuron={neuron}", f"network={network}", f"network.populations={cells}",
        "grid.fe=[30]", "grid.fi=[1]", "grid.seed=[0]", "grid.pop_size=[2]", "protocol.duration=20.0",
        "compute=serial", f"outputs={sys.argv[1]}"))
    print(ds.rate.values.tobytes().hex(), int((ds.rate > 0).sum()))
    cell = cells[1:-1].split(",")[0]
    sim = ss.simulate(ss.load(f"neuron={neuron}"), cell=cell, current=800.0, duration=15.0)
    print(sim.v.values.tobytes().hex(), sim.sizes["spike"])
"""
    lines = without_numba(code)
    assert all(int(line.split()[1]) > 0 for line in lines)
