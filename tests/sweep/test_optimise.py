"""Points where a number is best: chosen in batches, the same over kills and growth, of valid ones alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid import trials

pytest.importorskip("optuna")
ROUNDS = Path(__file__).with_name("test_rounds.py")
SOURCE = """
from typing import Annotated
import numpy as np

def bowl(x: Annotated[float, "mV"], y: float) -> Annotated[float, "Hz"]:
    with open({calls!r}, "a") as file:
        file.write(".")
    if x > 0.95:
        raise ValueError("broken")
    return (x - 0.3) ** 2 + (np.log10(y) - 1.5) ** 2

def two(x: float, seed: int = 0):
    return {{"v": np.array([x, 2.0 * x])}}
"""
AXES = ("grid.x={low:0,high:1}", "grid.y={low:1,high:100,spacing:log}")
LEAST = "optimise={variable:bowl,direction:minimise,budget:%d,first:16,batch:12,seed:1}"


@pytest.fixture
def sweep(tmp_path):
    """Return a function that loads a sweep of a function with a minimum, which counts its calls in a file."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sim.py").write_text(SOURCE.format(calls=str(tmp_path / "calls")))

    def load(*words, function="bowl"):
        where = (f"function={tmp_path}/mine/sim.py:{function}", f"outputs={tmp_path}", "compute=serial")
        return ss.load(*where, *words)

    return load


def test_it_finds_the_minimum_of_a_closed_form(sweep):
    ds = ss.run(sweep(*AXES, LEAST % 88)).load()
    assert ds.sizes["point"] == 88
    best = ds.sweep.best()
    assert best.loss.item() == best.bowl.item() == float(ds.bowl.min())
    random = np.random.default_rng(0).uniform(size=(2000, 88, 2))
    of_chance = ((random[..., 0] - 0.3) ** 2 + (2 * random[..., 1] - 1.5) ** 2).min(axis=1)
    assert best.loss.item() < np.quantile(of_chance, 0.3)
    # batches gather around it
    assert float(ds.bowl[-36:].median()) < 0.3 * float(ds.bowl[:16].median())


def test_a_target_and_the_other_direction(sweep):
    words = "optimise={variable:bowl,target:0.5,budget:64,first:16,batch:16}"
    found = ss.run(sweep(*AXES, words, "name=target")).sweep.best()
    assert abs(found.bowl.item() - 0.5) == found.loss.item() < 0.02
    words = "optimise={variable:bowl,direction:maximise,budget:64,first:16,batch:16}"
    assert ss.run(sweep(*AXES, words, "name=most")).sweep.best().bowl.item() > 2.2


def test_a_budget_that_grows_ends_with_the_points_of_a_larger_one(sweep, tmp_path):
    whole = ss.run(sweep(*AXES, LEAST % 50, "name=whole")).load()
    (tmp_path / "calls").write_text("")
    part = ss.run(sweep(*AXES, LEAST % 33)).load()  # ends within a round
    xr.testing.assert_equal(part, whole.isel(point=slice(33)))
    grown = ss.run(sweep(*AXES, LEAST % 50)).load()
    xr.testing.assert_equal(grown, whole)
    assert len((tmp_path / "calls").read_text()) == 50 + 2  # two of them to see how long it takes
    xr.testing.assert_equal(ss.run(sweep(*AXES, LEAST % 33)).load(), part)
    assert len((tmp_path / "calls").read_text()) == 52


@pytest.mark.slow
def test_points_are_the_same_after_kills(sweep, tmp_path):
    whole = ss.run(sweep(*AXES, LEAST % 60, "name=whole")).load()
    words = (f"function={tmp_path}/mine/sim.py:bowl", f"outputs={tmp_path}", *AXES, LEAST % 60)
    codes = []
    for n in (25, 60):
        command = [sys.executable, str(ROUNDS), str(n), *words]
        codes.append(subprocess.run(command, capture_output=True, timeout=300, check=False).returncode)
    assert codes == [9, 9]
    xr.testing.assert_equal(ss.run(sweep(*AXES, LEAST % 60)).load(), whole)


def test_what_is_not_valid_is_never_best(sweep):
    ds = ss.run(sweep(*AXES, LEAST % 40, "gate={bowl:[0.2,null]}")).load()
    assert (ds.status == 6).any()
    assert float(ds.bowl.min()) < 0.2 <= ds.sweep.best().bowl.item()


def test_a_point_of_which_a_seed_is_gated_is_worse_than_all_others():
    """Seeds that fail are left out of the mean; those that a gate refuses are what the gate is for."""
    bowl = xr.DataArray([[1.0, 3.0], [0.5, np.nan], [4.0, np.nan], [np.nan] * 2], dims=("point", "seed"))
    status = (("point", "seed"), [[1, 1], [1, 6], [1, 3], [3, 3]])
    ds = xr.Dataset({"bowl": bowl, "status": status}, coords={"point": range(4)})
    rule = {"variable": "bowl", "at": {}, "direction": "minimise", "target": None}
    np.testing.assert_array_equal(trials.losses(ds, rule), [2.0, np.nan, 4.0, np.nan])
    assert trials.best(ds, {"optimise": rule}).point == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("optimise={variable:bowl,budget:40}", "minimise or maximise, or a target"),
        ("optimise={variable:bowl,budget:40,direction:minimise,target:1}", "or a target in its place"),
        ("optimise={variable:bowl,budget:10,direction:minimise}", "optimise.budget = 10 is below the first"),
        ("optimise={variable:bowls,budget:40,target:1}", "did you mean 'bowl'"),
        ("optimise={variable:bowl,budget:40,direction:best}", "minimise"),
        ("optimise=3", "allowed: {variable"),
        (LEAST % 40 + " sample.num=8", "beside optimise is refused"),
        (LEAST % 40 + " refine={variable:bowl,budget:40}", "beside refine is refused"),
        (LEAST % 40 + " grid.x={low:0,high:5,integer:true}", "cannot be optimised"),
    ],
)
def test_mistakes_are_refused(sweep, words, text):
    with pytest.raises(InputError, match=text):
        ss.run(sweep(*AXES, *words.split(" ")))


def test_more_than_a_number_is_refused(sweep):
    with pytest.raises(InputError, match=r"optimise: v has 2 values along v_0"):
        ss.run(sweep("grid.x={low:0,high:1}", "optimise={variable:v,target:1,budget:40}", function="two"))


def test_without_the_package_it_is_refused(sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"needs the package optuna; allowed: pip install"):
        ss.run(sweep(*AXES, LEAST % 40))


def test_a_dataset_of_something_else_has_no_best_point(sweep):
    with pytest.raises(InputError, match="not chosen by optimise"):
        ss.run(sweep("grid.x=[0.1]", "grid.y=[1]")).sweep.best()


def test_points_without_results_are_told_as_the_worst():
    unit = np.random.default_rng(2).uniform(size=(60, 1))
    losses = np.where(unit[:, 0] < 0.5, np.nan, np.abs(unit[:, 0] - 0.6))
    new = trials.chosen(unit, losses, 20, 0)
    assert np.array_equal(new, trials.chosen(unit, losses, 20, 0))
    assert (new > 0.5).mean() > 0.7
    assert len(np.unique(new)) == 20
