"""Inference from sampled sweeps: arrays, the prior as an object, and a posterior that is calibrated."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import spikesweep as ss
from spikesweep.analysis.inference import abc, arrays, predictive, prior, write_points
from spikesweep.errors import InputError
from spikesweep.grid.densities import cumulative

SOURCE = """
from typing import Annotated
import numpy as np

HZ = Annotated[float, "Hz"]

def gauss(m: Annotated[float, "mV"], k: int = 0, kind: str = "a", seed: int = 0):
    m, seed = np.asarray(m), np.asarray(seed)
    noise = np.array([np.random.default_rng(s).normal(size=2) for s in seed.tolist()])
    return {"x": m[:, np.newaxis] + 0.5 * noise, "same": np.ones_like(m)}

def broken(m: Annotated[float, "mV"], seed: int = 0) -> HZ:
    if m > 1.0 and seed % 2:
        raise ValueError("broken")
    return m if m > -1.0 else float("nan")
"""
NORMAL = "grid.m={dist:normal,mean:0,sd:1}"
RANDOM = "sample.method=random"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return a function that loads a sweep of a function with a known posterior."""
    folder = tmp_path_factory.mktemp("inferred")
    (folder / "known").mkdir()
    (folder / "known" / "sim.py").write_text(SOURCE)

    def load(name, *words):
        where = (f"function={folder}/known/sim.py:{name}", f"outputs={folder}", "compute=serial")
        more = ("protocol.vectorized=true", "compute.block_points=50000") if name == "gauss" else ()
        return ss.load(*where, *more, *words)

    return load


@pytest.fixture(scope="module")
def table(sweep):
    """Return simulations of a normal mean with prior N(0, 1), each two observations of SD 0.5."""
    return ss.run(sweep("gauss", NORMAL, "sample.num=20000", RANDOM, "name=table")).load()


def observations(n, rng):
    """Return parameters of the prior and observations at them."""
    theta = rng.normal(size=n)
    return theta, theta[:, np.newaxis] + 0.5 * rng.normal(size=(n, 2))


#: Of the mean of two observations of SD 0.5: precision 1 + 2 / 0.25.
POSTERIOR_SD = 1 / 3


def test_the_posterior_is_the_known_one(table):
    found = abc(table, {"x[x_0=0]": 0.8, "x[x_0=1]": 1.2}, ["x"], accept=0.1)
    mean = np.average(found.m, weights=found.weight)
    sd = np.sqrt(np.average((found.m - mean) ** 2, weights=found.weight))
    assert mean == pytest.approx(8 / 9 * 1.0, abs=0.02)
    assert sd == pytest.approx(POSTERIOR_SD, abs=0.015)
    assert found.m.attrs["units"] == "mV"
    assert (found.sizes["draw"], found.attrs["simulations"], found.attrs["left_out"]) == (2000, 20000, 0)
    rough = abc(table, [0.8, 1.2], ["x"], accept=0.1, adjust=False)
    assert set(rough.m.values) <= set(table.m.values)
    assert float(rough.m.std()) > sd


@pytest.mark.slow
def test_ranks_of_the_truth_among_draws_are_uniform(table):
    """Simulation-based calibration: 300 observations, ranks among 99 draws in 10 bins, chi square below the
    99.9 % quantile of 9 degrees of freedom; draws that are a quarter too narrow are found by it."""
    rng = np.random.default_rng(2)
    ranks: dict[float, list[int]] = {1.0: [], 0.75: []}
    for truth, observed in zip(*observations(300, rng), strict=True):
        found = abc(table, observed, ["x"], accept=0.1)
        p = found.weight.values / found.weight.values.sum()
        draws = rng.choice(found.m.values, 99, p=p)
        for factor, own in ranks.items():
            own.append((draws.mean() + factor * (draws - draws.mean()) < truth).sum())
    chi = {k: stats.chisquare(np.histogram(own, 10, range=(0, 100))[0]).statistic for k, own in ranks.items()}
    assert chi[1.0] < stats.chi2.ppf(0.999, 9) < chi[0.75]


def test_rows_are_simulations_and_those_without_results_are_not_valid(sweep):
    words = ("grid.m={low:-2,high:2}", "sample.num=64", "sample.method=sobol", "grid.seed=[0,1]")
    ds = ss.run(sweep("broken", *words, "name=broken")).load()
    found = arrays(ds)
    assert found.theta.shape == (128, 1)
    assert found.x.shape == (128, 1)
    assert (found.names, found.units, found.x_names, found.x_units) == (("m",), ("mV",), ("broken",), ("Hz",))
    np.testing.assert_array_equal(found.theta[::2, 0], ds.m)
    ok = (ds.status == 1).transpose("point", "seed").values.ravel()
    assert 64 < ok.sum() < 128
    np.testing.assert_array_equal(found.valid, ok)
    assert np.isfinite(found.x[ok]).all()
    assert np.isnan(found.x[~ok]).all()
    assert abc(ds, [0.5], accept=0.5).attrs["left_out"] == 128 - ok.sum()


def test_draws_are_the_next_sweep_and_where_the_observation_lies_in_it(sweep, table, tmp_path):
    posterior = abc(table, [0.8, 1.2], ["x"], accept=0.05)
    write_points(posterior, tmp_path / "posterior.csv", 200)
    ds = ss.run(sweep("gauss", f"points={tmp_path}/posterior.csv", "name=checked"))
    assert ds.sizes["point"] == 200
    assert set(ds.m.values) <= set(posterior.m.values)
    found = predictive(ds, [0.8, 1.2], ["x"])
    assert found.below.values == pytest.approx([0.44, 0.70], abs=0.08)  # of N(8/9, 1/9 + 1/4)


def test_a_predictive_check_says_what_does_not_fit(table):
    found = predictive(table, {"x[x_0=0]": 0.0, "x[x_0=1]": 4.0, "same": 1.0})
    assert found.result.values.tolist() == ["same", "x[x_0=0]", "x[x_0=1]"]
    assert found.below.values == pytest.approx([0.5, 0.5, 1.0], abs=0.02)
    assert float(found.high[2]) < 4.0
    assert float(found.high[1]) == pytest.approx(1.96 * np.sqrt(1.25), abs=0.1)


def test_the_prior_is_an_object_with_draws_and_density(sweep):
    words = ("grid.m={dist:gamma,a:2,scale:3,high:50}", "grid.k={low:0,high:3,integer:true}", "sample.num=16")
    found = prior(ss.run(sweep("gauss", *words, "name=prior")))
    assert (found.names, found.units) == (("k", "m"), ("1", "mV"))
    draws = found.sample((4000,), seed=1)
    assert draws.shape == (4000, 2)
    assert found.sample().shape == (2,)
    assert not np.array_equal(found.sample((2,)), found.sample((2,)))
    assert stats.kstest(draws[:, 1], stats.gamma(2, scale=3).cdf).pvalue > 1e-3
    known = stats.gamma(2, scale=3).logpdf(draws[:, 1]) - np.log(4)
    np.testing.assert_allclose(found.log_prob(draws), known, rtol=1e-4)
    assert found.log_prob(np.array([[0.5, 1.0], [1.0, -1.0]])).tolist() == [-np.inf, -np.inf]
    with pytest.raises(InputError, match=r"theta of the shape \(3,\)"):
        found.log_prob([1.0, 2.0, 3.0])


def test_tensors_are_made_where_torch_is(table, monkeypatch):
    made = SimpleNamespace(as_tensor=lambda array: ("tensor", array.dtype.name, array.shape))
    monkeypatch.setitem(sys.modules, "torch", made)
    found = arrays(table, ["x"], torch=True)
    assert (found.theta, found.x) == (("tensor", "float32", (20000, 1)), ("tensor", "float32", (20000, 2)))
    own = prior(table, torch=True)
    assert own.sample((3,)) == ("tensor", "float32", (3, 1))
    own.mean = own.sample((3,))  # as sbi does when it wraps a prior
    tensor = SimpleNamespace(detach=lambda: np.zeros((2, 1)))  # one with gradients is no array
    assert own.log_prob(tensor) == ("tensor", "float32", (2,))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="torch=True needs the package torch"):
        arrays(table, torch=True)


@pytest.mark.parametrize(
    "spec",
    [
        {"dist": "uniform", "low": 2.0, "high": 6.0},
        {"dist": "loguniform", "low": 2.0, "high": 600.0},
        {"dist": "normal", "mean": 20.0, "sd": 5.0, "low": 10.0},
        {"dist": "normal", "mean": 20.0, "sd": 5.0, "low": 50.0, "high": 70.0},
        {"dist": "gamma", "a": 2.0, "scale": 3.0},
    ],
)
def test_the_distribution_function_undoes_the_quantiles(spec):
    from spikesweep.grid.priors import sampled
    from spikesweep.grid.schema import Axis

    unit = np.linspace(0.001, 0.999, 101)
    values = sampled(Axis("x", "1", "x", -np.inf), spec, unit)[0]
    np.testing.assert_allclose(cumulative(spec, values), unit, atol=1e-8)


@pytest.mark.parametrize(
    ("observed", "more", "said"),
    [
        ({"x[x_0=0]": 1.0}, {}, r"observed: x\[x_0=1\] is not given"),
        ({"x[x_0=0]": 1.0, "x[x_0=1]": 1.0, "y": 1.0}, {}, "observed: y is no result"),
        ([1.0], {}, r"observed = \[1\.0\] is refused"),
        ([1.0, np.nan], {}, "finite numbers"),
        ([1.0, 1.0], {"accept": 0.0}, r"accept = 0\.0 is refused"),
        ([1.0, 1.0], {"accept": 0.0001}, r"accept = 0\.0001 of 20000 valid simulations are 2"),
        ([1.0, 1.0, 1.0], {"variables": None}, "same is the same in all simulations"),
        ([1.0, 1.0], {"variables": ["z"]}, "variables: 'z' is no number"),
    ],
)
def test_observations_are_refused_by_name(table, observed, more, said):
    with pytest.raises(InputError, match=said):
        abc(table, observed, **{"variables": ["x"], **more})


def test_words_whole_numbers_and_too_many_draws_are_refused(sweep, table, tmp_path):
    kinds = ss.run(sweep("gauss", NORMAL, "grid.kind={dist:choices,values:[a,b]}", "sample.num=8", "name=w"))
    for function in (arrays, prior):
        with pytest.raises(InputError, match="kind holds words"):
            function(kinds)
    whole = ss.run(sweep("gauss", NORMAL, "grid.k={low:0,high:9,integer:true}", "sample.num=64", "name=i"))
    with pytest.raises(InputError, match="k has whole numbers or choices; allowed: adjust=False"):
        abc(whole, [0.0, 0.0], ["x"], accept=0.5)
    assert abc(whole, [0.0, 0.0], ["x"], accept=0.5, adjust=False).k.dtype.kind == "f"
    with pytest.raises(InputError, match="n = 900 draws of 1000"):
        write_points(abc(table, [0.0, 0.0], ["x"]), tmp_path / "x.csv", 900)
