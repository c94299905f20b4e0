"""One rule for what the same label is: in one axis, ranges, tables, growth, selection, diff."""

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.labels import as_stored, is_label, same_labels, tidy
from spikesweep.store import Store
from spikesweep.store.compare import compare
from spikesweep.sweep.job import make_job

THIRDS = "{start:0,stop:1,num:4}"


def values_of(small, word, name="fe"):
    return make_job(small(word))[0].grid.coordinates[name].tolist()


@pytest.mark.parametrize(
    "word",
    [
        f"grid.fe={THIRDS}",
        "grid.fe=${linspace:0,1,4}",
        f"grid.fe=[0,{1 / 3!r},{2 / 3!r},1]",
        "grid.fe=[0,0.333333333333333,0.666666666666667,1]",
        f"grid.fe=range(0,1.1,{1 / 3!r})",
    ],
)
def test_the_same_values_in_any_spelling(small, word):
    assert values_of(small, word) == [0.0, 0.333333333333333, 0.666666666666667, 1.0]


@pytest.mark.parametrize(
    ("spelling", "typed"),
    [("0.30000000000000004", 0.3), ("1e-15", 1e-15), ("345.123456789123", 345.123456789123)],
)
def test_a_typed_value_is_a_label(small, spelling, typed):
    assert values_of(small, f"grid.fe=[{spelling}]") == [typed]
    path = f"{small()['outputs']}.csv"
    with open(path, "w") as file:
        file.write(f"fe,fi\n{spelling},2\n")
    assert values_of(small, f"points={path}") == [typed]


@pytest.mark.parametrize(
    "word",
    [
        "grid.fe=[0.3,0.30000000000000004]",
        "grid.fe=[0.333333333333,0.333333333333333]",
        "zip.x=[fe,fi] grid.fe=[0.3,0.30000000000000004] grid.fi=[2,2]",
    ],
)
def test_the_same_label_twice_is_refused(small, word):
    with pytest.raises(InputError, match="more than once"):
        make_job(small(*word.replace("zip.x", "++zip.x").split()))


def test_log_ranges_keep_small_values(small):
    assert values_of(small, "grid.fe={start:1e-14,stop:1,num:3,spacing:log}") == [1e-14, 1e-7, 1.0]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("grid.fe=[0,0.3]", "grid.fe=[0,0.30000000000000004]"),
        (f"grid.fe={THIRDS}", "grid.fe=${linspace:0,1,4}"),
        (f"grid.fe={THIRDS}", "grid.fe=[0,0.333333333333,0.666666666667,1]"),
        ("grid.neuron.RS.a=[0.1,0.3]", "grid.neuron.RS.a=[0.1,0.30000000000000004]"),
    ],
)
def test_growth_finds_points_in_another_spelling(small, first, again):
    whole = ss.run(small(first)).load()
    there = ss.run(small(again)).load()
    xr.testing.assert_identical(whole, there)


def test_a_store_of_before_goes_on_with_its_own_labels(small):
    """Labels of 12 digits, as `${linspace}` and samples had, and of 17, as people typed them."""
    for label in (0.333333333333, 1 / 3):
        cfg = small("grid.fe=[0.125,1]", f"name=n{len(repr(label))}")
        before = ss.run(cfg).load()
        path = make_job(cfg)[0].path
        array = __import__("zarr").open_group(path, mode="r+")["fe"]
        array[0] = label
        grown = ss.run(small(f"grid.fe={THIRDS}", f"name=n{len(repr(label))}")).load()
        assert grown.fe.values.tolist() == [0.0, label, 0.666666666666667, 1.0]
        np.testing.assert_array_equal(grown.rate.sel(fe=label), before.rate.sel(fe=0.125))


def test_selection_and_replay_take_any_spelling(small):
    cfg = small("protocol.record_spikes=true", "grid.fe=[4,8.3]")
    ds = ss.run(cfg)
    one = dict(fi=2, seed=0, population="RS")
    a, b = (ds.sweep.spikes(fe=fe, **one) for fe in (8.3, 8.3 * (1 + 2e-16)))
    xr.testing.assert_identical(a, b)
    path = make_job(cfg)[0].path
    again = ss.replay(path, fe=8.3 * (1 + 2e-16), **one)
    assert again.attrs["fe"] == 8.3
    with pytest.raises(InputError, match="allowed: one of"):
        ds.sweep.spikes(fe=8.3001, **one)


def test_diff_joins_labels_of_another_spelling(small):
    paths = []
    for name, label in (("a", 0.333333333333), ("b", 1 / 3)):
        cfg = small("grid.fe=[0.125,4]", f"name={name}")
        ss.run(cfg)
        paths.append(make_job(cfg)[0].path)
        __import__("zarr").open_group(paths[-1], mode="r+")["fe"][0] = label
    assert compare(*(Store(path) for path in paths)) == []


def test_the_rule_itself():
    assert tidy([0.1 + 0.2, -0.0, 1e-17]) == [0.3, 0.0, 0.0]
    assert tidy([1.0, 1e-17], even=False) == [1.0, 1e-17]
    values = np.array([0.3, 1 / 3, 2.0])
    assert same_labels(np.array([0.3, 0.30000000000000004])).tolist() == [0.3, 0.3]
    assert is_label(values, 0.333333333333).tolist() == [False, True, False]
    assert is_label(values, "a").tolist() == [False, False, False]
    assert is_label(np.array(["a", "b"]), "a").tolist() == [True, False]
    assert as_stored(np.array([0.30000000000000004, 5.0]), values).tolist() == [0.3, 5.0]
