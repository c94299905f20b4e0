"""A store is read again only where it has changed; what is damaged or hostile is told and nothing else."""

import json
import os
import shutil

import made
import numpy as np
import pytest
from object_storage import ObjectStorage

import spikesweep as ss
from spikesweep.api.commands import main
from spikesweep.errors import InputError
from spikesweep.grid.schema import DONE, NOT_ASKED
from spikesweep.store import Store, place
from spikesweep.store.timings import file_of, note, timings
from spikesweep.store.watch import Watch
from spikesweep.view import facts
from spikesweep.view.hub import Hub, opened
from spikesweep.view.source import UNREADABLE, Source
from spikesweep.view.state import State, fitted


def grown(path, n=8):
    grid = made.grid_of(fe=(np.arange(float(n)), "Hz"), fi=(np.arange(6.0), "Hz"))
    return made.make(path, grid, (2, 6)), grid


@pytest.fixture
def read(monkeypatch):
    """Return the names of arrays that are read, in their order."""
    found, original = [], Watch.read

    def reads(self, name, where=None):
        found.append((name, (where or {}).get("fe")))
        return original(self, name, where)

    monkeypatch.setattr(Watch, "read", reads)
    return found


def test_only_blocks_that_changed_are_read_again(tmp_path, read):
    store, grid = grown(tmp_path / "a.zarr")
    made.fill(store, grid, slice(0, 2))
    source = Source(store.path)
    before = source.values("rate", {"population": 0})[1].copy()
    read.clear()
    assert not source.refresh()
    source.values("rate", {"population": 0})
    assert read == []
    made.fill(store, grid, slice(2, 3))
    assert source.refresh()
    now = source.values("rate", {"population": 0})[1]
    assert read == [("status", slice(4, 6)), ("rate", slice(4, 6))]
    np.testing.assert_array_equal(now[:4], before[:4])
    np.testing.assert_array_equal(now[4:6], made.rate_at(grid)[4:6])
    np.testing.assert_array_equal(source.status, store.status())
    store.forget_block(next(iter(grid.blocks(store.chunks))))  # as `check --repair` does
    assert source.refresh()
    np.testing.assert_array_equal(source.status, store.status())


def test_where_nothing_can_have_changed_no_file_is_asked_for(tmp_path, monkeypatch):
    store, grid = grown(tmp_path / "a.zarr")
    made.fill(store, grid)
    os.utime(store.path / "status", (1e9, 1e9))
    source = Source(store.path)
    source.refresh()
    monkeypatch.setattr(os, "scandir", lambda *_: pytest.fail("listed"))
    assert not source.refresh()


def test_a_grown_or_other_store_at_the_path_is_seen(tmp_path):
    store, grid = grown(tmp_path / "a.zarr")
    made.fill(store, grid)
    source = Source(store.path)
    shutil.rmtree(store.path)
    larger, more = grown(store.path, 12)
    made.fill(larger, more, slice(0, 1))
    assert source.refresh()
    assert source.status.shape == (12, 6)
    assert len(source.space.dims["fe"].values) == 12


def test_a_damaged_chunk_costs_its_block_and_is_told(tmp_path):
    store, grid = grown(tmp_path / "a.zarr")
    made.fill(store, grid)
    (store.path / "rate" / "c.0.1.0").write_bytes(b"nothing of zstd")
    (store.path / "status" / "c.2.0").write_bytes(b"nothing of zstd")
    source = Source(store.path)
    values = source.values("rate", {"population": 0})[1]
    assert np.isnan(values[2:4]).all()
    np.testing.assert_array_equal(values[:2], made.rate_at(grid)[:2])
    assert (source.status[4:6] == UNREADABLE).all()
    assert "spikesweep check" in facts.problems(source)
    hub = Hub([store.path])
    assert isinstance(hub.sources()[0][1], Source)


@pytest.mark.parametrize("kind", ["link", "pipe", "huge", "dims", "json", "many", "nothing", "text", "loop"])
def test_a_hostile_store_is_a_text(tmp_path, kind):
    store, grid = grown(tmp_path / "a.zarr")
    made.fill(store, grid)
    path = store.path
    meta = json.loads((path / "zarr.json").read_text())
    inside = meta["consolidated_metadata"]["metadata"]
    if kind == "link":
        (path / "rate" / "c.9").symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path / "status" / "c.0.9")
    elif kind == "huge":
        inside["status"]["shape"] = [10**9, 10**9]
    elif kind == "dims":
        inside["rate"]["dimension_names"] = None
    elif kind == "many":
        inside["rate"]["shape"] = [10**12, 8, 6]
    elif kind == "loop":
        shutil.rmtree(path / "rate")
        (path / "rate").symlink_to("..")
    if kind in ("huge", "dims", "many"):
        (path / "zarr.json").write_text(json.dumps(meta))
    elif kind == "json":
        (path / "zarr.json").write_text("[" * 100_000)
    elif kind == "nothing":
        shutil.rmtree(path)
    elif kind == "text":
        shutil.rmtree(path)
        path.write_text("no store")
    found = opened(path)
    assert isinstance(found, str)
    assert found.startswith("this store cannot be shown: ")
    assert len(found) <= 1000


def test_a_store_that_comes_later_or_breaks_is_told_of(tmp_path, monkeypatch):
    hub = Hub([tmp_path / "a.zarr"])
    monkeypatch.setattr("spikesweep.view.hub.SOONEST", 0.0)
    hub.share = 1e9
    assert isinstance(hub.sources()[0][1], str)
    store, grid = grown(tmp_path / "a.zarr")
    version = hub.refresh()
    source = hub.sources()[0][1]
    assert isinstance(source, Source)
    made.fill(store, grid)
    assert hub.refresh() > version
    assert np.isin(source.status, DONE).all()
    shutil.rmtree(store.path)
    hub.refresh()
    assert "cannot be shown" in hub.sources()[0][1]


def test_looks_take_their_share_of_the_time_at_most(tmp_path, monkeypatch):
    store, _ = grown(tmp_path / "a.zarr")
    now = [100.0]
    monkeypatch.setattr("spikesweep.view.hub.time.monotonic", lambda: now[0])
    hub = Hub([store.path], share=0.01)
    source = hub.sources()[0][1]
    looks = []

    def slow():
        looks.append(now[0])
        now[0] += 0.5
        return False

    monkeypatch.setattr(source, "refresh", slow)
    for _ in range(10_000):
        hub.refresh()
        now[0] += 0.1
    assert 15 < len(looks) < 25


def test_what_nobody_asked_for_is_not_missing(small, tmp_path):
    for words in (("grid.fe=[0]", "grid.fi=[2]"), ("grid.fe=[6]", "grid.fi=[8]")):
        ss.run(small(*words))
    (path,) = tmp_path.rglob("*.zarr")
    source = Source(path)
    assert (source.status == NOT_ASKED).sum() > 0
    found = facts.progress(source)
    assert found.missing == 0
    assert found.asked == found.done
    assert all(seconds > 0 for seconds in timings(source.store).values())
    assert np.isfinite(source.seconds()[np.isin(source.status, DONE)]).all()


def test_timings_that_are_none_are_left_out(tmp_path):
    store, _ = grown(tmp_path / "a.zarr")
    note(store, (0, 0), 12, 6.0)
    note(store, (1, 0), 0, 6.0)
    file = file_of(store.path)
    state = file.read_bytes()[:12]
    lines = [b"9.9 1 1.0", b"9 1 1.0", b"../x 1 1", b"\xff\xff", b"1.0 nan nan", b"2.0 3 1e400"]
    other = b"0123456789ab 2.0 1 1.0\n"  # of the store as it was
    file.write_bytes(file.read_bytes() + other + b"".join(state + b" " + line + b"\n" for line in lines))
    assert timings(store) == {(0, 0): 0.5, (9, 9): 1.0, (9,): 1.0}
    source = Source(store.path)
    assert np.nanmax(source.seconds()) == 0.5
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    note(store, (0, 0), 12, 6.0)
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_means_the_same_after_the_sweep_has_grown(tmp_path):
    store, grid = grown(tmp_path / "a.zarr")
    made.fill(store, grid)
    state = State.of({"x": "fi", "y": "population", "at.fe": "3", "point.fe": "3", "point.fi": "2"})
    view = fitted(state, Source(store.path).space)
    assert view.fixed["fe"] == 3
    assert State.of(view.state.query()) == view.state
    larger, _ = (
        made.make(
            tmp_path / "b.zarr",
            made.grid_of(fe=(np.arange(-5.0, 9), "Hz"), fi=(np.arange(6.0), "Hz")),
            (2, 6),
        ),
        0,
    )
    space = Source(larger.path).space
    again = fitted(view.state, space)
    assert space.dims["fe"].values[again.fixed["fe"]] == 3
    assert again.state == view.state


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"layr": "sd"}, "layr is no word of a view; did you mean 'layer'"),
        ({"layer": "mean"}, "layer = 'mean'"),
        ({"compare": "x"}, "compare = 'x'"),
    ],
)
def test_words_that_are_none_of_a_view_are_refused(query, message):
    with pytest.raises(InputError, match=message.replace("(", "\\(")):
        State.of(query)


def test_labels_that_are_not_there_are_chosen_anew(tmp_path):
    store, _ = grown(tmp_path / "a.zarr")
    odd = {"x": "nothing", "variable": "x", "at.population": "<b>", "at.fe": "1e999", "point.fe": "77"}
    view = fitted(State.of(odd), Source(store.path).space)
    assert (view.state.x, view.state.y, view.state.variable) == ("fe", "fi", "rate")
    assert view.state.point == ()


def test_it_reads_a_store_of_before(small, tmp_path, monkeypatch):
    from spikesweep.store import layout

    with monkeypatch.context() as patch:
        patch.setattr(layout, "FLAT", {"name": "default", "separator": "/"})
        patch.setattr(layout, "FORMAT", "spikesweep 2")
        ss.run(small())
    (path,) = tmp_path.rglob("*.zarr")
    source = Source(path)
    np.testing.assert_array_equal(source.status, Store.at(path).status())
    assert not source.refresh()
    assert source.times


@pytest.mark.slow
def test_it_reads_a_store_below_a_url(tmp_path, monkeypatch):
    storage = ObjectStorage()
    try:
        for name, value in storage.environment.items():
            monkeypatch.setenv(name, value)
        storage.client.create_bucket(Bucket="bucket-of-view")
        store, grid = grown(tmp_path / "a.zarr")
        made.fill(store, grid, slice(0, 2))
        url = "s3://bucket-of-view/a.zarr"
        for blocks in (None, slice(2, 4)):
            if blocks is not None:
                made.fill(store, grid, blocks)
            with pytest.raises(SystemExit):
                main(["push", str(store.path), url])
            if blocks is None:
                source = Source(place(url))
            else:
                assert source.refresh()
            np.testing.assert_array_equal(source.status, store.status())
            values = source.values("rate", {"population": 0})[1]
            np.testing.assert_array_equal(np.isfinite(values), np.isin(store.status(), DONE))
            assert not source.refresh()
    finally:
        storage.close()
