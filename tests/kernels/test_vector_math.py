import numpy as np
import pytest

from spikesweep.kernels.compile.jit import compiled
from spikesweep.kernels.compile.vector_math import exp, log


@compiled
def exp_all(x):
    return np.array([exp(value) for value in x])


@compiled
def log_all(x):
    return np.array([log(value) for value in x])


def ulps(got, exact):
    """Return the error in units in the last place, against 80-bit numbers."""
    return np.abs((got - exact) / np.spacing(np.abs(exact.astype(np.float64))))


needs_long_double = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 60, reason="no wider float to compare with"
)


@needs_long_double
@pytest.mark.parametrize("span", [(-700.0, 709.0), (-40.0, 20.0), (-1e-3, 1e-3)])
def test_exp_is_within_one_ulp(span):
    x = np.random.default_rng(1).uniform(*span, 200_000)
    assert ulps(exp_all(x), np.exp(x.astype(np.longdouble))).max() < 1.0


@needs_long_double
def test_log_of_uniform_numbers_is_within_one_ulp():
    x = np.concatenate([np.random.default_rng(2).random(200_000) + 2.0**-53, [2.0**-53, 1.0 - 2.0**-53]])
    assert ulps(log_all(x), np.log(x.astype(np.longdouble))).max() < 1.0


def test_exp_is_monotone():
    x = np.linspace(-20.0, 20.0, 400_001)
    assert (np.diff(exp_all(x)) >= 0.0).all()
    near = 1.0 + np.arange(10_000) * np.spacing(1.0)
    assert (np.diff(exp_all(near)) >= 0.0).all()


def test_exp_at_its_ends():
    x = np.array([0.0, -0.0, -707.0, -707.001, -1e308, -np.inf, 709.782712893384, 709.79, np.inf, np.nan])
    got = exp_all(x)
    assert got[:2].tolist() == [1.0, 1.0]
    assert got[2] == pytest.approx(np.exp(-707.0), rel=1e-15)
    assert got[3:6].tolist() == [0.0, 0.0, 0.0]
    assert got[6] == pytest.approx(np.exp(709.782712893384), rel=1e-15)
    assert got[7:9].tolist() == [np.inf, np.inf]
    assert np.isnan(got[9])
