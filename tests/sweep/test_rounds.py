"""Sweeps that go on by what came out: more seeds where means are not sure enough."""

import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis.replicates import interval, repetitions
from spikesweep.api.main import run_rounds
from spikesweep.errors import InputError
from spikesweep.store import durable
from spikesweep.sweep.job import make_job

SOURCE = """
from typing import Annotated
import numpy as np

HZ = Annotated[float, "Hz"]

def noisy(x: float, word: str = "a", seed: int = 0) -> HZ:
    with open({calls!r}, "a") as file:
        file.write(".")
    return x + (1.0 + x) * np.random.default_rng(seed).normal()

def fails(x: float, seed: int = 0) -> HZ:
    if x > 0.5:
        raise ValueError("broken")
    return x + np.random.default_rng(seed).normal()
"""


@pytest.fixture
def sweep(tmp_path):
    """Return a function that loads a sweep of a noisy function, which counts its calls in a file."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sim.py").write_text(SOURCE.format(calls=str(tmp_path / "calls")))

    def load(*words, function="noisy"):
        where = (f"function={tmp_path}/mine/sim.py:{function}", f"outputs={tmp_path}", "compute=serial")
        given = {word.partition("=")[0] for word in words}
        more = [] if "grid.x" in given else ["grid.x=[0,1]"]
        return ss.load(*where, "compute.block_points=16", *more, *words)

    return load


def n_calls(tmp_path):
    """Return how often the function has been called since this was asked."""
    n = len((tmp_path / "calls").read_text())
    (tmp_path / "calls").write_text("")
    return n


REPLICATE = "replicate={variable:noisy,sem:0.2}"


def test_seeds_are_added_until_the_worst_point_is_sure(sweep, tmp_path, capsys):
    ds = ss.run(sweep(REPLICATE)).load()
    found = interval(ds.noisy)
    assert float(found.sem.max()) <= 0.2
    n = ds.sizes["seed"]
    assert 60 < n < 160  # (2 / 0.2)^2 and a bit
    assert ds.seed.values.tolist() == list(range(n))
    assert "SEM up to" in capsys.readouterr().err
    n_calls(tmp_path)
    xr.testing.assert_equal(ss.run(sweep(REPLICATE)).load(), ds)  # the same rounds again, from the store
    assert n_calls(tmp_path) == 0
    whole = ss.run(sweep(f"grid.seed={{start:0,stop:{n - 1},num:{n}}}", "name=whole")).load()
    xr.testing.assert_equal(whole.noisy, ds.noisy)
    less = ss.run(sweep("replicate={variable:noisy,sem:0.4}")).load()  # a part
    assert n_calls(tmp_path) == 2 * n + 2  # those of `whole`, and two that show what is returned
    xr.testing.assert_equal(less, ds.isel(seed=slice(less.sizes["seed"])))
    more = ss.run(sweep("replicate={variable:noisy,sem:0.15}"))
    assert n_calls(tmp_path) == 2 * (more.sizes["seed"] - n) > 0


def test_a_maximum_ends_it_and_says_how_far_it_came(sweep, capsys):
    ds = ss.run(sweep("replicate={variable:noisy,sem:0.01,most:20,first:5,batch:4}", "grid.seed=[3,7]"))
    assert ds.seed.values.tolist() == [3, 7, *range(8, 26)]
    said = capsys.readouterr().err
    assert "with 5 seeds" in said
    assert "2 above 0.01: replicate.most = 20" in said


def test_points_that_fail_are_told_and_do_not_keep_it_going(sweep, capsys):
    ds = ss.run(sweep("replicate={variable:fails,sem:0.5,first:4}", function="fails")).load()
    assert ds.sizes["seed"] < 30
    assert "; 1 have fewer than two results" in capsys.readouterr().err


def run_until(folder, words, n):
    """Run a sweep in a process that is gone at its n-th durable file; return whether it came so far."""
    done = subprocess.run(
        [
            sys.executable,
            __file__,
            str(n),
            f"function={folder}/mine/sim.py:noisy",
            f"outputs={folder}",
            *words,
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 9), done.stderr
    return done.returncode == 9


@pytest.mark.slow
@pytest.mark.parametrize("words", [(REPLICATE, "grid.x=[0,1]")])
def test_a_run_that_is_killed_between_and_within_rounds_goes_through_the_same(sweep, tmp_path, words):
    whole = ss.run(sweep(*words, "name=whole")).load()
    kills = [run_until(tmp_path, words, n) for n in (25, 60, 10**6)]
    assert kills == [True, True, False]
    xr.testing.assert_equal(ss.run(sweep(*words)).load(), whole)


def test_overwrite_is_of_the_first_round_alone(sweep, tmp_path):
    ss.run(sweep(REPLICATE))
    before = n_calls(tmp_path)
    ss.run(sweep(REPLICATE, "overwrite=true"))
    assert n_calls(tmp_path) == before


def test_the_outcome_counts_all_rounds(sweep):
    cfg = sweep(REPLICATE)
    job, outcome = run_rounds(cfg, *make_job(cfg))
    assert outcome.computed == job.grid.n_points == outcome.dataset.status.size


@pytest.mark.parametrize("draw", ["normal", "poisson"])
def test_intervals_of_means_that_stop_when_sure_cover_what_they_say(draw):
    """Nominal 95 %, within 3 %, over 4000 sweeps of a point: the rule stops where the SD looks small."""
    rng = np.random.default_rng(1)
    all_values = rng.normal(size=(4000, 400)) if draw == "normal" else rng.poisson(1.0, (4000, 400)) - 1.0
    n, done = np.full(4000, 10), np.zeros(4000, bool)
    inside = np.zeros(4000, bool)
    while not done.all():
        for k in np.unique(n[~done]):
            rows = np.flatnonzero((n == k) & ~done)
            found = interval(xr.DataArray(all_values[rows, :k], dims=("trial", "seed")))
            sure = (found.sem <= 0.25).values
            done[rows[sure]] = True
            inside[rows[sure]] = ((found.low <= 0.0) & (found.high >= 0.0)).values[sure]
            for i in np.flatnonzero(~sure):
                n[rows[i]] = max(k + 8, repetitions(found.isel(trial=[i]), 0.25))
    assert abs(inside.mean() - 0.95) < 0.03


def test_intervals_are_those_of_student():
    values = xr.DataArray([[1.0, 2.0, 4.0, np.nan], [5.0, np.inf, np.nan, np.nan]], dims=("x", "seed"))
    found = interval(values)
    sd = np.std([1, 2, 4], ddof=1)
    assert found.n.values.tolist() == [3, 1]
    np.testing.assert_allclose(found.sem, [sd / np.sqrt(3), np.nan])
    np.testing.assert_allclose(found.high - found["mean"], [4.302653 * sd / np.sqrt(3), np.nan], rtol=1e-6)
    with pytest.raises(InputError, match="rep is no dimension; allowed: one of x, seed"):
        interval(values, "rep")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            ["replicate={variable:rate,sem:0.1}"],
            ["replicate.variable = 'rate' is no number of this sweep", "noisy"],
        ),
        (["replicate={variable:noisy}"], ["replicate.sem is missing"]),
        (["replicate=[1]"], ["replicate = [1]", "{variable: ..., sem: ...}"]),
        (["replicate={variable:noisy,sem:0}"], ["replicate.sem = 0"]),
        (["replicate={variable:noisy,sem:nan}"], ["replicate.sem = nan"]),
        (["replicate={variable:noisy,sem:0.1,most:5}"], ["replicate.most = 5 is below the first 10 seeds"]),
        (["replicate={variable:noisy,sem:0.1,first:1}"], ["replicate.first = 1"]),
        (["replicate={variable:noisy,sem:0.1,maximum:5}"], ["replicate.maximum is not known", "most"]),
        ([REPLICATE, "zip.a=[x,seed]", "grid.seed=[0,1]"], ["seed is no axis of its own"]),
    ],
)
def test_repetitions_are_refused_by_key(sweep, tmp_path, words, parts):
    with pytest.raises(InputError) as refusal:
        ss.run(sweep(*words))
    for part in parts:
        assert part in str(refusal.value)
    assert not (tmp_path / "function").exists()


def killed_at(n, words):
    """Run a sweep, and be gone at the n-th durable file."""
    left, original = [n], durable.write

    def write(*args, **more):
        left[0] -= 1
        if left[0] == 0:
            os._exit(9)
        return original(*args, **more)

    durable.write = write
    ss.run(ss.load("compute=serial", "compute.block_points=16", *words))


if __name__ == "__main__":
    killed_at(int(sys.argv[1]), sys.argv[2:])
