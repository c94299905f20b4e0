"""Stores of format 2, in which each dimension of a chunk is a folder, go on as they are."""

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.store import Store, layout, ragged
from spikesweep.store.check import check, repair

WORDS = ("grid.seed=[0]", "protocol.record_spikes=true", "compute.block_points=2")


@pytest.fixture
def path(small, tmp_path):
    """Return a store as it was made before."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (layout, ragged):
            patch.setattr(module, "FLAT", {"name": "default", "separator": "/"})
        patch.setattr(layout, "FORMAT", "spikesweep 2")
        ss.run(small(*WORDS))
    path = tmp_path / "transfer_function" / "adexp-fs_rs.zarr"
    assert (path / "status" / "c" / "0" / "0" / "0" / "0").is_file()
    assert (path / ".spikesweep" / "blocks" / "0" / "0" / "0" / "0").is_file()
    assert Store.at(path).attrs["format"] == "spikesweep 2"
    return path


def same(a, b):
    xr.testing.assert_equal(a.load(), b.load())
    assert a.sweep.to_pandas().equals(b.sweep.to_pandas())


def names(path):
    return {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file() and "ragged" not in p.parts}


def test_it_is_read_and_its_damage_is_found_mended_and_computed_again(small, path):
    new = ss.run(small(*WORDS, "name=new"))
    same(ss.open(path), new)
    store, before = Store.at(path), names(path)
    assert not check(store)
    (path / "status" / "c" / "0" / "0" / "0" / "0").unlink()
    chunk = path / "rate" / "c" / "0" / "1" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    (path / ".spikesweep" / "blocks" / "2" / "1" / "0" / "0").unlink()
    assert len(problems := check(store)) == 3
    assert repair(store, problems) == 6
    assert np.count_nonzero(store.status() == 0) == 6
    same(ss.run(small(*WORDS)), new)
    assert not check(store)
    assert names(path) == before


def test_what_killed_writers_left_in_it_is_removed(small, path):
    used = sorted((path / "ragged" / "spike").glob("[0-9]*"))
    Store.at(path).remove_partial_files()
    assert all(any(folder.iterdir()) for folder in used)
    name = used[-1].name  # as of a block that was stopped before its counts were there
    (path / "spike_size" / "c" / "0" / "/".join(name.split(".")[:3])).unlink()
    Store.at(path).remove_partial_files()
    assert [folder for folder in used if any(folder.iterdir())] == used[:-1]


def test_it_grows_into_one_of_today(small, path):
    old = ss.open(path).load()
    grown = ss.run(small(*WORDS, "grid.fe=[0,3,6,12]"))
    same(grown, ss.run(small(*WORDS, "grid.fe=[0,3,6,12]", "name=scratch")))
    xr.testing.assert_equal(grown.sel(fe=old.fe).rate.load(), old.rate)
    store = Store.at(path)
    assert store.attrs["format"] == "spikesweep 3"
    assert not check(store)
    assert not [name for name in names(path) if "/c/" in name]
