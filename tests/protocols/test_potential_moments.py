"""Moments of the potential against shot-noise theory, rate and CV against Siegert's, tau_v by hand."""

import numpy as np
import pytest
from test_neurons import cell_of

import spikesweep as ss
from spikesweep import models
from spikesweep.analysis.semi_analytical import Cell, moments
from spikesweep.analysis.siegert import siegert_cv, siegert_rate
from spikesweep.protocols import PotentialMoments
from spikesweep.sweep.job import make_job

SETTINGS = dict(root_seed=0, common_random_numbers=False, refractory="exact")


@pytest.fixture(scope="module")
def free():
    """Return the job and the results of cells that never fire, and the moments of theory."""
    words = ("neuron=lif", "network=fs_rs", "network.populations=[LIF]", "neuron.LIF.V_th=1000.0")
    axes = ("grid.fe=[2.0,8.0]", "grid.fi=[4.0,10.0]", "grid.i_ext=[-200.0,0.0,200.0]", "grid.seed=[0]")
    job = make_job(ss.load(*words, "protocol=potential_moments", *axes))[0]
    fe, fi, i_ext, seed = (
        x.ravel() for x in np.meshgrid([2.0, 8.0], [4.0, 10.0], [-200.0, 0.0, 200.0], range(8))
    )
    points = {"fe": fe, "fi": fi, "i_ext": i_ext, "seed": seed}
    found = job.protocol(job.network, points, {})
    cell = Cell.of(job.network.cells["LIF"], job.network)
    means = {name: values[0].reshape(-1, 8) for name, values in found.items()}
    return means, cell, moments(cell, fe[::8], fi[::8], w=-i_ext[::8]), fe[::8], fi[::8]


def covariance(cell, theory, fe, fi):
    """Return the covariance of the conductance and the potential (nS mV) to second order, at each point."""
    T_m = cell.C_m / (cell.g_L * theory.mu_G)
    found = 0.0
    for s, rate in enumerate((fe, fi)):
        Q, T, f = cell.weight[s], cell.tau_syn[s], rate * cell.in_degree[s] * 1e-3
        U = Q / (cell.g_L * theory.mu_G) * (cell.E_rev[s] - theory.mu_V)
        found = found + f * Q * U * T**2 / (2.0 * (T + T_m))
    return found


def test_moments_are_those_of_shot_noise(free):
    """Also under a current, which shifts the mean and with it the driving forces.

    The theory's mean takes conductance and potential as independent, which they are not: -cov / mu_G in
    closed form, 0.1 to 0.5 mV here. What is left is of third order, 0.03 mV, and four standard errors of
    8 x 9.8 s; 5 % of the SD; of the time, whose standard error is 3.5 %, 14 %.
    """
    found, cell, theory, fe, fi = free
    mean = theory.mu_V - covariance(cell, theory, fe, fi) / (cell.g_L * theory.mu_G)
    error = theory.sigma_V * np.sqrt(2.0 * theory.T_V / (8 * 9800.0))
    assert (abs(found["v_mean"].mean(axis=1) - mean) < 0.03 + 4.0 * error).all()
    assert abs(theory.mu_V - mean).max() > 0.4  # which the test would see
    np.testing.assert_allclose(found["v_sd"].mean(axis=1), theory.sigma_V, rtol=0.05)
    np.testing.assert_allclose(found["tau_v"].mean(axis=1), theory.T_V, rtol=0.14)
    assert (found["rate"] == 0.0).all()
    assert np.isnan(found["cv_isi"]).all()


@pytest.mark.parametrize(("fe", "fi"), [(12.0, 2.0), (14.0, 3.0)])
def test_rate_and_cv_are_siegerts_with_the_barrier_shift_of_the_step(fe, fi):
    """Jumps of 0.1 and -0.5 mV onto cells of Brunel 2000: 1000 and 250 synapses each.

    Threshold and reset are higher by 0.5826 sigma sqrt(dt / tau). 3 % and 4 %: jumps are not small.
    """
    cell = cell_of("lif_psc", "Brunel")
    network = models.RandomNetwork(
        populations={"E": models.Population(cell)},
        N=12_500,
        inhibitory_fraction=0.2,
        p_connect=0.1,
        exc=models.DeltaPotential(0.1),
        inh=models.DeltaPotential(-0.5),
    )
    protocol = PotentialMoments(duration=20_000.0, dt=0.05, discard=200.0, exclude=0.0, **SETTINGS)
    n = 32
    points = {"fe": np.full(n, fe), "fi": np.full(n, fi), "i_ext": np.zeros(n), "seed": np.arange(n)}
    found = protocol(network, points, {})
    tau = cell.C_m / cell.g_L
    mu = tau * 1e-3 * (0.1 * 1000 * fe - 0.5 * 250 * fi)
    sigma = np.sqrt(tau * 1e-3 * (0.01 * 1000 * fe + 0.25 * 250 * fi))
    shift = 0.5826 * sigma * np.sqrt(0.05 / tau)
    args = (mu, sigma, tau, cell.V_th - cell.E_L + shift, cell.V_reset - cell.E_L + shift, cell.t_ref)
    assert found["rate"].mean() == pytest.approx(siegert_rate(*args), rel=0.03)
    assert found["cv_isi"].mean() == pytest.approx(siegert_cv(*args), rel=0.04)


def test_what_follows_a_spike_is_not_counted():
    """A cell that fires regularly under a current: 20 ms after a spike it is near V_th."""
    words = ("neuron=lif", "network=fs_rs", "network.populations=[LIF]", "protocol=potential_moments")
    job = make_job(ss.load(*words, "protocol.duration=2000.0"))[0]
    points = {"fe": np.zeros(1), "fi": np.zeros(1), "i_ext": np.full(1, 110.0), "seed": np.zeros(1)}
    found = {name: float(values[0, 0]) for name, values in job.protocol(job.network, points, {}).items()}
    cell, tau, top = job.network.cells["LIF"], 15.0, -60.0 + 11.0
    period = cell.t_ref + tau * np.log(11.0)
    t = np.linspace(20.0 - cell.t_ref, period - cell.t_ref, 10_000)
    v = top - 11.0 * np.exp(-t / tau)
    assert found["rate"] == pytest.approx(1e3 / period, abs=0.6)  # a spike in 1.8 s
    assert found["cv_isi"] < 0.01
    assert found["v_mean"] == pytest.approx(v.mean(), abs=0.05)
    assert found["v_sd"] == pytest.approx(v.std(), abs=0.05)
