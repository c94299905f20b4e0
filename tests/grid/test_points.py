"""Points that are no full grid: linked axes, lists, samples, exclusions; and the grammar of axes."""

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.config.words import command_words, number_words
from spikesweep.errors import InputError
from spikesweep.grid.points import Sample
from spikesweep.sweep.job import make_job


def grid_of(small, *words):
    return make_job(small(*words))[0].grid


def rows(ds, *names):
    return list(zip(*(ds[name].values.tolist() for name in names), strict=True))


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("grid.fe=0,5,10", [0, 5, 10]),
        ("grid.fe=choice(0,5,10)", [0, 5, 10]),
        ("grid.fe=sort(10,0,5)", [0, 5, 10]),
        ("grid.fe=sort(10,0,5,reverse=true)", [0, 5, 10]),
        ("grid.fe=shuffle(0,5,10)", [0, 5, 10]),
        ("grid.fe=range(0,15,5)", [0, 5, 10]),
        ("grid.fe=range(10,-1,-5)", [0, 5, 10]),
        ("grid.fe=shuffle(range(0,15,5))", [0, 5, 10]),
        ("grid.fe=range(0,0.4,0.1)", [0, 0.1, 0.2, 0.3]),
        ("grid.fe=7", [7]),
        ("grid.fe={start:0,stop:1,num:3}", [0, 0.5, 1]),
        ("grid.fe={start:1,stop:100,num:3,spacing:log}", [1, 10, 100]),
        ("grid.fe=${linspace:0,30,4}", [0, 10, 20, 30]),
        ("grid.fe=${linspace:0,1,11}", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        ("grid.fe=${logspace:0,2,3}", [1, 10, 100]),
        ("grid.fe=${arange:0,0.3,0.1}", [0, 0.1, 0.2]),
        ("grid.fe=${arange:0,30,10}", [0, 10, 20]),
    ],
)
def test_axis_grammar(small, word, values):
    assert grid_of(small, word).coordinates["fe"].tolist() == values
    swept = word.replace("grid.fe", "neuron.RS.a" if "," in word and "={" not in word else "grid.neuron.RS.a")
    if "${" not in word:
        assert grid_of(small, swept).coordinates["a"].tolist() == values


@pytest.mark.parametrize("word", ["{start:-0.1,stop:5.7,num:59}", "${arange:-0.3,0.4,0.1}"])
def test_zero_is_zero(small, word):
    """By floating point it would be 1.4e-17, which no label that a person types is."""
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", f"grid.i_ext={word}")
    found = make_job(ss.load(*words))[0].grid.coordinates["i_ext"]
    assert (found == 0.0).sum() == 1
    assert (np.abs(found[found != 0.0]) > 0.09).all()


def test_a_part_of_an_axis_is_overridden_alone():
    fe = make_job(ss.load("grid.fe.num=61"))[0].grid.coordinates["fe"]
    assert (len(fe), fe[0], fe[-1]) == (61, 0.0, 30.0)
    words = ("grid.neuron.RS.b={start:0,stop:60,num:7}", "grid.neuron.RS.b.num=4")
    assert make_job(ss.load(*words))[0].grid.coordinates["b"].tolist() == [0, 20, 40, 60]


def test_linked_axes_move_together(small):
    ds = ss.run(small("cell=zip(neuron.RS.b=[40,0],neuron.RS.a=choice(2,4))")).load()
    assert ds.rate.dims == ("population", "point", "fe", "fi", "seed", "pop_size")
    assert rows(ds, "b", "a") == [(40.0, 2.0), (0.0, 4.0)]
    assert ds.b.dims == ("point",)
    assert "b" in ds.coords
    full = ss.run(small("neuron.RS.b=0,40", "neuron.RS.a=2,4", "name=full")).load()
    assert float(full.rate.max()) > 5
    for i, (b, a) in enumerate(rows(ds, "b", "a")):
        np.testing.assert_array_equal(ds.rate.isel(point=i), full.rate.sel(b=b, a=a))


def test_protocol_axes_link_with_parameters_and_two_links_are_crossed(small):
    words = (
        "x=zip(grid.fe=[6,12],neuron.RS.b=[40,0])",
        "y=zip(grid.fi=[2,8,9],network.p_connect=[0.04,0.05,0.06])",
    )
    ds = ss.run(small(*words)).load()
    assert ds.sizes["point"] == 6
    assert rows(ds, "fe", "b", "fi", "p_connect")[:3] == [
        (6, 40, 2, 0.04),
        (6, 40, 8, 0.05),
        (6, 40, 9, 0.06),
    ]
    assert ds.rate.dims == ("population", "point", "seed", "pop_size")


def test_a_list_of_points(small, tmp_path):
    file = tmp_path / "points.csv"
    file.write_text(
        "fe, fi, neuron.RS.b, protocol.refractory\n12,2,0,steps\n6,2,20,published\n12,2,20,published\n"
    )
    ds = ss.run(small(f"points={file}")).load()
    assert rows(ds, "fe", "b", "refractory") == [
        (12, 0, "steps"),
        (6, 20, "published"),
        (12, 20, "published"),
    ]
    plain = ss.run(small("name=plain")).load()
    assert float(plain.rate.max()) > 5
    np.testing.assert_array_equal(ds.rate.isel(point=2), plain.rate.sel(fe=12, fi=2))


def test_combinations_are_left_out(small):
    words = (
        "neuron.RS.b=0,20,40",
        "exclude=['b > 10 and fe < 5','neuron.RS.b == 40 or not (fe in (0, 12))']",
    )
    ds = ss.run(small(*words)).load()
    assert rows(ds, "b", "fe") == [(0, 0), (0, 12), (20, 12)]
    assert ds.rate.dims == ("population", "point", "fi", "seed", "pop_size")
    full = ss.run(small("neuron.RS.b=0,20,40", "name=full")).load()
    for i, (b, fe) in enumerate(rows(ds, "b", "fe")):
        np.testing.assert_array_equal(ds.rate.isel(point=i), full.rate.sel(b=b, fe=fe))


@pytest.mark.parametrize("method", ["sobol", "latin_hypercube"])
def test_samples_fill_their_ranges_evenly(small, method):
    words = (
        "neuron.RS.b=interval(0,60)",
        "neuron.RS.C_m=tag(log,interval(100,400))",
        "network.N=int(interval(5000,5003))",
        f"sample.method={method}",
        "sample.num=64",
    )
    grid = grid_of(small, *words)
    b, c, n = (grid.coordinates[name] for name in ("b", "C_m", "N"))
    assert grid.names[0] == "point"
    # one point in each of 64 equal parts, which is what both methods promise of every single axis
    assert sorted(np.floor(b / 60 * 64)) == list(range(64))
    assert sorted(np.floor(np.log(c / 100) / np.log(4) * 64)) == list(range(64))
    assert np.unique(n, return_counts=True)[1].tolist() == [16] * 4
    again, other = grid_of(small, *words), grid_of(small, *words, "sample.seed=1")
    assert again.coordinates["b"].tolist() == b.tolist() != other.coordinates["b"].tolist()


def test_a_longer_sobol_sample_begins_with_the_shorter_one():
    axis = ss.protocols.base.Axis("b", "pA", "b", 0.0)
    short, long = (Sample(n, "sobol", 3).table({"b": (axis, {"low": 0, "high": 1})})["b"] for n in (16, 32))
    assert long[:16].tolist() == short.tolist()


def test_blocks_change_no_bit_of_points(small):
    words = ("neuron.RS.b=0,20,40", "exclude=b == 20 and fe == 6", "grid.seed=[0]", "grid.pop_size=[1,2]")
    whole = ss.run(small(*words, "name=whole")).load()
    parts = ss.run(small(*words, "compute.block_points=3", "name=parts")).load()
    assert float(whole.rate.max()) > 5
    xr.testing.assert_identical(whole.drop_attrs(deep=False), parts.drop_attrs(deep=False))


def test_another_list_of_points_is_another_sweep(small):
    ss.run(small("x=zip(grid.fe=[6,12],grid.fi=[2,8])"))
    beside = make_job(small("x=zip(grid.fe=[6,12],grid.fi=[2,9])"))[0].beside
    assert "grid.fi: [2.0, 8.0] there" in beside
    assert "has no axis 'f" in make_job(small())[0].beside


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["x=zip(neuron.RS.b=[0,1],neuron.RS.a=[1])"], ["x=zip(...)", "equally many"]),
        (["x=zip(neuron.RS.b=[0,1])"], ["at least two"]),
        (["x=zip(neuron.RS.b=[0,1],neuron.RS.b=[0,1])"], ["each once"]),
        (["x=zip(neuron.RS.b=[0,0],neuron.RS.a=[1,1])"], ["b = 0.0, a = 1.0 stands more than once"]),
        (["x=zip(neuron.RS.b=shuffle(0,1),neuron.RS.a=[1,2])"], ["values in an order"]),
        (["x=zip(neuron.RS.b=interval(0,1),neuron.RS.a=[1,2])"], ["values in an order"]),
        (["x=zip(neuron.RS.b=3,neuron.RS.a=[1,2])"], ["KEY=[...]"]),
        (["neuron=zip(neuron.RS.b=[0,1],neuron.RS.a=[1,2])"], ["'neuron' names what moves together"]),
        (["x=zip(grid.fe=[0,1],grid.pop_size=[1,2])"], ["grid.pop_size is computed as a whole"]),
        (["zip.x=[fe,fa]"], ["zip.x holds 'fa'"]),
        (["zip.x=[fe,fi]"], ["zip.x", "equally many"]),
        (["exclude=b > 3"], ["exclude: b is no axis", "fe, fi"]),
        (["exclude=fe >"], ["is no condition"]),
        (['exclude=\'__import__("os").system("false")\''], ["which is not allowed"]),
        (["exclude='fe.__class__ == 1'"], ["is no axis"]),
        (["exclude='[x for x in fe]'"], ["which is not allowed"]),
        (["exclude='fe'"], ["not true or false"]),
        (["exclude='fe > 9**9**9'"], ["'9 ** 9 ** 9', which is not allowed"]),
        (["exclude='True**9**9 == fe'"], ["which is not allowed"]),
        (["exclude='\"a\" * 1000000000 == fe'"], ["exclude: "]),
        (["exclude='\"%1000000000d\" % fe == 1'"], ["which is not allowed"]),
        ([f"exclude='fe > {'-' * 900}1'"], ["at most 40 levels"]),
        ([f"exclude='fe > {'1' * 2000}'"], ["characters; allowed: 1000"]),
        (["exclude='fe == (1, 2)'"], ["a list after `in`, and only there"]),
        (["exclude='fe == \"6\"'"], ["compares words with numbers"]),
        (["exclude='fe in (\"6\", 12)'"], ["compares words with numbers"]),
        (["exclude='fe == 6 or 12'"], ["joins what is not true or false"]),
        (["exclude='1 < 2'"], ["names no axis", "fe", "pop_size"]),
        (["exclude='fe >= 0'"], ["leaves no point"]),
        (["exclude='pop_size > 1'"], ["grid.pop_size is computed as a whole"]),
        (["neuron.RS.b=interval(0,60)"], ["grid.neuron.RS.b is a range", "sample.num"]),
        (["neuron.RS.b=interval(60,0)", "sample.num=4"], ["from 60.0 to 0.0 is refused"]),
        (["neuron.RS.b=tag(log,interval(0,6))", "sample.num=4"], ["log above 0"]),
        (["neuron.RS.tau_w=interval(-5,6)", "sample.num=4"], ["neuron.RS.tau_w = -", "more than 0"]),
        (["neuron.RS.b=interval(0,60)", "sample.num=6", "sample.method=sobol"], ["powers of 2", "4 or 8"]),
        (["sample.num=6"], ["no axis is a range"]),
        (["sample.mode=sobol"], ["sample.mode is not known"]),
        (["points=nowhere.csv"], ["points = 'nowhere.csv' cannot be read"]),
    ],
)
def test_points_are_refused(small, tmp_path, words, parts):
    with pytest.raises(InputError) as refusal:
        make_job(small(*words))
    for part in parts:
        assert part in str(refusal.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("fe,fi\n", "a line of distinct names"),
        ("fe,fe\n1,2\n", "distinct names"),
        ("fe,fi\n1\n", "line 2 has 1 values"),
        ("fe,neuron.RS.bb\n1,2\n", "did you mean 'neuron.RS.b'"),
        ("fe,b\n1,2\n", "did you mean 'neuron.RS.b'"),
        ("fe,fi\n1,x\n", "holds 'x'"),
        ("fe,fi\n1,2\n1,2\n", "stands more than once"),
    ],
)
def test_lists_are_refused(small, tmp_path, text, part):
    file = tmp_path / "points.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=part):
        make_job(small(f"points={file}"))


def test_words_that_are_no_axes_are_left_as_they_are():
    words = ["-m", "neuron=adexp,lif", "neuron.RS.b=1,2", "--cfg", "job", "hydra.mode=MULTIRUN"]
    assert command_words(words) == words
    assert number_words(["neuron.RS.b=1,2"]) == ["++grid.neuron.RS.b=null", "++grid.neuron.RS.b=[1,2]"]
    rows = command_words(["x=zip(neuron=[adexp,lif],network=choice(a,b))"])
    assert rows == ["++hydra.sweeper.zips.x=[['neuron=adexp','network=a'],['neuron=lif','network=b']]"]
