"""SDs of population rates as a mean field means them: of Poisson cells, and without recurrence."""

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis.plots.population_fluctuations import beside
from spikesweep.analysis.population_fluctuations import (
    filtered_rates,
    mean_field_fluctuations,
    network_fluctuations,
)
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK, SATURATED


def swept(rates, width, status=None):
    """Return a sweep of networks with these rates, shape (seed, population, bins), as a store opens it."""
    ds = xr.Dataset(
        {"population_rate": (("seed", "population", "time_bin"), np.asarray(rates, float))},
        {"population": ["RS", "FS"], "time_bin": np.arange(np.shape(rates)[-1]) * width},
    )
    return ds.assign(status=("seed", np.full(len(rates), OK) if status is None else status)).chunk(seed=1)


def poisson(width, seconds, F=(5.0, 20.0), N=(800, 200)):
    """Return the rates of two populations of Poisson cells in time bins."""
    rng = np.random.default_rng(7)
    n = round(1e3 * seconds / width)
    shares = np.array(N) * width * 1e-3
    return (rng.poisson((np.array(F) * shares)[:, None], (2, n)) / shares[:, None])[None]


@pytest.mark.parametrize("width", [0.5, 2.5])
def test_poisson_cells_have_half_the_variance_of_bins_of_T(width):
    """100 s: the variance of an exponential's output has the relative error sqrt(2 T / duration) = 1 %."""
    T, F, N = 5.0, np.array([5.0, 20.0]), np.array([800, 200])
    ds = network_fluctuations(swept(poisson(width, 100.0), width), T, 100.0).squeeze("seed")
    x = width / (2.0 * T)
    expected = F / (2.0 * N * T * 1e-3) * np.tanh(x) / x
    np.testing.assert_allclose(ds.sd**2, expected, rtol=4.0 * np.sqrt(2.0 * T / 100e3))
    np.testing.assert_allclose(ds.rate, F, rtol=0.01)
    assert abs(float(ds.correlation.sel(population="RS", other="FS"))) < 4.0 * np.sqrt(T / 100e3)
    in_bins = poisson(T, 100.0)[0].var(axis=1)
    np.testing.assert_allclose(
        in_bins / (F / (2.0 * N * T * 1e-3)), 2.0, rtol=0.04
    )  # 4 sqrt(2 / bins), 20 000


def test_measures_are_those_of_a_loop():
    rates = np.random.default_rng(0).gamma(2.0, 2.0, (3, 2, 300))
    ds = swept(rates, 1.0, [OK, SATURATED, OK])
    found = network_fluctuations(ds, 4.0, 50.0)
    y = rates.copy()
    for k in range(1, 300):
        y[..., k] = np.exp(-0.25) * y[..., k - 1] + (1.0 - np.exp(-0.25)) * rates[..., k]
    for seed in (0, 2):
        np.testing.assert_allclose(filtered_rates(ds, 4.0).isel(seed=seed), y[seed], rtol=1e-12)
        expected = np.cov(y[seed, :, 50:], ddof=0)
        one = found.isel(seed=seed)
        np.testing.assert_allclose(one.covariance.transpose("population", "other"), expected, rtol=1e-10)
        np.testing.assert_allclose(one.sd, np.sqrt(np.diag(expected)), rtol=1e-10)
        np.testing.assert_allclose(one.rate, y[seed, :, 50:].mean(axis=1), rtol=1e-12)
        assert float(one.correlation.sel(population="RS", other="FS")) == pytest.approx(
            np.corrcoef(y[seed, :, 50:])[0, 1]
        )
    assert all(bool(found[name].isel(seed=1).isnull().all()) for name in found.data_vars)


@pytest.mark.parametrize(
    ("width", "T", "discard", "message"),
    [
        (5.0, 5.0, 0.0, "T = 5.0 ms is refused with time bins of 5 ms; allowed: from 10 ms on"),
        (1.0, 0.0, 0.0, "T = 0.0 ms"),
        (1.0, 5.0, 260.0, "discard = 260.0 ms leaves less than 10 T"),
    ],
)
def test_what_has_no_fluctuations_is_refused(width, T, discard, message):
    with pytest.raises(InputError, match=message):
        network_fluctuations(swept(np.ones((1, 2, 300)), width), T, discard)


@pytest.fixture(scope="module")
def second_order(tmp_path_factory):
    words = ("protocol=mean_field", "protocol.order=2", "grid.ext_drive=[2,4]", "grid.time=[0]")
    words += ("protocol.settle=50.0", "compute=serial", f"outputs={tmp_path_factory.mktemp('mean_field')}")
    return ss.run(ss.load(*words)).load()


def test_a_mean_field_has_the_same_measures(second_order):
    found = mean_field_fluctuations(second_order).sel(drive=4.0).squeeze()
    c = second_order.covariance.sel(ext_drive=4.0).values.ravel()
    assert c[0] > 0.0
    both = found.covariance.transpose("population", "other")
    np.testing.assert_array_equal(both, [[c[0], c[1]], [c[1], c[2]]])
    np.testing.assert_allclose(found.sd, np.sqrt(c[[0, 2]]))
    correlation = float(found.correlation.sel(population="FS", other="RS"))
    assert correlation == pytest.approx(c[1] / np.sqrt(c[0] * c[2]))
    with pytest.raises(InputError, match=r"protocol\.order = 1 has no covariances"):
        mean_field_fluctuations(second_order.assign(covariance=0.0 * second_order.covariance))


@pytest.mark.slow  # 3 s
def test_a_network_without_recurrence_has_the_variance_of_its_spikes(tmp_path):
    """Cells of di Volo et al. at rates of their network, 200 and 50 of them, 20 s: without connections.

    Independent stationary cells have the variance F / (2 N T) (1 + 2 (h - F T)). h is the Laplace transform
    at 1 / T of their rate after a spike: 0 where none fires again within T, F T of Poisson cells, and between
    them while a spike makes the next one rarer. So it is 1 - 2 F T to 1 of F / (2 N T); 1 - F T, the mean
    field's, is the middle. The relative error of a variance is sqrt(2 T / duration) = 2.2 %; four are added.
    Observed: RS at 4.45 Hz 0.959 (0.978 by the mean field), FS at 17.8 Hz 0.854 (0.911).
    """
    inhibition = (
        "{_target_: spikesweep.models.PoissonDrive, rate: 17.6, shape: null, n: {RS: 100, FS: 100}, "
        "like: inh, synapse: null, weight: 1.0}"
    )
    words = ("neuron=di_volo", "network=di_volo", "network.populations=[RS,FS]", "protocol=spiking_network")
    words += (
        "network.N=250",
        "network.p_connect=0.0",
        "network.drives.external.rate=7.9",
        "protocol.bin=0.5",
    )
    words += ("network.drives.external.n={RS:400,FS:400}", f"+network.drives.inhibition={inhibition}")
    words += (
        "protocol.duration=20500.0",
        "protocol.discard=500.0",
        "protocol.record=[]",
        "protocol.neurons=[]",
    )
    words += ("protocol.record_spikes=false", "compute=serial", f"outputs={tmp_path}")
    T, N = 5.0, np.array([200, 50])
    found = network_fluctuations(ss.run(ss.load(*words)), T, 500.0).squeeze()
    F = found.rate.values
    assert (F > 3.0).all()
    share = found.sd.values**2 / (F / (2.0 * N * T * 1e-3))
    error = 4.0 * np.sqrt(2.0 * T / 20e3)
    assert (share < 1.0 + error).all()
    assert (share > 1.0 - 2.0 * F * T * 1e-3 - error).all()
    assert abs(float(found.correlation.sel(population="RS", other="FS"))) < 4.0 * np.sqrt(T / 20e3)


def test_the_figure_shows_both(second_order):
    theory = mean_field_fluctuations(second_order)
    rates = np.concatenate([poisson(0.5, 0.5), poisson(0.5, 0.5)])
    own = network_fluctuations(swept(rates, 0.5), 5.0, 100.0).expand_dims(drive=[2.0, 4.0])
    fig = beside(own, theory)
    rate, sd, correlation = fig.axes
    line = next(line for line in sd.lines if line.get_label() == "RS")
    np.testing.assert_allclose(np.asarray(line.get_ydata()), theory.sd.sel(population="RS").squeeze())
    assert [text.get_text() for text in sd.get_legend().texts] == ["RS", "FS"]
    assert sd.get_xlabel() == "drive (Hz)"
    assert correlation.get_ylabel() == "correlation of RS and FS"
    assert fig.get_supxlabel() == "bars: standard error over 2 seeds"
    assert rate.get_ylim()[0] == 0.0
