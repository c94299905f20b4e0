"""Homeostatic training: what rules converge to, fixed points by integration, the paradoxical effect."""

import numpy as np
import pytest

from spikesweep.analysis.homeostatic import PUBLISHED, response_to_input, train, up_state
from spikesweep.errors import InputError


def integrated(weights, model=PUBLISHED, duration=600.0, dt=0.02, extra=0.0):
    """Return E and I after a time, from the set points, of a plain loop; `extra` is input to I."""
    EE, EI, IE, II = weights
    E, I = np.full_like(EE, 5.0), np.full_like(EE, 14.0)  # noqa: E741
    for _ in range(round(duration / dt)):
        in_E, in_I = EE * E - EI * I - model.theta_E, IE * E - II * I - model.theta_I + extra
        change = dt / model.tau_E * (-E + model.gain_E * np.maximum(in_E, 0.0))
        I = I + dt / model.tau_I * (-I + model.gain_I * np.maximum(in_I, 0.0))  # noqa: E741
        E = E + change
    return E, I


def random_weights(n, seed=1):
    """Return weights of networks that have an Up state, shape (4, about n)."""
    low, high = np.array([4.0, 0.5, 7.0, 0.2]), np.array([7.0, 1.5, 13.0, 0.8])
    w = low[:, np.newaxis] + (high - low)[:, np.newaxis] * np.random.default_rng(seed).uniform(size=(4, n))
    return w[:, (up_state(w)[0] > 0.5) & (up_state(w)[0] < 60.0)]


def test_up_states_are_those_of_the_equations():
    weights = random_weights(20)
    assert weights.shape[1] > 15
    E, I = up_state(weights)  # noqa: E741
    near = (E < 20.0) & (I < 50.0)  # from the set points the others leave for another state
    by_hand = integrated(weights[:, near])
    settled = np.abs(by_hand[0]) > 0.0
    assert settled.sum() > 8
    np.testing.assert_allclose(by_hand[0][settled], E[near][settled], rtol=1e-6)
    np.testing.assert_allclose(by_hand[1][settled], I[near][settled], rtol=1e-6)


@pytest.mark.parametrize("rule", ["cross", "two_term"])
def test_cross_homeostasis_converges_to_both_set_points_from_random_weights(rule):
    """Published: E 5 and I 14 Hz, from any weights; here of all 59 networks, to 1e-6."""
    ds = train(random_weights(60), rule, 8000, 5e-4)
    assert ds.sizes["network"] > 40
    np.testing.assert_allclose(ds.E[-1], 5.0, rtol=1e-6)
    np.testing.assert_allclose(ds.I[-1], 14.0, rtol=1e-6)
    assert float(abs(ds.E[0] - 5.0).max()) > 2.0  # where they came from
    weights = ds.weights[-1].values
    assert np.std(weights, axis=1).min() > 0.1  # not one solution: a plane of them


def test_set_points_can_be_others():
    ds = train(random_weights(20), "cross", 12_000, 5e-4, set_E=3.0, set_I=10.0)
    np.testing.assert_allclose([ds.E[-1].mean(), ds.I[-1].mean()], [3.0, 10.0], rtol=1e-3)


def test_standard_homeostasis_fails():
    """Published: inhibition that is too weak is made weaker. No network of 40 keeps the set points."""
    ds = train(random_weights(60), "standard", 4000, 1e-3)
    reached = (abs(ds.E[-1] - 5.0) < 0.5) & (abs(ds.I[-1] - 14.0) < 1.4)
    assert not reached.any()


def test_more_input_to_inhibition_lowers_it():
    """The closed form against integration; its sign is that of 1 - g_E W_EE."""
    weights = train(random_weights(20), "cross", 8000, 5e-4).weights[-1].values
    slope = response_to_input(weights)
    assert (slope < 0.0).all()
    changed = integrated(weights, extra=0.01)[1] - integrated(weights)[1]
    np.testing.assert_allclose(changed / 0.01, slope, rtol=1e-3)
    assert response_to_input([0.5, 1.0, 10.0, 0.5]) > 0.0


def test_refusals():
    with pytest.raises(InputError, match=r"weights have the shape \(3, 2\); allowed: \(4, networks\)"):
        train(np.ones((3, 2)), "cross", 2, 0.1)
    with pytest.raises(InputError, match="rule = 'hebb' is refused; allowed: cross"):
        train(np.ones((4, 2)), "hebb", 2, 0.1)
    with pytest.raises(InputError, match="set_E = 0 and"):
        train(np.ones((4, 2)), "cross", 2, 0.1, set_E=0.0)
