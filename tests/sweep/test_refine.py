"""Points that are chosen from what came out: in one store, over kills, growth and failures."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis.inference import log_prior
from spikesweep.analysis.plots import figure
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

ROUNDS = Path(__file__).with_name("test_rounds.py")
SOURCE = """
from typing import Annotated
import numpy as np

HZ = Annotated[float, "Hz"]

def edge(x: Annotated[float, "mV"], y: float, word: str = "a", seed: int = 0) -> HZ:
    with open({calls!r}, "a") as file:
        file.write(".")
    if x > 0.9 and y > 50.0 and word == "b":
        raise ValueError("broken")
    return float(np.tanh((x - 0.3 - 0.2 * np.log10(y) ** 2) / 0.02))

def two(x: float, seed: int = 0):
    return {{"v": np.array([x, 2.0 * x])}}

def smooth(x: float, y: float) -> HZ:
    return float(np.sin(3.0 * x) * np.cos(2.0 * y))
"""
EDGE = ("grid.x={low:0,high:1}", "grid.y={low:1,high:100,spacing:log}")
REFINE = "refine={variable:edge,loss:boundary,level:0,budget:%d,first:16,batch:16}"


@pytest.fixture
def sweep(tmp_path):
    """Return a function that loads a sweep of a function with an edge, which counts its calls in a file."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sim.py").write_text(SOURCE.format(calls=str(tmp_path / "calls")))

    def load(*words, function="edge"):
        where = (f"function={tmp_path}/mine/sim.py:{function}", f"outputs={tmp_path}", "compute=serial")
        return ss.load(*where, "compute.block_points=16", *words)

    return load


def n_calls(tmp_path):
    """Return how often the function has been called since this was asked."""
    n = len((tmp_path / "calls").read_text())
    (tmp_path / "calls").write_text("")
    return n


@pytest.mark.slow
def test_a_budget_that_grows_ends_with_the_points_of_a_larger_one(sweep, tmp_path):
    whole = ss.run(sweep(*EDGE, REFINE % 60, "refine.axes=[y,x]", "name=whole")).load()
    assert whole.sizes["point"] == 60
    assert (whole.status == 1).all()
    n_calls(tmp_path)
    part = ss.run(sweep(*EDGE, REFINE % 40)).load()  # ends within a round
    assert n_calls(tmp_path) == 40 + 2
    xr.testing.assert_equal(part, whole.isel(point=slice(40)))
    grown = ss.run(sweep(*EDGE, REFINE % 60)).load()
    assert n_calls(tmp_path) == 20
    xr.testing.assert_equal(grown, whole)
    xr.testing.assert_equal(ss.run(sweep(*EDGE, REFINE % 40)).load(), part)
    assert n_calls(tmp_path) == 0
    # they gather at the edge, and the first fill the box
    there = 0.3 + 0.2 * np.log10(whole.y.values) ** 2
    assert (np.abs(whole.x.values - there)[32:] < 0.1).mean() > 0.6
    job = make_job(sweep(*EDGE, "refine={variable:edge,budget:60,first:16,batch:16}"))[0]
    assert "points chosen by refine = " in job.beside
    assert job.path.stem == "edge-refined"
    with pytest.raises(InputError, match="points of refine follow results, and no prior"):
        log_prior(whole)


@pytest.mark.slow
def test_points_are_the_same_after_kills(sweep, tmp_path):
    whole = ss.run(sweep(*EDGE, REFINE % 90, "name=whole")).load()
    words = (f"function={tmp_path}/mine/sim.py:edge", f"outputs={tmp_path}", *EDGE, REFINE % 90)
    codes = [
        subprocess.run(
            [sys.executable, str(ROUNDS), str(n), *words], capture_output=True, timeout=300
        ).returncode
        for n in (20, 45, 70, 10**6)
    ]
    assert codes == [9, 9, 9, 0]
    xr.testing.assert_equal(ss.run(sweep(*EDGE, REFINE % 90)).load(), whole)


def test_points_that_fail_choose_none_and_are_no_obstacle(sweep):
    ds = ss.run(sweep(*EDGE, REFINE % 60, "grid.word=[b]")).load()
    assert ds.sizes["point"] == 60
    failed = (ds.status == 3).values.ravel()
    assert 0 < failed.sum() < 30
    view = ds.sweep.on_grid(20)
    assert view.attrs["left_out"] == failed.sum()


def test_a_regular_view_has_values_and_their_error(sweep):
    words = ("grid.x={low:0,high:1}", "grid.y={low:0,high:1}", "refine={variable:smooth,budget:100}")
    ds = ss.run(sweep(*words, function="smooth")).load()
    view = ds.sweep.on_grid({"x": 30, "y": 20})
    assert dict(view.smooth.sizes) == {"x": 30, "y": 20}
    assert view.smooth.attrs["units"] == view.smooth_error.attrs["units"] == "Hz"
    off = np.abs(view.smooth - np.sin(3 * view.x) * np.cos(2 * view.y))
    assert float(off.max()) < 0.15
    assert float((off <= view.smooth_error).mean()) > 0.8
    assert float(view.smooth_error.mean()) < 0.05
    logarithmic = ss.run(sweep(*EDGE, REFINE % 20)).sweep.on_grid(3)
    assert logarithmic.y.values.tolist() == [1.0, 10.0, 100.0]
    assert logarithmic.edge.dims == ("x", "y", "word", "seed")
    with pytest.raises(InputError, match="num: z is no axis"):
        ds.sweep.on_grid({"x": 3, "y": 3, "z": 3})
    with pytest.raises(InputError, match="num = 1 values of x"):
        ds.sweep.on_grid(1)
    with pytest.raises(InputError, match="no points to interpolate"):
        ds.isel(point=0).sweep.on_grid()


def test_its_figure_is_a_map_with_its_points(sweep):
    drawn = figure(ss.run(sweep(*EDGE, REFINE % 40)))
    assert [ax.get_title() for ax in drawn.axes][:2] == ["edge", "40 points"]
    assert [ax.get_xlabel() for ax in drawn.axes][:2] == ["x (mV)"] * 2
    assert drawn.axes[0].get_yscale() == "log"


def test_a_network_parameter_is_refined_for_one_of_its_populations(small):
    words = (
        "grid.neuron.RS.b={low:0,high:60}",
        "grid.fi=[2]",
        "grid.pop_size=[3]",
        "grid.fe={low:0,high:12}",
    )
    rule = "refine={variable:rate,at:{population:RS},budget:12,first:8,batch:4}"
    ds = ss.run(small(*words, rule)).load()
    assert ds.rate.dims == ("population", "point", "fi", "seed", "pop_size")
    assert ds.sizes["point"] == 12
    assert ds.b.attrs["units"] == "pA"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["refine={variable:rate,budget:90}"], ["refine.variable = 'rate' is no number", "edge"]),
        (["refine={variable:edge}"], ["refine.budget is missing"]),
        (["refine={variable:edge,budget:90,axes:[x,z]}"], ["refine.axes = ['x', 'z']", "['x', 'y']"]),
        (["refine=3"], ["refine = 3", "{variable: ..., budget: ...}"]),
        ([REFINE % 8], ["refine.budget = 8 is below the first 16 points"]),
        (["refine={variable:edge,budget:90,loss:gradent}"], ["refine.loss"]),
        (["refine={variable:edge,budget:90,loss:boundary,level:nan}"], ["refine.level = nan"]),
        ([REFINE % 90, "sample.num=8"], ["sample.num = 8 beside refine"]),
        ([REFINE % 90, "exclude=x > 0.5"], ["exclude", "beside refine"]),
        ([REFINE % 90, "replicate={variable:edge,sem:0.1}"], ["replicate", "beside refine"]),
        ([REFINE % 90, "grid.y={dist:normal,mean:0,sd:1}"], ["grid.y", "cannot be refined"]),
        ([REFINE % 90, "grid.word=[a,b]"], ["edge has 2 values along word", "refine.at.word = one of"]),
        (["refine={variable:edge,budget:90,at:{word:c}}"], ["refine.at.word = 'c'", "['a']"]),
        (["refine={variable:edge,budget:90,at:{wrd:a}}"], ["refine.at.wrd is no dimension", "word"]),
        (["refine={variable:edge,budget:90,first:4}"], ["refine.first = 4 is below the corners of 2 axes"]),
    ],
)
def test_rules_are_refused_by_key(sweep, tmp_path, words, parts):
    given = {word.partition("=")[0] for word in words}
    with pytest.raises(InputError) as refusal:
        ss.run(sweep(*(w for w in EDGE if w.partition("=")[0] not in given), *words))
    for part in parts:
        assert part in str(refusal.value)
    assert not (tmp_path / "function").exists()


def test_no_range_and_whole_results_are_refused(sweep):
    with pytest.raises(InputError, match="refine is given, but no axis is a range"):
        ss.run(sweep("grid.x=[0,1]", "grid.y=[1]", REFINE % 90))
    with pytest.raises(InputError, match=r"v has 2 values along v_0 at each point"):
        ss.run(sweep("grid.x={low:0,high:1}", "refine={variable:v,budget:90}", function="two"))
