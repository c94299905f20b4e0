"""Points that were never asked for: a status of their own, and what is said of incomplete axes."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis import plots
from spikesweep.errors import InputError
from spikesweep.grid.schema import MISSING, NOT_ASKED
from spikesweep.store import Store, asked_for
from spikesweep.store.check import check
from spikesweep.sweep.job import make_job


def grow(small, *parts):
    """Run parts of one sweep, as words; return the store."""
    for part in parts:
        cfg = small(*part)
        ss.run(cfg)
    return Store(make_job(cfg)[0].path)


LEFT = ("grid.fe=[0,6]", "grid.fi=[2]", "grid.seed=[0,1,2,3]")
RIGHT = ("grid.fe=[12]", "grid.fi=[8]", "grid.seed=[0,1]")
WHOLE = ("grid.fe=[0,6,12]", "grid.fi=[2,8]", "grid.seed=[0,1,2,3]")


def status_of(store):
    return np.bincount(store.told().ravel(), minlength=6).tolist()


def listed(store):
    command = [sys.executable, "-m", "spikesweep", "ls", str(store.path.parent)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    words = said.split()
    at = words.index("pop_size") + 2
    return words[at : at + 3]


def test_growing_a_part_leaves_points_that_nobody_asked_for(small):
    store = grow(small, LEFT)
    assert asked_for.requests(store.path) is None
    assert status_of(store) == [0, 16, 0, 0, 0, 0]
    store = grow(small, LEFT, RIGHT)
    assert store.status().size == 48
    assert status_of(store) == [0, 20, 0, 0, 0, 28]
    assert (store.status()[store.told() == NOT_ASKED] == MISSING).all()  # what the whole would compute
    assert listed(store) == ["20", "0", "0"]
    assert check(store) == []
    ds = ss.open(store.path)
    assert int((ds.status == NOT_ASKED).sum()) == 28
    assert ds.status.attrs["flag_meanings"].split()[NOT_ASKED] == "not_asked"
    assert ds.status.dtype == np.uint8
    assert int(ds.status.sel(fe=12, fi=8, seed=3, pop_size=1)) == NOT_ASKED


def test_a_request_inside_a_grown_store_is_noted_and_the_whole_is_complete(small):
    store = grow(small, LEFT, RIGHT, ("grid.fe=[0]", "grid.fi=[8]", "grid.seed=[0,1]"))
    assert status_of(store) == [0, 24, 0, 0, 0, 24]
    assert len(asked_for.requests(store.path)) == 3
    grow(small, ("grid.fe=[0]", "grid.fi=[8]", "grid.seed=[1]"))  # nothing new
    assert len(asked_for.requests(store.path)) == 3
    whole = grow(small, WHOLE)
    assert asked_for.requests(whole.path) is None
    assert status_of(whole) == [0, 48, 0, 0, 0, 0]
    again = ss.run(small(*WHOLE, "name=again")).load()
    xr.testing.assert_equal(ss.open(whole.path).load(), again)


def test_a_new_axis_keeps_what_was_asked(small):
    store = grow(small, LEFT, RIGHT, (*RIGHT, "neuron.RS.b=20,40"))
    assert dict(zip(store.axes, store.status().shape, strict=True))["b"] == 2
    assert status_of(store) == [0, 24, 0, 0, 0, 72]


def test_what_is_missing_of_what_was_asked_stays_missing(small):
    store = grow(small, LEFT, RIGHT)
    block = next(b for b in store.blocks() if store.block_status(b).any())
    n = int((store.block_status(block) == 1).sum())
    store.forget_block(block)
    assert status_of(store)[MISSING] == n
    assert listed(store)[-1] == str(n)


def test_stores_of_before_have_no_record_and_one_that_is_damaged_counts_as_none(small):
    store = grow(small, LEFT, RIGHT)
    path = store.path / ".spikesweep" / "asked.json"
    path.write_bytes(b"x" + path.read_bytes())
    assert status_of(store) == [28, 20, 0, 0, 0, 0]
    path.unlink()
    assert int((ss.open(store.path).status == MISSING).sum()) == 28
    grow(small, WHOLE)
    assert status_of(store) == [0, 48, 0, 0, 0, 0]


def test_complete_says_where_a_mean_is_of_all(small):
    store = grow(small, LEFT, RIGHT)
    ds = ss.open(store.path)
    assert not ds.sweep.complete()
    seeds = ds.sweep.complete("seed").isel(pop_size=0)
    assert seeds.sel(fi=2).values.tolist() == [True, True, False]
    assert not seeds.sel(fi=8).any()  # 2 of 4 seeds
    assert ds.sel(fi=2, fe=[0, 6]).sweep.complete()
    assert ds.sweep.complete("seed", "pop_size").dims == ("fe", "fi")
    mean = ds.rate.mean("seed").where(ds.sweep.complete("seed"))
    assert int(mean.isel(population=0, pop_size=0).notnull().sum()) == 2
    with pytest.raises(InputError, match=r"seeds is no dimension of points; .*seed"):
        ds.sweep.complete("seeds")


def test_figures_say_that_points_are_not_there(small):
    store = grow(small, LEFT, RIGHT)
    below = plots.figure(ss.open(store.path)).get_supxlabel()
    assert below.splitlines()[0] == "incomplete: 28 of 48 points have no results"
    whole = grow(small, WHOLE)
    assert not any("incomplete" in t.get_text() for t in plots.figure(ss.open(whole.path)).texts)
