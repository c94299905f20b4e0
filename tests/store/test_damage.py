"""What a run, a growth and the commands do with stores that are damaged, or stand where they did not."""

import shutil
import socket

import numpy as np
import pytest
import xarray as xr
from conftest import first_file

import spikesweep as ss
from spikesweep.errors import DamagedError
from spikesweep.store import Store
from spikesweep.store.check import check, repair

POINTS = ("grid.fe=[6,12]", "grid.seed=[0]", "protocol.record_spikes=true")
pytestmark = pytest.mark.usefixtures("nobody_writes")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "transfer_function" / "adexp-fs_rs.zarr"


def files(path, name):
    return sorted(p for p in (path / name).rglob("*") if p.is_file() and p.name != "zarr.json")


def exchange(path):
    a, b = files(path, "rate")[:2]
    data = a.read_bytes(), b.read_bytes()
    assert data[0] != data[1]
    a.write_bytes(data[1])
    b.write_bytes(data[0])


DAMAGES = {
    "gone": lambda path: files(path, "rate")[0].unlink(),
    "exchanged": exchange,
    "cut": lambda path: files(path, "rate")[0].write_bytes(files(path, "rate")[0].read_bytes()[:-1]),
    "spikes gone": lambda path: shutil.rmtree(min((path / "ragged" / "spike").glob("[0-9]*"))),
    "record gone": lambda path: files(path, ".spikesweep/blocks")[0].unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_growth_refuses_a_damaged_block_and_goes_on_after_repair(small, path, damage):
    whole = ss.run(small(*POINTS, "grid.fe=[6,9,12]", "name=whole")).load()
    one = "compute.block_points=2"  # both sizes of one point
    ss.run(small(*POINTS, one))
    damage(path)
    found = [problem.what for problem in check(Store(path))]
    assert found
    with pytest.raises(DamagedError, match=r"allowed: python -m spikesweep check .* --repair"):
        ss.run(small(*POINTS, "grid.fe=[6,9,12]", one))
    assert [problem.what for problem in check(Store(path))] == found
    repair(Store(path), check(Store(path)))
    grown = ss.run(small(*POINTS, "grid.fe=[6,9,12]", one)).load()
    xr.testing.assert_equal(grown, whole)
    assert grown.sweep.to_pandas().equals(whole.sweep.to_pandas())


@pytest.mark.parametrize("damage", ["gone", "cut", "spikes gone", "record gone"])
def test_a_run_refuses_to_complete_a_damaged_block(small, path, damage):
    """One block, half of it computed; then the other half is asked for."""
    one = "compute.block_points=100"
    whole = ss.run(small(*POINTS, one, "name=whole")).load()
    ss.run(small(*POINTS, one, "grid.fi=[2]"))
    ss.run(small(*POINTS, one, "grid.fi=[8]", "grid.fe=[12]"))
    assert len(files(path, "rate")) == 1
    DAMAGES[damage](path)
    with pytest.raises(DamagedError, match=r"block 0\.0\.0\.0: "):
        ss.run(small(*POINTS, one))
    assert (ss.open(path).status == 0).sum() == 2
    repair(Store(path), check(Store(path)))
    xr.testing.assert_equal(ss.run(small(*POINTS, one)).load(), whole)


@pytest.mark.parametrize("words", [("protocol.root_seed=1",), ("grid.fe=[6,18]",)], ids=" ".join)
def test_a_block_of_another_store_is_found(small, path, tmp_path, words):
    """Chunks, record and status of the same place in a store of other labels or another configuration."""
    one = "compute.block_points=2"
    ss.run(small("grid.fe=[6,12]", one))
    ss.run(small("grid.fe=[6,12]", *words, one, "name=other"))
    for name in ("rate", "status", ".spikesweep/blocks"):
        shutil.rmtree(path / name)
        shutil.copytree(tmp_path / "other" / path.name / name, path / name)
    assert len(check(Store(path))) == 12
    with pytest.raises(DamagedError):
        ss.run(small("grid.fe=[0,6,12]", one))


def test_a_lost_status_is_found_and_computed_again(small, path):
    whole = ss.run(small()).load()
    first_file(path / "status").unlink()
    (problem,) = check(Store(path))
    assert "its status is gone" in problem.what
    xr.testing.assert_equal(ss.run(small()).load(), whole)
    assert not check(Store(path))


def test_an_unreadable_status_is_refused_with_the_way_out(small, path):
    ss.run(small())
    status = first_file(path / "status")
    status.write_bytes(status.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=r"status: .*; allowed: python -m spikesweep check .* --repair"):
        ss.run(small())


def test_what_a_killed_growth_left_goes_at_the_next_start(small, path):
    ss.run(small())
    left = path.with_name(f".{path.name}.{socket.gethostname()}.999999999.tmp")
    shutil.copytree(path, left)
    ss.run(small())
    assert sorted(p.name for p in path.parent.iterdir()) == [path.stem + ".seconds", path.name, "run.log"]


def test_a_store_behind_a_link_grows_where_it_is(small, path, tmp_path):
    ss.run(small())
    disk = tmp_path / "other disk" / path.name
    disk.parent.mkdir()
    path.rename(disk)
    path.symlink_to(disk)
    grown = ss.run(small("grid.fe=[0,3,6,12]")).load()
    assert path.is_symlink()
    assert sorted(p.name for p in path.parent.iterdir()) == [path.stem + ".seconds", path.name, "run.log"]
    assert sorted(p.name for p in disk.parent.iterdir()) == [path.stem + ".seconds", path.name, "run.log"]
    assert ss.open(path).load().equals(grown)
    assert (grown.status == 1).all()


def test_files_of_others_in_a_store_disturb_no_run(small, path):
    words = ("protocol.record_spikes=true",)
    whole = ss.run(small(*words)).load()
    (path / "ragged" / "spike" / ".DS_Store").write_bytes(b"")
    (path / "ragged" / "spike" / "notes.txt").write_text("mine")
    again = ss.run(small(*words)).load()
    assert again.sweep.to_pandas().equals(whole.sweep.to_pandas())


def test_a_changed_record_of_a_verification_is_found(small, path):
    ss.run(small())
    store = Store(path)
    store.record_verification({"verified": 1, "different": []})
    assert not check(store)
    file = first_file(path / ".spikesweep" / "verifications")
    file.write_bytes(file.read_bytes().replace(b"[]", b"{}"))
    (problem,) = check(store)
    assert "verifications" in problem.what
    repair(store, [problem])
    assert not check(store)


def test_the_reason_of_a_failure_is_missed_at_every_value_of_a_new_axis(small, path, faulty_point):
    faulty_point()
    ss.run(small())
    ss.run(small("neuron.RS.b=0,20"))
    records = Store(path).failures()
    assert {record["point"]["b"] for record in records} == {0.0, 20.0}
    assert not check(Store(path))
    for file in files(path, ".spikesweep/failures"):
        data = file.read_bytes()
        file.unlink()
        assert check(Store(path)), file
        file.write_bytes(data)


def test_a_million_points_are_few_files(small):
    """Of the default protocol, with and without spikes, and of longer points."""
    from spikesweep.store import files_of_block
    from spikesweep.sweep.job import make_job
    from spikesweep.sweep.run import block_points

    axes = [f"grid.{name}={{start:0,stop:99,num:100}}" for name in ("fe", "fi", "seed")]
    for words in (("[1]",), ("[10]",), ("[1]", "protocol.record_spikes=true"), ("[1,10]",)):
        cfg = small(*axes, f"grid.pop_size={words[0]}", "protocol.duration=10000.0", *words[1:])
        job, compute, _ = make_job(cfg)
        chunks = job.grid.block_shape(block_points(job, compute))
        n_blocks = np.prod([-(-n // c) for n, c in zip(job.grid.shape, chunks, strict=True)])
        assert 1000 < n_blocks * files_of_block(job.protocol.variables) < 9900
