"""AdExpHeun: its order, its twin with synapses, its refractory time, and what an upstroke does to it."""

import numpy as np
import pytest
from lanes import LANES, in_lanes, numbers
from test_neurons import cell_of

from spikesweep import models
from spikesweep.kernels.cells.driver import Clock

SYNAPSE = models.ExponentialConductance(30.0, 5.0, 0.0)


def kicked(n, at=(0,)):
    kicks = np.zeros((n, LANES))
    kicks[list(at)] = 1.0
    return kicks


def by_steps(cell, synapse, kicks, dt):
    """Return v, w and the spikes of a cell under one synapse, step by step in plain Python."""
    clock = Clock.of(dt, "steps")
    c, s = numbers(cell.coefficients(clock)), numbers(synapse.coefficients(clock))
    x, y = numbers(cell.initial()), numbers(synapse.initial())
    found = {name: np.empty(len(kicks)) for name in ("v", "w", "spiked")}
    for i, kick in enumerate(kicks.tolist()):
        found["v"][i], found["w"][i] = x.v, x.w
        y = synapse.advance.py_func(s, y, kick)
        current = synapse.current.py_func(s, y, x.v)
        end = synapse.advance.py_func(s, y, 0.0)
        v_end = cell.predict.py_func(c, x, current, float(i))
        current_end = synapse.current.py_func(s, end, v_end)
        x, found["spiked"][i] = cell.step.py_func(c, x, current, v_end, current_end, float(i), i + 1.0)
    return found


def errors(cell, dts, reference):
    """Return how far v and w are after 20 ms from those of a fine step, after an event at the start."""
    ends = []
    for dt in (*dts, reference):
        found = in_lanes(cell, kicked(round(20.0 / dt) + 1), dt, SYNAPSE._replace(weight=3.0))
        assert not found["spiked"].any()
        ends.append((found["v"][-1, 0], found["w"][-1, 0]))
    return np.abs(np.array(ends[:-1]) - ends[-1])


@pytest.mark.parametrize("neuron", ["RS_heun", "FS_heun"])
def test_converges_with_the_square_of_the_step(neuron):
    """Halving dt divides the error by 4; forward Euler's only by 2."""
    cell = cell_of("sacha", neuron)._replace(a=4.0, tau_w=50.0)
    heun = errors(cell, (0.4, 0.2, 0.1), 0.0125 / 4)
    np.testing.assert_allclose(heun[:-1] / heun[1:], 4.0, rtol=0.1)
    euler = errors(models.AdExp(*cell), (0.4, 0.2, 0.1), 0.0125 / 4)
    assert (euler[:-1] / euler[1:] < 2.5).all()
    assert (heun[-1] < 0.05 * euler[-1]).all()


@pytest.mark.parametrize("neuron", ["RS_heun", "FS_heun"])
def test_equals_plain_python_with_a_synapse_bit_for_bit(neuron):
    cell = cell_of("sacha", neuron)._replace(b=20.0)
    kicks = np.random.default_rng(3).poisson(0.02, 4000).astype(float)
    alone = by_steps(cell, SYNAPSE, kicks, 0.1)
    assert alone["spiked"].sum() > 10
    found = in_lanes(cell, kicks[:, np.newaxis], 0.1, SYNAPSE)
    for name, values in alone.items():
        np.testing.assert_array_equal(found[name][:, 0], values, err_msg=name)
        np.testing.assert_array_equal(found[name][:, -1], values, err_msg=name)


def test_is_held_for_t_ref_after_the_step_of_its_spike_while_w_goes_on():
    """As in Brian2: v moves again in the step that begins t_ref after the one with the spike began."""
    cell, dt = cell_of("sacha", "RS_heun")._replace(b=20.0), 0.1
    found = in_lanes(cell, np.full((2000, LANES), 500.0), dt)
    v, w = found["v"][:, 0], found["w"][:, 0]
    first = int(np.argmax(found["spiked"][:, 0]))
    hold = round(cell.t_ref / dt)
    assert (v[first + 1 : first + hold + 1] == cell.V_reset).all()
    assert v[first + hold + 1] != cell.V_reset
    # Heun's rule for a decay: 1 - x + x^2 / 2
    x = dt / cell.tau_w
    np.testing.assert_allclose(
        w[first + 1 : first + hold + 1], 20.0 * (1.0 - x + 0.5 * x * x) ** np.arange(hold), rtol=1e-12
    )


@pytest.mark.parametrize("change", [{}, {"a": 4.0}, {"Delta_T": 0.01}, {"Delta_T": 0.0}, {"V_cut": None}])
def test_an_upstroke_of_any_sharpness_leaves_w_as_it_was_but_for_b(change):
    """A prediction in the step of a spike overshoots beyond what a float holds; w must not see it."""
    cell = cell_of("sacha", "RS_heun")._replace(b=20.0, **change)
    found = in_lanes(cell, kicked(3000, range(0, 3000, 40)), 0.1, SYNAPSE)
    spikes = np.flatnonzero(found["spiked"][:-1, 0])
    assert len(spikes) > 10
    for name in ("v", "w"):
        assert np.isfinite(found[name]).all()
    np.testing.assert_allclose((found["w"][spikes + 1] - found["w"][spikes])[:, 0], cell.b, atol=0.5)
