"""LIFExact against closed forms: no error of a step, whatever dt."""

import math

import numpy as np
import pytest
from lanes import LANES, in_lanes
from test_neurons import cell_of

from spikesweep import models


def constant(current, n):
    return np.full((n, LANES), current)


@pytest.mark.parametrize("dt", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("cell", ["Brunel", "PD14", "CUBA"])
def test_a_relaxation_is_exact_whatever_dt(cell, dt):
    p = cell_of("lif_psc", cell)._replace(V_th=1000.0)
    current, tau = 100.0, p.C_m / p.g_L
    n = round(50.0 / dt) + 1
    v = in_lanes(p, constant(current, n), dt)["v"][:, 0]
    v_inf = p.E_L + current / p.g_L
    expected = v_inf + (p.E_L - v_inf) * np.exp(-np.arange(n) * dt / tau)
    np.testing.assert_allclose(v, expected, rtol=1e-12)


@pytest.mark.parametrize("dt", [0.1, 0.5])
@pytest.mark.parametrize("current", [400.0, 700.0, 3000.0])
def test_intervals_are_those_of_the_closed_form(current, dt):
    """From V_reset to the first step end above V_th, and exactly t_ref before: no step more or less."""
    p = cell_of("lif_psc", "PD14")
    tau, v_inf = p.C_m / p.g_L, p.E_L + current / p.g_L
    rise = math.ceil(tau * math.log((v_inf - p.V_reset) / (v_inf - p.V_th)) / dt)
    for rule in ("steps", "published"):
        spikes = np.flatnonzero(in_lanes(p, constant(current, 4000), dt, rule=rule)["spiked"][:, 0])
        assert set(np.diff(spikes)) == {rise + round(p.t_ref / dt)}


def test_a_cell_that_fires_by_itself_starts_at_its_reset():
    """CUBA's cell rests above its threshold: its first interval is the time from the reset."""
    p, dt = cell_of("lif_psc", "CUBA"), 0.1
    rise = math.ceil(20.0 * math.log((p.E_L - p.V_reset) / (p.E_L - p.V_th)) / dt)
    found = in_lanes(p, constant(0.0, 3000), dt)
    assert found["v"][0, 0] == p.V_reset
    spikes = np.flatnonzero(found["spiked"][:, 0])
    assert spikes[0] == rise - 1
    assert set(np.diff(spikes)) == {rise + 50}


@pytest.mark.parametrize("synapse", [models.ExponentialCurrent(40.0, 5.0), models.AlphaCurrent(40.0, 5.0)])
def test_the_integral_of_the_response_to_an_event_does_not_depend_on_dt(synapse):
    """Its integral is the charge over g_L, whatever dt; its height converges with dt squared."""
    p = cell_of("lif_psc", "PD14")
    charge = synapse.weight * synapse.tau_syn * (math.e if isinstance(synapse, models.AlphaCurrent) else 1.0)
    peaks = []
    for dt in (2.0, 1.0, 0.5, 0.125):
        kicks = np.zeros((round(400.0 / dt), LANES))
        kicks[0] = 1.0
        dv = in_lanes(p, kicks, dt, synapse)["v"][:, 0] - p.E_L
        assert dv.sum() * dt == pytest.approx(charge / p.g_L, rel=1e-9)
        peaks.append(dv[round(10.0 / dt)])
    errors = np.abs(np.array(peaks[:-1]) - peaks[-1])
    assert (errors[:-1] / errors[1:] > 3.5).all()
