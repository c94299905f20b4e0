"""Cells of Pospischil et al. 2008: published rest, an integrator of scipy, adaptation."""

import numpy as np
import pytest
from lanes import in_lanes
from scipy.integrate import solve_ivp
from test_neurons import cell_of

import spikesweep as ss
from spikesweep.models.neurons.hodgkin_huxley import gates

WORDS = ("neuron=pospischil2008", "network=fs_rs", "network.populations=[RS,FS]")


@pytest.mark.parametrize(("name", "rest"), [("RS", -71.9), ("FS", -71.4)])
def test_rest_is_the_published_one(name, rest):
    """Known to a tenth of a mV."""
    assert float(cell_of("pospischil2008", name).rest) == pytest.approx(rest, abs=0.05)


def slopes(cell, current):
    """Return the right-hand sides as they are written in the paper."""

    def f(t, x):
        v, m, h, n, p = x
        u = v - cell.V_T
        am, bm = -0.32 * (u - 13) / (np.exp(-(u - 13) / 4) - 1), 0.28 * (u - 40) / (np.exp((u - 40) / 5) - 1)
        ah, bh = 0.128 * np.exp(-(u - 17) / 18), 4 / (1 + np.exp(-(u - 40) / 5))
        an, bn = -0.032 * (u - 15) / (np.exp(-(u - 15) / 5) - 1), 0.5 * np.exp(-(u - 10) / 40)
        p_inf = 1 / (1 + np.exp(-(v + 35) / 10))
        tau_p = cell.tau_max / (3.3 * np.exp((v + 35) / 20) + np.exp(-(v + 35) / 20))
        i_na, i_k = cell.g_Na * m**3 * h * (v - 50), (cell.g_Kd * n**4 + cell.g_M * p) * (v + 90)
        dv = (current - cell.g_L * (v - cell.E_L) - i_na - i_k) / cell.C_m
        change = (am * (1 - m) - bm * m, ah * (1 - h) - bh * h, an * (1 - n) - bn * n, (p_inf - p) / tau_p)
        return [dv, *change]

    return f


@pytest.mark.parametrize("name", ["RS", "FS"])
def test_spikes_converge_to_those_of_an_adaptive_integrator_with_the_step(name):
    """In 0.02 ms within two steps after six spikes; in 0.002 ms within half a step: detection's own."""
    cell, current, duration = cell_of("pospischil2008", name), 400.0, 60.0
    crossing = lambda t, x: x[0]  # noqa: E731
    crossing.direction = 1.0
    start = [float(x) for x in cell.initial()]
    exact = solve_ivp(
        slopes(cell, current), (0, duration), start, "LSODA", events=crossing, rtol=1e-9, atol=1e-10
    )
    times = exact.t_events[0]
    assert len(times) > 3
    errors = []
    for dt in (0.02, 0.002):
        found = in_lanes(cell, np.full((round(duration / dt), 32), current), dt)["spiked"][:, 0]
        spikes = (np.flatnonzero(found) + 0.5) * dt
        assert len(spikes) == len(times)
        errors.append(np.abs(spikes - times).max())
    assert errors[0] < 0.04
    assert errors[1] < 0.001


def test_gates_have_their_limits_where_their_formulas_have_none():
    """x / (1 - exp(-x / w)) at 0 is w; on both sides of where the limit is taken the numbers meet."""
    at = [gates.py_func(-56.2 + u, -56.2, 608.0)[4] for u in (13.0 - 5e-6, 13.0, 13.0 + 5e-6)]
    assert np.ptp(at) < 1e-5
    assert at[1] == pytest.approx(0.32 * 4.0 + 0.28 * 27.0 / (1.0 - np.exp(-27.0 / 5.0)), rel=1e-9)


def test_regular_spiking_adapts_by_its_slow_current_and_fast_spiking_is_faster():
    """Observed at 300 pA: intervals grow 1.68-fold, without g_M by less than 1 %."""
    traces = [
        ss.simulate(ss.load(*WORDS, *more), cell=cell, current=300.0, duration=1000.0, dt=0.02)
        for cell, *more in (("RS",), ("FS",), ("RS", "neuron.RS.g_M=0.0"))
    ]
    isi = [np.diff(ds.spike_times.values) for ds in traces]
    ratio = [x[-1] / x[0] for x in isi]
    assert ratio[0] > 1.5
    assert ratio[2] == pytest.approx(1.0, abs=0.01)
    assert len(isi[1]) > len(isi[0])  # fast
    assert 20.0 < float(traces[0].v.max()) < 50.0
