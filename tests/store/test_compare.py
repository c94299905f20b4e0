"""`python -m spikesweep diff`: where the results of two stores differ."""

import numpy as np
import pytest
import scipy
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import spikesweep as ss
from spikesweep.store import Store
from spikesweep.store.compare import compare, welch

#: Ten seeds tell a mean's noise.
SEEDS = "grid.seed={start:0,stop:9,num:10}"


@pytest.fixture
def stored(small, tmp_path):
    """Return a function that runs a small sweep under a name and returns its store."""

    def run(name, *words):
        ss.run(small(f"name={name}", *words))
        return Store.at(tmp_path / name / "adexp-fs_rs.zarr")

    return run


def test_equal_stores_have_no_difference(stored):
    words = (SEEDS, "protocol.record_spikes=true")
    assert compare(stored("a", *words), stored("b", *words, "compute.block_points=1")) == []


def test_other_random_numbers_are_no_more_than_noise(stored):
    lines = compare(stored("a", SEEDS), stored("b", SEEDS, "protocol.root_seed=1"))
    assert len(lines) == 1
    assert lines[0].startswith("rate: ")
    assert lines[0].endswith(" of 240 values are not equal at the same labels")


def test_means_that_differ_are_on_a_map(stored):
    """RS and FS differ by their weights only where there is input: fe = 0 stays silent in both."""
    lines = compare(stored("a", SEEDS), stored("b", SEEDS, "network.exc.weight=3.0"))
    found = next(line for line in lines if "means" in line)
    assert " of 24 means over seeds differ, most at population=" in found
    assert " there, " in found
    title, header, index, *rows = lines[lines.index(found) + 1 :]
    assert title == "  how many, by population (down) and fe (across):"
    assert header.split() == ["fe", "6.0", "12.0"]
    assert index.split() == ["population"]
    assert [row.split()[0] for row in rows] == ["RS", "FS"]
    assert sum(int(n) for row in rows for n in row.split()[1:]) == int(found.split()[1])


def test_one_seed_has_no_noise_to_compare_with(stored):
    lines = compare(stored("a", "grid.seed=[0]"), stored("b", "grid.seed=[0]", "network.exc.weight=3.0"))
    assert [line.split(" of ")[1] for line in lines] == ["24 values are not equal at the same labels"]


def test_labels_and_points_of_one_store_alone_are_told(stored, faulty_point):
    a = stored("a", "grid.fe=[0,6]")
    faulty_point()
    lines = compare(a, stored("b", "grid.fe=[6,12,18]"))
    assert lines == ["fe: 1 values there only, 2 here only", "4 points have another status"]


def test_labels_of_results_and_what_nobody_can_compare_are_told(stored):
    lines = compare(stored("a"), stored("b", "network.populations=[RS]"))
    assert lines == ["population: 1 values there only, 0 here only"]
    lines = compare(stored("a"), stored("c", "network.populations=[RS2]"))
    assert lines == ["population: 2 values there only, 1 here only", "rate: no values at the same labels"]
    lines = compare(stored("a"), stored("d", "grid.fe=[1,2]"))
    assert lines[-1] == "results are not compared: no point is done in both"


def test_results_over_other_axes_are_not_compared(stored):
    lines = compare(stored("a"), stored("b", "grid.neuron.RS.b=[0,20]"))
    assert len(lines) == 1
    assert "results are not compared: over fe x fi x seed x pop_size there" in lines[0]
    assert " b " in f"{lines[0]} "


def test_points_are_compared_by_what_they_are(stored):
    """The same two points in another order, and a third."""
    a = stored("a", "cell=zip(neuron.RS.b=[40,0],neuron.RS.a=[2,4])")
    b = stored("b", "cell=zip(neuron.RS.b=[0,40,20],neuron.RS.a=[4,2,3])")
    assert compare(a, b) == ["point: 0 values there only, 1 here only"]


def test_points_of_other_parameters_are_not_compared(stored, tmp_path):
    for key in "ab":
        (tmp_path / f"{key}.csv").write_text(f"neuron.RS.{key}\n2\n4\n")
    lines = compare(stored("a", f"points={tmp_path}/a.csv"), stored("b", f"points={tmp_path}/b.csv"))
    assert len(lines) == 1
    assert "not compared" in lines[0]


def test_the_order_of_axes_makes_no_difference(stored):
    words = ("protocol.record_spikes=true", "grid.fe=[12]", "grid.fi=[2]", "grid.pop_size=[1]")
    axes = "grid.neuron.RS.b=[0,20]", "grid.neuron.RS.a=[0,2,4]"
    a, b = stored("a", *words, *axes), stored("b", *words, *axes[::-1])
    assert a.axes != b.axes
    assert compare(a, b) == []


def test_what_is_the_same_for_every_seed_is_no_noise():
    for n, m in ((10, 50), (3, 7), (10, 20)):
        x, y = (xr.DataArray(np.full((1, k), 12.3), dims=("fe", "seed")) for k in (n, m))
        assert welch(x, y).item() == 1.0
        assert welch(x, y + 1e-6).item() < 1e-9


def test_coordinates_that_are_results_are_compared(tmp_path):
    """The currents of an adaptive scan are where it went: fe is a result of it."""
    words = ("neuron=adexp", "network=fs_rs", "protocol=transfer_function_adaptive", "grid.fi=[0,4]")
    words += ("grid.seed=[0]", "protocol.duration=100.0", "compute=serial")
    stores = []
    for name in "ab":
        ss.run(ss.load(*words, f"outputs={tmp_path}", f"name={name}"))
        stores.append(Store.at(next((tmp_path / name).glob("*.zarr"))))
    assert compare(*stores) == []
    original = Store.open
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Store, "open", lambda s: moved(original(s)) if s.path == stores[1].path else original(s)
        )
        lines = compare(*stores)
    assert any(line.startswith("fe: ") and "not equal" in line for line in lines)


def moved(ds):
    return ds.assign_coords(fe=ds["fe"] + 5.0)


def test_spikes_are_compared_by_value(stored):
    words = ("protocol.record_spikes=true", "grid.fe=[12]", "grid.fi=[2]")
    a, b = stored("a", *words), stored("b", *words)
    assert ss.open(a.path).sweep.spikes().sizes["spike"] > 10
    assert compare(a, b) == []
    original = Store.read_cells

    def shifted(self, dimension, positions):
        values, attrs = original(self, dimension, positions)
        if self.path == b.path:
            values["spike_times"].values[0] += 0.05
        return values, attrs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "read_cells", shifted)
        lines = compare(a, b)
    assert len(lines) == 1
    assert lines[0].startswith("spike: the values of ")


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")  # SciPy's, where one of both is constant
@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float64, (3, 7), elements=st.integers(-9, 9).map(float) | st.just(np.nan)),
    arrays.arrays(np.float64, (3, 5), elements=st.integers(-9, 9).map(float) | st.just(np.nan)),
)
def test_p_values_are_scipys(x, y):
    found = welch(xr.DataArray(x, dims=("fe", "seed")), xr.DataArray(y, dims=("fe", "seed"))).values
    for p, own_x, own_y in zip(found, x, y, strict=True):
        own_x, own_y = own_x[~np.isnan(own_x)], own_y[~np.isnan(own_y)]
        if len(own_x) < 2 or len(own_y) < 2:
            assert p == 1.0
        elif np.ptp(own_x) == np.ptp(own_y) == 0.0:
            assert p == float(own_x[0] == own_y[0])
        else:
            assert p == pytest.approx(scipy.stats.ttest_ind(own_x, own_y, equal_var=False).pvalue, rel=1e-9)
