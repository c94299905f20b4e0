"""Words mean what they say, where Hydra means otherwise or says nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.config.ranges import refuse_twice
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

RUN = Path(__file__).parents[2] / "run.py"


def values(small, word, name="b"):
    return make_job(small(word))[0].grid.coordinates[name].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sort(range(0,50,20),reverse=true)", [0, 20, 40]),
        ("sort(range(0,50,20))", [0, 20, 40]),
        ("sort(range(70,0,-30))", [10, 40, 70]),
        ("sort(range(70,0,-30),reverse=true)", [10, 40, 70]),
        ("sort(range(0.0,1.0,0.3),reverse=true)", [0.0, 0.3, 0.6, 0.9]),
        ("sort(range(5),reverse=true)", [0, 1, 2, 3, 4]),
        ("sort(sort(range(0,50,20),reverse=true))", [0, 20, 40]),
        ("sort(int(range(0.5,5.5,2.5)),reverse=true)", [0, 2, 4]),
        ("sort(3,1,2,reverse=true)", [1, 2, 3]),
        ("shuffle(range(0,50,20))", [0, 20, 40]),
        ("range(70,0,-30)", [10, 40, 70]),
    ],
)
def test_a_sorted_range_has_the_values_of_the_range(small, text, expected):
    assert values(small, f"neuron.RS.b={text}") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sort(range(0,50,20),reverse=true)", [40, 20, 0]),
        ("sort(range(70,0,-30))", [10, 40, 70]),
        ("range(0,50,20)", [0, 20, 40]),
        ("sort(0,40,20,reverse=true)", [40, 20, 0]),
    ],
)
def test_linked_axes_have_the_order_of_the_words(small, text, expected):
    grid = make_job(small(f"cell=zip(neuron.RS.b={text},neuron.RS.a=[1,2,3])"))[0].grid
    assert grid.coordinates["b"].tolist() == expected
    assert grid.coordinates["a"].tolist() == [1, 2, 3]


def sampled(small, word, *words, name="b", num=512):
    return make_job(small(word, f"sample.num={num}", *words))[0].grid.coordinates[name]


def test_a_cast_interval_has_whole_numbers(small):
    plain = sampled(small, "neuron.RS.b=interval(1,1000)")
    assert (plain != np.round(plain)).any()
    whole = sampled(small, "neuron.RS.b=int(interval(1,1000))")
    assert (whole == np.round(whole)).all()
    assert whole.dtype == np.float64
    assert 1 <= whole.min() < 10
    assert 990 < whole.max() <= 1000
    logarithmic = sampled(small, "neuron.RS.b=int(tag(log,interval(1,1000)))")
    assert (logarithmic == np.round(logarithmic)).all()
    assert np.exp(np.log(logarithmic).mean()) < 200  # of equal parts of a linear scale 368
    spelled = sampled(small, "grid.neuron.RS.b={low:1,high:1000,integer:true}")
    np.testing.assert_array_equal(whole, spelled)
    floats = sampled(small, "neuron.RS.b=float(interval(1,1000))")
    np.testing.assert_array_equal(floats, plain)


def test_log_spacing_of_whole_number_axes(small):
    n = sampled(small, "grid.network.N={low:10,high:100000,spacing:log}", name="N", num=256)
    assert n.dtype == np.int64
    assert n.min() >= 10
    assert n.max() <= 100_000
    assert len(set(n.tolist())) == len(n) > 200
    assert 900 < np.exp(np.log(n).mean()) < 1600  # the smallest come twice, and stand once
    few = sampled(small, "grid.network.N={low:100,high:102,spacing:log}", name="N", num=300)
    assert sorted(few.tolist()) == [100, 101, 102]  # each once


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("grid.network.N={low:10,high:100,spacing:foo}", "grid.network.N.spacing = 'foo'"),
        (
            "grid.network.N={low:0,high:100,spacing:log}",
            "spacing = 'log' is refused; allowed: linear, or log above 0",
        ),
        ("grid.network.N={low:10,high:100,integer:false}", "integer = False is refused; allowed: true"),
        ("grid.neuron.RS.b={low:0.5,high:100,integer:true}", "low = 0.5 is refused; allowed: a whole number"),
        ("grid.neuron.RS.b={low:1,high:100,integer:2}", "integer = 2 is refused; allowed: true or false"),
        ("grid.neuron.RS.b={low:1,high:100,intger:true}", "did you mean 'integer'"),
    ],
)
def test_wrong_ranges_to_sample_are_refused(small, word, said):
    with pytest.raises(InputError) as error:
        make_job(small(word, "sample.num=8"))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("neuron.RS.b=20", "neuron.RS.b=40"), "neuron.RS.b is given twice, 20 and 40"),
        (("neuron.RS.b=20", "++neuron.RS.b=40"), "neuron.RS.b is given twice"),
        (("-m", "grid.fe=1,2", "grid.fe=[1,2]"), "grid.fe is given twice"),
        (("neuron=adexp", "neuron=lif"), "neuron is given twice"),
        (("name=a", "name=a"), "name is given twice"),
    ],
)
def test_the_same_key_twice_is_refused(words, key):
    with pytest.raises(InputError) as error:
        refuse_twice(words)
    assert key in str(error.value)


def test_what_is_no_second_value_is_allowed():
    refuse_twice(
        ["grid.fe=[1]", "grid.fe.num=3", "-m", "~neuron.RS.b", "neuron.RS.b=3", "network.exc.weight=1"]
    )


@pytest.mark.parametrize("module", ["spikesweep", "spikesweep.fit"])
def test_a_command_line_with_a_key_twice_is_refused(tmp_path, module):
    words = ["run"] if module == "spikesweep" else []
    words += ["neuron.RS.b=20", "neuron.RS.b=40", f"outputs={tmp_path}"]
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines() == ["refused: neuron.RS.b is given twice, 20 and 40; allowed: once"]
    assert not any(tmp_path.iterdir())


def test_a_plan_is_no_run(small, tmp_path):
    cfg = small("plan=true")
    with pytest.raises(InputError, match=r"plan = True is refused by ss\.run"):
        ss.run(cfg)
    plan = ss.plan(cfg)
    assert plan.missing == plan.points == 36
    assert "plan of" in str(plan)
    assert str(ss.plan(small())).splitlines()[:2] == str(plan).splitlines()[:2]
    assert not list(tmp_path.rglob("*.zarr"))


def test_fit_with_a_plan_only_plans(tmp_path):
    words = ["network.populations=[RS]", "protocol.duration=1000.0", "grid.fi=[0,4]", "grid.seed=[0]"]
    words += ["compute=serial", "plan=true", f"outputs={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep.fit", *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("plan of ")
    assert "missing" in done.stdout
    assert not list(tmp_path.rglob("*.zarr"))
