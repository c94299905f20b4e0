"""Results of unknown length: how they are stored, grown, damaged, read and handed on."""

import subprocess
import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from zarr.storage import LocalStore

import spikesweep as ss
from spikesweep import store as stores
from spikesweep.analysis import plots
from spikesweep.api.progress import Terminal
from spikesweep.errors import InputError
from spikesweep.grid.grid import Axis, Block, Grid
from spikesweep.grid.ragged import Cells, Ragged
from spikesweep.grid.schema import Variable
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.spike_trains import note_trains
from spikesweep.protocols.base import Experiment
from spikesweep.store import Store
from spikesweep.store.check import check, repair
from spikesweep.sweep import run as sweep
from spikesweep.sweep.compute.serial import Serial
from spikesweep.sweep.job import make_job

ALL = {"fe": [0, 8, 16], "fi": [0, 2], "seed": [0, 1], "pop_size": [1, 3]}


@pytest.fixture
def spikes(tmp_path):
    """Return a function that loads a sweep with spikes, stored below tmp_path."""

    def load(*words, **axes):
        grid = {**ALL, **axes}
        return ss.load(
            *(f"grid.{name}={list(values)}".replace(" ", "") for name, values in grid.items()),
            "protocol.duration=300.0",
            "protocol.record_spikes=true",
            "compute=serial",
            f"outputs={tmp_path}",
            *words,
        )

    return load


def table(ds):
    """Return all spikes as rows, neuron after neuron of cell after cell."""
    return ds.sweep.to_pandas()


def same(a, b):
    xr.testing.assert_equal(a.load(), b.load())
    assert table(a).equals(table(b))


trains = st.lists(st.lists(st.integers(0, 99), max_size=4), min_size=6, max_size=6)


def ragged(lists, shape=(2, 3)):
    sizes = np.array([len(x) for x in lists], np.int64).reshape(shape)
    return Ragged(np.array([v for x in lists for v in x], np.float64), sizes)


def lists(found):
    return [x.tolist() for x in np.split(found.values, np.cumsum(found.sizes.ravel()))[:-1]]


@given(trains, st.lists(st.integers(-1, 5), max_size=8))
def test_cells_are_taken_as_from_a_list(source, cells):
    assert lists(ragged(source).take(np.array(cells, np.int64))) == [
        source[c] if c >= 0 else [] for c in cells
    ]
    turned = ragged(source).rearranged(lambda a: a.T)
    assert turned.sizes.shape == (3, 2)
    assert lists(turned) == [source[i] for i in (0, 3, 1, 4, 2, 5)]


@given(trains, trains)
def test_cells_are_filled_like_an_array(first, second):
    cells = Cells.of(ragged(first))
    cells.reshape(-1)[[1, 4]] = ragged(second[:2], (2,))
    assert lists(cells.ragged()) == [first[0], second[0], first[2], first[3], second[1], first[5]]
    nothing = Cells.empty((2, 3), "int32").ragged()
    assert nothing.sizes.tolist() == [[0] * 3] * 2
    assert nothing.values.dtype == np.int32


def test_inconsistent_cells_are_refused():
    with pytest.raises(ValueError, match="3 values, not 2"):
        Ragged(np.zeros(2), np.array([1, 2]))
    with pytest.raises(ValueError, match="one dimension"):
        Ragged(np.zeros((1, 2)), np.array([2]))


def test_compiled_and_python_recorders_note_the_same_spikes():
    rng = np.random.default_rng(0)
    spiked = (rng.random((50, LANES)) < 0.02).astype(float).ravel()
    found = [np.zeros(60, np.int64) for _ in range(2)]
    for words, function in zip(found, (note_trains, note_trains.py_func), strict=True):
        function(words, spiked, 50, 10)
    assert found[0].tobytes() == found[1].tobytes()
    step, lane = np.nonzero(spiked.reshape(50, LANES))
    assert len(step) > 10
    assert {(s + 10, 1 << int(n)) for s, n in zip(step, lane, strict=True)} == {
        (s, 1 << n) for s in np.flatnonzero(found[0]) for n in range(LANES) if found[0][s] >> n & 1
    }


def test_spikes_are_those_that_the_rate_counts(spikes):
    ds = ss.run(spikes()).load()
    rate = ds.rate.sel(pop_size=3)
    assert ds.spike_size.dims == ("population", "fe", "fi", "seed")
    np.testing.assert_allclose(rate * 3 * 0.3, ds.spike_size, rtol=1e-12)
    assert int(ds.spike_size.sum()) > 500
    without = ss.run(spikes("protocol.record_spikes=false", "name=without")).load()
    assert "spike_size" not in without
    xr.testing.assert_equal(ds.rate, without.rate)
    late = ss.run(spikes("protocol.discard=150.0", "name=late"))
    kept = table(ds).query("spike_times > 150")
    assert kept.reset_index(drop=True).equals(table(late))


def test_spikes_are_those_of_the_replayed_cell(spikes):
    cfg = spikes()
    ds = ss.run(cfg)
    path = ds.encoding["source"]
    for population, neuron in (("RS", 0), ("FS", 2)):
        labels = {"fe": 16, "fi": 2, "seed": 1, "population": population}
        found = ss.open(path).sweep.spikes(**labels)
        mine = found.spike_times[found.spike_neuron == neuron].values
        assert len(mine) > 5
        traced = ss.replay(path, neuron=neuron, **labels).spike_times.values
        np.testing.assert_array_equal(mine, traced)
        assert found.spike_times.attrs == {"units": "ms", "long_name": "spike times"}


def test_the_original_trains_can_be_recorded_too(spikes):
    ds = ss.run(spikes("protocol.rng=legacy_shared"))
    np.testing.assert_allclose(ds.rate.sel(pop_size=3) * 3 * 0.3, ds.spike_size, rtol=1e-12)
    assert int(ds.spike_size.sum()) > 100


@pytest.mark.parametrize(
    "words",
    [
        ("compute.block_points=1",),
        ("compute.block_points=7",),
        ("compute=threads", "compute.workers=3", "compute.block_points=2"),
    ],
    ids=" ".join,
)
def test_blocks_and_workers_change_no_spike(spikes, words):
    same(ss.run(spikes(*words)), ss.run(spikes("name=reference")))


def test_growth_and_resuming_change_no_spike(spikes):
    """Parts of one block at a time, then more values, more neurons, and a swept parameter."""
    whole = ss.run(spikes("name=whole"))
    few = {"fe": [8], "fi": [0, 2], "seed": [1], "pop_size": [1]}
    one = ss.run(spikes("compute.block_points=50", **few))
    old = table(one)
    assert len(old) > 20
    ss.run(spikes("compute.block_points=50", **{**ALL, "fe": [16], "seed": [0]}))  # others stay missing
    store = Store.at(make_job(spikes())[0].path)
    assert (store.status() == 0).any()
    assert table(store.open().sel(fe=[8], seed=[1])).equals(old)
    grown = ss.run(spikes("compute.block_points=50"))
    same(grown, whole)
    assert not check(store)
    store.forget_block(next(iter(make_job(spikes())[0].grid.blocks(store.chunks))))
    assert (store.status() == 0).any()
    same(ss.run(spikes()), whole)
    swept = ss.run(spikes("grid.neuron.RS.b=[20.0,80.0]"))
    assert table(swept.sel(b=20.0)).drop(columns="b").equals(table(whole))
    assert not table(swept.sel(b=80.0)).drop(columns="b").equals(table(whole))


def test_a_store_that_grows_is_read_as_it_is(spikes, monkeypatch):
    """Before it is read, and just while its labels are looked up."""
    before = ss.run(spikes("compute.block_points=3"))
    labels = {"fe": 8, "fi": 2, "seed": 1, "population": "RS"}
    old = before.sweep.spikes(**labels)
    assert old.sizes["spike"] > 5
    ss.run(spikes("compute.block_points=3", fe=[0, 2, 4, 8, 16]))
    xr.testing.assert_identical(before.sweep.spikes(**labels), old)
    read, grown = Store.read_cells, []

    def growing(self, *where):
        if not grown:
            grown.append(ss.run(spikes(fe=[0, 1, 2, 4, 8, 16])))
        return read(self, *where)

    monkeypatch.setattr(Store, "read_cells", growing)
    xr.testing.assert_identical(before.sweep.spikes(**labels), old)
    assert grown


def test_points_that_fail_have_no_spikes(spikes, monkeypatch):
    reference = ss.run(spikes("name=reference"))
    job, compute, _ = make_job(spikes())
    original = type(job.protocol).__call__

    def poisoned(self, network, points, whole):
        if ((points["fe"] == 8.0) & (points["seed"] == 1)).any():
            raise FloatingPointError("poison")
        return original(self, network, points, whole)

    monkeypatch.setattr(type(job.protocol), "__call__", poisoned)
    outcome = sweep.run(job, compute, Terminal())
    assert outcome.failed == 4
    found = table(outcome.dataset)
    expected = table(reference).query("not (fe == 8 and seed == 1)").reset_index(drop=True)
    assert found.equals(expected)
    monkeypatch.setattr(type(job.protocol), "__call__", original)
    same(sweep.run(job, compute, Terminal(), retry=True).dataset, reference)


class Crash(BaseException):
    """Stands for a kill."""


def test_counts_and_values_agree_whenever_a_writer_dies(spikes, monkeypatch):
    """A block is half computed, then computed to the end: die before each write of that."""
    whole = ss.run(spikes("name=whole"))
    few = {"fe": [8], "seed": [0]}
    first = table(ss.run(spikes("compute.block_points=50", **few)))
    ss.run(spikes("compute.block_points=50", seed=[1]))
    path = make_job(spikes())[0].path
    write, count = stores.arrays.durable.write, [0]
    deaths = 0
    for at in range(1, 20):
        count[0] = 0

        def dying(file, data, at=at):
            count[0] += 1
            if count[0] == at:
                raise Crash
            write(file, data)

        monkeypatch.setattr("spikesweep.store.durable.write", dying)
        try:
            done = ss.run(spikes())
            break
        except Crash:
            deaths += 1
        monkeypatch.setattr("spikesweep.store.durable.write", write)
        assert table(Store(path).open().sel(fe=[8], seed=[0])).equals(first)
        assert not check(Store(path))
    assert deaths == 9
    same(done, whole)
    assert not check(Store(path))
    places = [p for p in (path / "ragged" / "spike").iterdir() if p.name != "template"]
    assert places
    assert all(len(list(p.iterdir())) == 1 for p in places)


PLAIN = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np, xarray as xr
ds = xr.open_zarr(sys.argv[1])
print(ds.spike_size.attrs["sample_dimension"], int(ds.spike_size.sum()), ds.rate.attrs["units"])
block = xr.open_zarr(sys.argv[2], consolidated=False)
print(block.spike_times.dims, block.spike_times.attrs["units"], float(block.spike_times.sum()))
assert "spikesweep" not in sys.modules
import spikesweep
print(ds.sweep.spikes(fe=16, fi=2, seed=1, population="FS").sizes["spike"])
"""


def test_plain_xarray_reads_counts_and_values(spikes):
    cfg = spikes("compute.block_points=2")
    ds = ss.run(cfg)
    path = make_job(cfg)[0].path
    version = sorted((path / "ragged" / "spike").glob("2.*/*"))[0]
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, str(path), str(version)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    one, two, three = done.stdout.splitlines()
    assert int(three) == ds.spike_size.sel(fe=16, fi=2, seed=1, population="FS") > 5
    assert one == f"spike {int(ds.spike_size.sum())} Hz"
    assert two.startswith("('spike',) ms")


def test_netcdf_keeps_values_units_flags_and_attributes(spikes, tmp_path):
    ds = ss.run(spikes("grid.neuron.RS.b=[20.0,80.0]")).load()
    chosen = ds.sel(b=20).sweep.spikes(fe=16, seed=1, population="RS")
    for part in (ds, chosen):
        part.to_netcdf(tmp_path / "file.nc")
        with xr.open_dataset(tmp_path / "file.nc") as found:
            found.load()
        xr.testing.assert_equal(found.drop_vars("population"), part.drop_vars("population"))
        assert found.population.values.tolist() == part.population.values.tolist()
        for name in part.variables:
            for key, value in part[name].attrs.items():
                assert np.array_equal(found[name].attrs[key], value), (name, key)
    assert chosen.spike_times.attrs["units"] == "ms"
    assert len(chosen.spike_times) > 10
    ds.to_netcdf(tmp_path / "whole.nc")
    with xr.open_dataset(tmp_path / "whole.nc") as found:
        assert {k: v for k, v in found.attrs.items()} == ds.attrs
        assert found.sweep.configuration == ds.sweep.configuration
        assert found.sweep.configuration["protocol"]["duration"] == 300.0
        assert found.status.attrs["flag_meanings"].split()[1] == "ok"
        assert found.b.attrs["key"] == "neuron.RS.b"
        plots.figure(found.load())


def test_labels_choose_cells(spikes):
    ds = ss.run(spikes())
    everything = table(ds)
    some = ds.sel(fe=slice(4, 20)).isel(seed=1).sweep.spikes(fi=[0, 2], population="RS")
    expected = everything.query("fe > 4 and seed == 1 and population == 'RS'")
    np.testing.assert_array_equal(some.spike_times, expected.spike_times)
    np.testing.assert_array_equal(some.fe, expected.fe)
    assert some.fe.dims == ("spike",)
    assert some.population.item() == "RS"
    for labels, message in [
        ({"fe": 3}, r"fe = 3; allowed: one of 0\.0, 8\.0, 16\.0"),
        ({"fa": 3}, "fa is no label of this sweep; did you mean 'fi'"),
        ({"population": "PY"}, "population = PY; allowed: one of RS, FS"),
    ]:
        with pytest.raises(InputError, match=message):
            ds.sweep.spikes(**labels)
    with pytest.raises(InputError, match="nothing along 'spikes'; did you mean 'spike'"):
        ds.sweep.ragged("spikes")
    with pytest.raises(InputError, match="fe is not known of this part"):
        ds.isel(fe=1, drop=True).sweep.spikes(fi=0)


def test_stores_that_were_joined_hold_no_spikes_of_one(spikes, tmp_path):
    for network in ("fs_rs", "vogels_abbott"):
        ss.run(spikes(f"network={network}", fe=[8], seed=[0]))
    joined = ss.open(tmp_path / "transfer_function")
    assert joined.sizes["network"] == 2
    with pytest.raises(InputError, match="of no single store"):
        joined.sweep.spikes(fe=8)
    one, two = (ss.run(spikes(f"network={n}", fe=[8], seed=[0])) for n in ("fs_rs", "vogels_abbott"))
    with pytest.raises(InputError, match="of no single store: it has the dimension network"):
        xr.concat([one, two], "network").sweep.spikes(fe=8)
    with pytest.raises(InputError, match=r"seed = \[5\] is not in"):
        xr.concat([one, two.assign_coords(seed=[5])], "seed").sweep.spikes(fe=8)


def test_points_that_are_no_grid_are_chosen_by_their_values(spikes):
    ds = ss.run(spikes("zip.both=[fe,fi]", fe=[8, 16, 16], fi=[0, 2, 0]))
    assert ds.spike_size.dims == ("population", "point", "seed")
    found = ds.sweep.spikes(fe=16, fi=2, seed=1, population="FS")
    grid = ss.run(spikes("name=grid")).sweep.spikes(fe=16, fi=2, seed=1, population="FS")
    assert len(grid.spike_times) > 5
    np.testing.assert_array_equal(found.spike_times, grid.spike_times)


def test_rows_of_points_bear_their_values(spikes):
    ds = ss.run(spikes("x=zip(grid.fe=[8,16],grid.fi=[0,2])", "protocol.duration=200.0"))
    rows = table(ds)
    assert set(map(tuple, rows[["fe", "fi"]].drop_duplicates().to_numpy())) == {(8.0, 0.0), (16.0, 2.0)}
    one = ds.isel(point=1).sweep.spikes(seed=0, population="RS")
    assert (one.fe.item(), one.fi.item()) == (16.0, 2.0)
    assert one.equals(ds.sweep.spikes(fe=16, fi=2, seed=0, population="RS"))


def test_what_has_no_results_is_not_silent(spikes, monkeypatch):
    """Excluded combinations of labels are refused, and so are points that failed."""
    path = make_job(spikes())[0].path
    ds = ss.run(spikes("exclude=fe == 16 and fi == 2", "name=part"))
    with pytest.raises(InputError, match="no point of this sweep has"):
        ds.sweep.spikes(fe=16, fi=2)
    monkeypatch.setattr("spikesweep.protocols.TransferFunction.__call__", lambda *a: 1 / 0)
    failed = ss.run(spikes())
    assert (failed.status == 3).all()
    with pytest.raises(InputError, match=r"has results in .*: missing or failed"):
        ss.open(path).sweep.spikes(fe=8, fi=0, seed=0)


def test_neo_gets_a_train_a_neuron(spikes):
    neo = pytest.importorskip("neo")
    ds = ss.run(spikes())
    block = ds.sweep.to_neo(fe=16, fi=2, population="RS", neurons=4)
    assert isinstance(block, neo.Block)
    assert [s.annotations["seed"] for s in block.segments] == [0, 1]
    assert [len(s.spiketrains) for s in block.segments] == [4, 4]
    for segment in block.segments:
        found = ds.sweep.spikes(fe=16, fi=2, population="RS", seed=segment.annotations["seed"])
        for neuron, train in enumerate(segment.spiketrains):
            assert train.annotations["neuron"] == neuron
            assert float(train.t_stop.rescale("ms")) == 300.0
            mine = found.spike_times[found.spike_neuron == neuron]
            np.testing.assert_array_equal(train.rescale("ms").magnitude, mine)
    assert len(block.segments[0].spiketrains[0]) > 5
    assert len(block.segments[0].spiketrains[3]) == 0


@dataclass(frozen=True)
class Lengths(Experiment):
    """As many values at each point as its coordinate says: 0 or 1e6 where it is the last."""

    axes: ClassVar[tuple[Axis, ...]] = (Axis("i", "1", "number", 0, integer=True),)
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("event", (), "ms", "events", ragged="event"),
        Variable("mark", (), "1", "marks", dtype="int16", ragged="event"),
    )
    longest: int = 10

    def check(self, network):
        """Refuse nothing."""

    def coordinates(self, network):
        """Return no labels."""
        return {}

    def work(self, network, whole):
        """Return next to no work."""
        return 1.0

    def prepare(self, network):
        """Compile nothing."""

    def __call__(self, network, points, whole):
        """Return the values i, i + 1, ... and their number modulo 7."""
        i = points["i"]
        sizes = np.where(i == 77, self.longest, i % 4)
        each = np.repeat(i, sizes) + np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return {"event": Ragged(each.astype(float), sizes), "mark": Ragged((each % 7).astype("i2"), sizes)}


def lengths(path, n, longest, spikes):
    """Run a sweep of n points of `Lengths`; return its dataset."""
    job = replace(
        make_job(spikes())[0],
        protocol=Lengths(longest),
        grid=Grid(Lengths.axes, (np.arange(n),)),
        path=path,
    )
    return sweep.run(job, Serial(None), Terminal()).dataset


def test_reading_a_point_costs_that_point(tmp_path, spikes, monkeypatch):
    """What is read from the disk does not grow with the points, and little with what others hold."""
    read = []
    get = LocalStore.get

    async def counting(self, key, prototype, byte_range=None):
        found = await get(self, key, prototype, byte_range)
        read.append(0 if found is None else len(found))
        return found

    monkeypatch.setattr(LocalStore, "get", counting)
    bytes_read = {}
    for n in (20_000, 100_000):
        ds = lengths(tmp_path / f"{n}.zarr", n, 1_000_000, spikes)
        for i, size in ((0, 0), (77, 1_000_000), (n - 1, 3)):
            read.clear()
            found = ds.sweep.ragged("event", i=i)
            bytes_read[n, i] = sum(read)
            assert found.event.values.tolist() == list(range(i, i + size))
            np.testing.assert_array_equal(found.mark, (i + np.arange(size)) % 7)
            assert found.event.dtype == np.float64
            assert found.mark.dtype == np.int16
    assert len(bytes_read) == 6
    coordinate = 8 * 100_000
    for i in (0, 77):
        assert bytes_read[100_000, i] < bytes_read[20_000, i] + coordinate


def test_ragged_variables_that_disagree_are_refused(tmp_path, spikes, monkeypatch):
    good = Lengths.__call__

    def bad(self, network, points, whole):
        found = good(self, network, points, whole)
        return {**found, "mark": Ragged(np.zeros(0, "i2"), np.zeros_like(found["mark"].sizes))}

    monkeypatch.setattr(Lengths, "__call__", bad)
    with pytest.raises(ValueError, match="event, mark have other numbers of values along event"):
        lengths(tmp_path / "bad.zarr", 10, 3, spikes)
    with pytest.raises(ValueError, match="must have the same dims"):
        stores.create(
            tmp_path / "other.zarr",
            Grid(Lengths.axes, (np.arange(3),)),
            [Lengths.variables[0], replace(Lengths.variables[1], dims=("population",))],
            {"population": ["A"]},
            (3,),
            {},
        )


def test_not_finite_values_are_seen(tmp_path, spikes, monkeypatch):
    good = Lengths.__call__

    def bad(self, network, points, whole):
        found = good(self, network, points, whole)
        values = np.where(found["event"].values == 6.0, np.nan, found["event"].values)
        return {**found, "event": Ragged(values, found["event"].sizes)}

    monkeypatch.setattr(Lengths, "__call__", bad)
    ds = lengths(tmp_path / "nan.zarr", 10, 3, spikes)
    assert ds.i.values[ds.status.values == 2].tolist() == [6]


def test_repair_forgets_values_with_their_block(spikes):
    ss.run(spikes("compute.block_points=6"))
    path = make_job(spikes())[0].path
    store = Store(path)
    whole = table(store.open())
    victims = sorted((path / "ragged").glob("spike/1.*/*/spike_times/c.0"))
    data = victims[0].read_bytes()
    victims[0].write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    (problem,) = check(store)
    assert isinstance(problem.block, Block)
    with pytest.raises(Exception, match=r"(?i)checksum|zstd"):
        table(store.open())
    repair(store, [problem])
    assert not victims[0].exists()
    assert len(table(store.open())) < len(whole)
    assert table(ss.run(spikes())).equals(whole)
