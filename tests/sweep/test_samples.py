"""Samples that grow, and the priors they are drawn from."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import spikesweep as ss
from spikesweep.analysis.inference import log_prior
from spikesweep.errors import InputError
from spikesweep.grid.designs import unit_points
from spikesweep.grid.schema import OK
from spikesweep.store import Store, durable
from spikesweep.store.check import check
from spikesweep.sweep.job import make_job

SOURCE = """
import os
from typing import Annotated
import numpy as np
from annotated_types import Ge

MV = Annotated[float, "mV", Ge(0)]

def noisy(x: MV, y: float = 1.0, k: int = 0, kind: str = "a", seed: int = 0) -> Annotated[float, "Hz"]:
    with open({calls!r}, "a") as file:
        file.write(".")
    return x * y + np.random.default_rng(seed).normal()
"""


@pytest.fixture
def sweep(tmp_path):
    """Return a function that loads a sweep of a noisy function, which counts its calls in a file."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sim.py").write_text(SOURCE.format(calls=str(tmp_path / "calls")))

    def load(*words):
        where = (f"function={tmp_path}/mine/sim.py:noisy", f"outputs={tmp_path}")
        defaults = {"compute.block_points": "7", "grid.seed": "[0,1]"}
        given = {word.partition("=")[0] for word in words}
        more = [f"{key}={value}" for key, value in defaults.items() if key not in given]
        return ss.load(*where, "compute=serial", *more, *words)

    return load


def n_calls(tmp_path):
    """Return how often the function has been called since this was asked."""
    n = len((tmp_path / "calls").read_text())
    (tmp_path / "calls").write_text("")
    return n


BLOCK = "compute.block_points=400"
RANGES = ("grid.x={low:0,high:60}", "grid.y={low:1,high:100,spacing:log}")


def chunks(path):
    """Return the content of all arrays of a store."""
    files = (p for p in path.rglob("c.*") if ".spikesweep" not in p.parts)
    return {str(p.relative_to(path)): p.read_bytes() for p in files}


@pytest.mark.parametrize("method", ["sobol", "random", "nested_latin_hypercube"])
def test_a_sample_grows_to_the_bits_of_one_made_at_once(sweep, tmp_path, method):
    words = (*RANGES, f"sample.method={method}", "sample.seed=3")
    part = ss.run(sweep(*words, "sample.num=16", "name=grown")).load()
    n_calls(tmp_path)
    grown = ss.run(sweep(*words, "sample.num=64", "name=grown")).load()
    assert n_calls(tmp_path) == (64 - 16) * 2
    xr.testing.assert_equal(grown.isel(point=slice(16)), part)
    whole = ss.run(sweep(*words, "sample.num=64", "name=whole")).load()
    assert (whole.status == OK).all()
    assert len(np.unique(whole.x)) == 64
    assert chunks(tmp_path / "grown" / "noisy.zarr") == chunks(tmp_path / "whole" / "noisy.zarr")
    assert grown.attrs["sample"] == whole.attrs["sample"] != part.attrs["sample"]
    n_calls(tmp_path)
    again = ss.run(sweep(*words, "sample.num=16", "name=grown")).load()  # less is a part
    assert n_calls(tmp_path) == 0
    xr.testing.assert_equal(again, part)


def test_a_sample_grows_along_points_and_another_axis_at_once(sweep, tmp_path):
    words = (*RANGES, "sample.method=sobol")
    ss.run(sweep(*words, "sample.num=8", "name=grown"))
    more = (*words, "sample.num=16", "grid.seed=[0,1,2]")
    grown, whole = (ss.run(sweep(*more, f"name={name}")).load() for name in ("grown", "whole"))
    xr.testing.assert_equal(grown, whole)


def test_a_latin_hypercube_does_not_grow_and_says_what_does(sweep, tmp_path):
    ss.run(sweep(*RANGES, "sample.num=6"))
    job = make_job(sweep(*RANGES, "sample.num=12"))[0]
    assert re.search(r"sample\.num = 12: .*the 6 points .* nested_latin_hypercube, sobol", job.beside)
    assert ss.run(sweep(*RANGES, "sample.num=12")).sizes["point"] == 12
    assert ss.run(sweep(*RANGES, "sample.num=6")).sizes["point"] == 6


def test_another_seed_or_range_is_another_sample(sweep):
    words = (*RANGES, "sample.method=sobol", "sample.num=8")
    ss.run(sweep(*words))
    for other in ("sample.seed=1", "grid.y.high=50"):
        beside = make_job(sweep(*words, other))[0].beside
        assert re.search(r"holds other points.*of both: points that begin with those", beside)


def test_a_list_that_begins_with_the_stored_one_goes_on(sweep, tmp_path):
    file = tmp_path / "points.csv"
    file.write_text("x,y\n5,1\n3,2\n")
    first = ss.run(sweep(f"points={file}")).load()
    n_calls(tmp_path)
    file.write_text("x,y\n5,1\n3,2\n1,7\n")
    grown = ss.run(sweep(f"points={file}")).load()
    assert n_calls(tmp_path) == 2
    assert grown.x.values.tolist() == [5, 3, 1]
    xr.testing.assert_equal(grown.isel(point=slice(2)), first)
    file.write_text("x,y\n3,2\n5,1\n1,7\n0,0\n")
    beside = make_job(sweep(f"points={file}"))[0].beside
    assert "grid.x: [5.0, 3.0, 1.0] there, [3.0, 5.0" in beside


def test_a_list_that_goes_on_from_a_sample_has_no_prior(sweep, tmp_path):
    words = (*RANGES, "sample.method=random", "sample.num=3")
    ds = ss.run(sweep(*words)).load()
    rows = [*zip(ds.x.values.tolist(), ds.y.values.tolist(), strict=True), (1.0, 1.0)]
    (tmp_path / "points.csv").write_text("\n".join(["x,y", *(f"{x!r},{y!r}" for x, y in rows)]))
    grown = ss.run(sweep(f"points={tmp_path}/points.csv")).load()
    xr.testing.assert_equal(grown.isel(point=slice(3)), ds)
    with pytest.raises(InputError, match="does not say how its points were sampled"):
        log_prior(grown)


def kill_at(cfg, n):
    """Run a sweep in a child that is gone at its n-th durable file; return whether it came so far."""
    child = os.fork()
    if child == 0:
        written, original = [0], durable.write

        def write(*args, **more):
            written[0] += 1
            if written[0] == n:
                os._exit(9)
            return original(*args, **more)

        durable.write = write
        ss.run(cfg)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def torment(folder):
    """Kill a growth at every fifteenth of its files, from the same store; Zarr runs in children alone."""
    words = (f"function={folder}/mine/sim.py:noisy", f"outputs={folder}", "compute=serial", *RANGES)
    words += ("compute.block_points=4", "sample.method=sobol", "name=grown")
    small, large = (ss.load(*words, f"sample.num={n}") for n in (8, 16))
    make_job(large)
    kill_at(small, 10**6)
    kills = 0
    shutil.copytree(f"{folder}/grown", f"{folder}/before")
    for n in range(2, 200, 15):
        shutil.rmtree(f"{folder}/grown")
        shutil.copytree(f"{folder}/before", f"{folder}/grown")
        if not kill_at(large, n):
            break
        kills += 1
        kill_at(large, 10**6)
        shutil.copytree(f"{folder}/grown", f"{folder}/after{n}")
    print(kills)


@pytest.mark.slow
def test_a_growth_that_is_killed_anywhere_loses_nothing(sweep, tmp_path):
    told = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, timeout=600
    )
    assert told.returncode == 0, told.stderr
    words = (*RANGES, "sample.method=sobol", "sample.num=16", "grid.seed=[0]", "compute.block_points=4")
    ss.run(sweep(*words, "name=whole"))
    whole = chunks(tmp_path / "whole" / "noisy.zarr")
    after = sorted(tmp_path.glob("after*"))
    assert len(after) == int(told.stdout) > 2
    for folder in after:
        assert chunks(folder / "noisy.zarr") == whole
    assert not check(Store(after[0] / "noisy.zarr"))


@pytest.mark.parametrize("method", ["random", "nested_latin_hypercube", "sobol"])
@pytest.mark.parametrize("n", [64, 256])
def test_designs_are_nested_and_fill_the_cube(method, n):
    points = unit_points(method, n, 3, seed=5)
    np.testing.assert_array_equal(unit_points(method, 16, 3, seed=5), points[:16])
    assert points.min() >= 0
    assert points.max() < 1
    assert not np.array_equal(points, unit_points(method, n, 3, seed=6))
    if method != "random":  # one point in each part of every axis, at every power of 2
        for k in (2, 8, n):
            assert (np.sort(np.floor(points[:k] * k), axis=0) == np.arange(k)[:, np.newaxis]).all()
    assert np.abs(np.corrcoef(points.T) - np.eye(3)).max() < 4 / np.sqrt(n)
    assert stats.kstest(points[:, 0], "uniform").pvalue > 1e-4


PRIORS = {
    "{dist:normal,mean:20,sd:5,low:10}": stats.truncnorm(-2, np.inf, 20, 5),
    "{dist:normal,mean:20,sd:5,low:60,high:70}": stats.truncnorm(8, 10, 20, 5),
    "{dist:uniform,low:2,high:6}": stats.uniform(2, 4),
    "{low:2,high:6}": stats.uniform(2, 4),
    "{dist:loguniform,low:2,high:600}": stats.loguniform(2, 600),
    "{dist:gamma,a:2,scale:3}": stats.gamma(2, scale=3),
    "{dist:lognorm,s:0.5,scale:10}": stats.lognorm(0.5, scale=10),
}


@pytest.mark.parametrize("spec", PRIORS)
def test_samples_have_their_distribution_and_density(sweep, spec):
    ds = ss.run(sweep(f"grid.x={spec}", "sample.method=random", "sample.num=200", "grid.seed=[0]", BLOCK))
    if "60" not in spec or "600" in spec:  # scipy's own CDF is not exact so far out
        assert stats.kstest(ds.x.values, PRIORS[spec].cdf).pvalue > 1e-3
    np.testing.assert_allclose(log_prior(ds), PRIORS[spec].logpdf(ds.x.values), rtol=1e-6, atol=1e-9)
    x = np.array([ds.x.values.min(), -1.0])
    assert np.isfinite(log_prior(ds, {"x": x})).values.tolist() == [True, False]


def test_choices_and_whole_numbers_have_probabilities(sweep):
    words = ("grid.kind={dist:choices,values:[a,b],weights:[3,1]}", "grid.k={dist:loguniform,low:1,high:3}")
    ds = ss.run(
        sweep(*words, "grid.x={low:0,high:1}", "sample.num=400", "sample.method=random", BLOCK)
    ).load()
    kinds, k = ds.kind.values, ds.k.values
    assert abs((kinds == "a").mean() - 0.75) < 0.1
    p = {1: np.log(2) / np.log(4), 2: np.log(1.5) / np.log(4), 3: np.log(4 / 3) / np.log(4)}
    for value, share in p.items():
        assert abs((k == value).mean() - share) < 0.1
    expected = [np.log(p[int(n)] * (0.75 if kind == "a" else 0.25)) for kind, n in zip(kinds, k, strict=True)]
    np.testing.assert_allclose(log_prior(ds), expected, rtol=1e-12)


def test_a_parameter_of_a_cell_has_a_prior_and_constraints_are_told(small):
    words = (
        "grid.neuron.RS.b={dist:normal,mean:20,sd:5}",
        "grid.neuron.RS.a={low:0,high:4}",
        "sample.num=32",
    )
    grid = make_job(small(*words, "exclude=neuron.RS.b > 20"))[0].grid
    assert grid.coordinates["b"].max() <= 20
    assert grid.sample["priors"]["b"] == {"dist": "normal", "mean": 20.0, "sd": 5.0}
    assert grid.sample["exclude"] == ["neuron.RS.b > 20"]


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("{dist:norml,mean:1,sd:1}", ["grid.x.dist = 'norml' is not known; did you mean 'normal'?"]),
        ("{dist:poisson,mu:1}", ["grid.x.dist = 'poisson' is not known"]),
        ("{dist:3}", ["grid.x.dist = 3 is not known"]),
        ("{dist:normal,mean:1}", ["grid.x.sd = None", "a finite number"]),
        ("{dist:normal,mean:1,sd:0}", ["grid.x.sd = 0", "more than 0"]),
        ("{dist:normal,mean:1,sd:1,scale:2}", ["grid.x.scale is not known", "mean, sd, low, high"]),
        ("{dist:normal,mean:1,sd:1,low:3,high:2}", ["grid.x from 3.0 to 2.0", "low < high"]),
        ("{dist:normal,mean:1,sd:1,low:90}", ["normal has nothing there"]),
        ("{dist:normal,mean:1,sd:1}", ["grid.x = -", "at least 0 mV"]),
        ("{dist:uniform,low:1,high:1}", ["grid.x from 1 to 1 is refused"]),
        ("{dist:uniform,low:1,high:2,spacing:log}", ["grid.x.spacing is not known"]),
        ("{dist:gamma,scale:1}", ["grid.x.a = None"]),
        ("{dist:gamma,a:-1}", ["gamma"]),
        ("{dist:choices,values:[1,1]}", ["grid.x.values", "each value once"]),
        ("{dist:choices,values:[1,2],weights:[1]}", ["grid.x.weights = [1]", "2 numbers above 0"]),
        ("{dist:choices}", ["grid.x holds None"]),
        ("{dist:choices,values:[a]}", ["grid.x holds 'a'"]),
    ],
)
def test_priors_are_refused_by_key(sweep, tmp_path, spec, parts):
    with pytest.raises(InputError) as refusal:
        ss.run(sweep(f"grid.x={spec}", "sample.num=64", "sample.method=random"))
    for part in parts:
        assert part in str(refusal.value)
    assert not (tmp_path / "function").exists()


def test_theta_is_refused_by_name(sweep):
    ds = ss.run(sweep(*RANGES, "sample.num=4", "sample.method=sobol"))
    with pytest.raises(InputError, match="y is not given"):
        log_prior(ds, {"x": 1.0})
    with pytest.raises(InputError, match="z was not sampled"):
        log_prior(ds, {"x": 1.0, "y": 1.0, "z": 1.0})
    with pytest.raises(InputError, match=r"sample\.num = 6: a nested .*allowed: 4 or 8"):
        ss.run(sweep(*RANGES, "sample.num=6", "sample.method=nested_latin_hypercube", "name=other"))


if __name__ == "__main__":
    torment(sys.argv[1])
