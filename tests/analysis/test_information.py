"""Coherence and information: of the reference trains, of closed forms, and by the compiled kernels."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import REFERENCE
from scipy.stats import binom, hypergeom

from spikesweep.analysis import information as info
from spikesweep.errors import InputError
from spikesweep.kernels.statistics import segment_spectra as kernels
from spikesweep.models.networks.afferents import Conduction

NPERSEG = (8192, 16384, 32768)


@pytest.fixture(scope="module")
def case():
    """Return dt (ms), stimulus, band and trains (steps) of the reference."""
    z = np.load(REFERENCE / "population_mi_case.npz")
    trains = [z["spike_steps"][a:b] for a, b in zip(z["offsets"][:-1], z["offsets"][1:], strict=True)]
    return float(z["dt"]) * 1e3, z["stim_q"] * z["stim_scale"], z["band"].astype(float), trains


def joined(trains):
    return kernels.Trains.of_sizes(np.concatenate(trains), np.array([len(train) for train in trains]))


def of_kernels(case, nperseg, sigma, order, shifts, sizes, *, one_by_one=False):
    dt, stimulus, (low, high), trains = case
    df = 1e3 / (nperseg * dt)
    w = kernels.welch(len(stimulus), nperseg, info.bins(low, high, df), info.gaussian(sigma, dt))
    spectra = kernels.segment_spectra(w, stimulus)[np.newaxis]
    args = w, joined(trains), order, shifts
    if one_by_one:
        coherence = np.concatenate([kernels.sum_coherence(*args, n, spectra) for n in sizes], axis=1)
    else:
        coherence = kernels.nested_coherence(*args, np.array(sizes), spectra)
    return kernels.information(coherence[0], df)


def test_information_of_the_reference_trains(case):
    """The stimulus of the file is rounded to 16 bits, hence 1e-6 and not rounding alone."""
    dt, stimulus, (low, high), trains = case
    table = pd.read_csv(REFERENCE / "population_mi_expected.csv")
    assert len(table) == 10
    for row in table.itertuples():
        n = row._1
        conduction = Conduction(float(row.density_per_m), float(row.velocity_m_s))
        sigma = row.kernel_sigma_s * 1e3
        times = [train * dt for train in trains[:n]]
        rate = info.population_rate(times, len(stimulus), dt, sigma, conduction.delays(np.arange(n)))
        assert rate.mean() == pytest.approx(row.mean_rate_hz, rel=1e-6)
        assert rate.std() == pytest.approx(row.sd_rate_hz, rel=1e-6)
        shifts = np.rint(conduction.delays(np.arange(n)) / dt).astype(np.int64)
        for nperseg in NPERSEG:
            expected = getattr(row, f"mi_nperseg{nperseg}")
            coherence = info.spectra(stimulus, rate, dt, nperseg).coherence
            assert float(info.information(coherence, low, high)) == pytest.approx(expected, rel=1e-6)
            (ours,) = of_kernels(case, nperseg, sigma, np.arange(n), shifts, [n])
            assert ours == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 2.5])
@pytest.mark.parametrize("nperseg", [4096, 5000, 9999])
def test_kernels_equal_scipy(case, nperseg, sigma):
    """Any segments, kernel and order; late spikes beyond the end, early ones before the start."""
    dt, stimulus, (low, high), trains = case
    rng = np.random.default_rng(nperseg)
    order, shifts, sizes = rng.permutation(24), rng.integers(-3000, 9000, 24), [1, 2, 9, 24]
    ours = of_kernels(case, nperseg, sigma, order, shifts, sizes)
    again = of_kernels(case, nperseg, sigma, order, shifts, sizes, one_by_one=True)
    np.testing.assert_allclose(again, ours, rtol=1e-11)
    for size, value in zip(sizes, ours, strict=True):
        times = [trains[k] * dt for k in order[:size]]
        rate = info.population_rate(times, len(stimulus), dt, sigma, shifts[:size] * dt)
        coherence = info.spectra(stimulus, rate, dt, nperseg).coherence
        assert value == pytest.approx(float(info.information(coherence, low, high)), rel=1e-9)


def test_sizes_are_nested(case):
    order, shifts = np.arange(24)[::-1], np.arange(24) * 7
    many = of_kernels(case, 8192, 1.25, order, shifts, [1, 3, 5, 20])
    few = of_kernels(case, 8192, 1.25, order, shifts, [3, 20])
    assert many[[1, 3]].tolist() == few.tolist()
    assert (np.diff(many) != 0.0).all()


def test_coherence_of_one_train_from_many(case):
    """Averaged spectra of all trains: nearer to the truth than the mean of the trains' own coherences."""
    dt, stimulus, (low, high), trains = case
    df = 1e3 / (8192 * dt)
    w = kernels.welch(len(stimulus), 8192, info.bins(low, high, df), info.gaussian(1.25, dt))
    ours = kernels.pool_coherence(w, joined(trains), kernels.segment_spectra(w, stimulus))
    found = [
        info.spectra(stimulus, info.population_rate([t * dt], len(stimulus), dt, 1.25), dt, 8192)
        for t in trains
    ]
    mean = xr.concat(found, "train").mean("train").isel(frequency=w.bins)
    by_scipy = abs(mean.S_sr) ** 2 / (mean.S_ss * mean.S_rr)
    np.testing.assert_allclose(ours, by_scipy, rtol=1e-9)
    assert (ours < mean.coherence.values).mean() > 0.8  # the bias of few segments is gone


def test_delays_are_those_of_the_reference():
    table = pd.read_csv(REFERENCE / "population_delays.csv")
    assert len(table) == 16
    for row in table.itertuples():
        delay = Conduction(row.density_per_m, row.velocity_m_s).delays([row.position])
        assert delay[0] * 1e-3 == pytest.approx(row.delay_s, rel=1e-15)


def test_a_noisy_copy_has_its_closed_form():
    """gamma^2 = 1 / (1 + r) for a ratio r of noise to signal; bias and scatter of 127 segments: 4 SE."""
    rng = np.random.default_rng(1)
    s = rng.standard_normal(2**18)
    rate = 3.0 * s + 2.0 * rng.standard_normal(2**18)
    found = info.spectra(s, rate, dt=1.0, nperseg=4096)
    c, segments = 1.0 / (1.0 + 4.0 / 9.0), 127
    values = found.coherence.sel(frequency=slice(1.0, 499.0)).values
    error = c * (1 - c) * np.sqrt(2.0 / (c * segments)) / np.sqrt(len(values) / 2)
    assert abs(values.mean() - c - (1 - c) ** 2 / segments * 1.06) < 4 * error
    bits = float(info.information(found.coherence, 100.0, 300.0))
    assert bits == pytest.approx(-200.0 * np.log2(1 - c), rel=0.03)
    assert abs(found.transfer.sel(frequency=slice(1.0, 499.0))).mean() == pytest.approx(3.0, rel=0.01)


def test_bands_add_up_and_zero_is_left_out():
    f = np.arange(0.0, 401.0, 5.0)
    coherence = xr.DataArray(np.linspace(0.9, 0.1, len(f)), {"frequency": f}, "frequency")
    found = info.informations(coherence, [0.0, 100.0, 200.0, 300.0])
    assert found.band.values.tolist() == ["0-100", "100-200", "200-300", "total"]
    assert float(found[:3].sum()) == pytest.approx(float(found[3]), rel=1e-12)
    with_zero = info.information(coherence, 0.0, 100.0, include_zero=True)
    without = info.information(coherence, 0.0, 100.0)
    assert float(with_zero - without) == pytest.approx(-5.0 * np.log2(0.1))


@pytest.mark.parametrize(
    ("low", "high", "df", "numbers"),
    [(0.0, 100.0, 5.0, range(1, 21)), (100.0, 200.0, 0.1, range(1000, 2001)), (0.0, 3.0, 5.0, [])],
)
def test_bins_on_an_edge_belong_to_the_band(low, high, df, numbers):
    assert info.bins(low, high, df).tolist() == list(numbers)
    assert info.bins(low, high, df, include_zero=True).tolist() == ([0] if low == 0 else []) + list(numbers)


def test_attenuation_is_that_of_delayed_sines():
    f = xr.DataArray([0.0, 37.0, 250.0, 1e3 / 0.07], dims="frequency")
    n, d = 31, 0.07
    sums = np.array([abs(np.exp(-2j * np.pi * x * np.arange(n) * d * 1e-3).mean()) for x in f.values])
    np.testing.assert_allclose(info.attenuation(f, n, d), sums, atol=1e-12)
    assert (info.attenuation(f, n, 0.0) == 1.0).all()


def test_one_cell_is_predicted_as_it_is():
    f = np.arange(1.0, 100.0)
    coherence = xr.DataArray(np.full(len(f), 0.3), {"frequency": f}, "frequency")
    one = info.linear_response(coherence, 1, 0.5, 0.0, 50.0)
    assert float(one) == pytest.approx(float(info.information(coherence, 0.0, 50.0)))
    assert float(info.linear_response(coherence, 10, 0.0, 0.0, 50.0)) == pytest.approx(
        50.0 * np.log2(1.0 + 10.0 * 0.3 / 0.7)
    )


def test_measures_of_responses():
    rates = np.array([[1.0, 3.0, 5.0], [3.0, 5.0, 7.0]])
    assert info.response_modulation(rates) == pytest.approx(np.std([2.0, 4.0, 6.0]))
    assert info.variability(rates) == pytest.approx(1.0)
    train = np.arange(0.0, 1000.0, 8.0)
    assert info.isi_cv(train) == 0.0
    assert np.isnan(info.isi_cv([1.0, 2.0]))
    assert info.vector_strength(train, 125.0) == pytest.approx(1.0)
    assert info.vector_strength(train, 77.0) < 0.1
    f = np.arange(0.0, 101.0)
    transfer = xr.DataArray(1.0 / (1.0 + 1j * f / 20.0), {"frequency": f}, "frequency")
    assert info.cutoff(transfer, 0.0, 100.0) == pytest.approx(
        21.0
    )  # the first bin below: gain at 1 Hz is the peak
    assert np.isnan(info.cutoff(transfer, 0.0, 10.0))
    rows = info.trial_rates([train, train + 1.0], 1000, 1.0, 2.0)
    assert rows.shape == (2, 1000)
    assert rows[:, 100:900].mean() == pytest.approx(125.0, rel=0.01)


def test_what_cannot_be_measured_is_refused():
    f = xr.DataArray([1.0, 2.0, 4.0], dims="frequency")
    with pytest.raises(InputError, match="evenly"):
        info.information(xr.DataArray([0.1] * 3, {"frequency": f}, "frequency"), 0.0, 4.0)
    even = xr.DataArray([0.1] * 3, {"frequency": [0.0, 10.0, 20.0]}, "frequency")
    with pytest.raises(InputError, match="no bin"):
        info.information(even, 1.0, 9.0)
    with pytest.raises(InputError, match="differ"):
        info.spectra(np.zeros(10), np.zeros(9), 1.0, 4)
    with pytest.raises(InputError, match="one segment"):
        info.spectra(np.zeros(100), np.zeros(100), 1.0, 100)
    with pytest.raises(InputError, match="one a train"):
        info.population_rate([[1.0]], 10, 1.0, 1.0, delays=[0.0, 1.0])


def cells():
    """Return what the linear prediction reads of a sweep: two bands of bins that are 10 Hz apart."""
    return xr.Dataset(
        {"cell_coherence": (("band", "frequency"), np.full((2, 5), 0.5)), "delay_step": ("condition", [0.0])},
        {
            "band": ["0-20", "20-60"],
            "frequency": [10.0, 20.0, 30.0, 40.0, 50.0],
            "band_low": ("band", [0.0, 20.0]),
            "band_high": ("band", [20.0, 60.0]),
            "pop_size": [1, 3],
        },
    )


def test_prediction_needs_the_coherence_of_the_whole_band():
    ds = cells()
    with pytest.raises(InputError, match=r"no coherence above 50 Hz; .*coherence_to = 60"):
        info.predicted(ds)
    found = info.predicted(ds.isel(band=[0]))
    np.testing.assert_allclose(found.squeeze(), [2 * 10.0 * np.log2(2.0), 2 * 10.0 * np.log2(4.0)])
    ds["cell_coherence"][0] = np.nan
    assert info.predicted(ds.isel(band=[0])).isnull().all()


def test_information_of_nothing_is_nothing_and_without_noise_endless():
    f = xr.DataArray([10.0, 20.0, 30.0], dims="frequency")
    c = xr.DataArray([0.5, np.nan, 1.0 + 1e-15], {"frequency": f}, "frequency")
    assert np.isnan(info.information(c, 0.0, 20.0))
    assert np.isposinf(info.information(c, 30.0, 30.0))


def test_a_disc_has_the_attenuation_of_its_sums_and_of_the_integral():
    """2 |(1 + i X) exp(-i X) - 1| / X^2 at X = 2 pi f R / v: a uniform disc; to 1 % with 4000 cells."""
    frequency = xr.DataArray([10.0, 100.0, 300.0], dims="frequency")
    delays = 0.1 * np.sqrt(np.arange(4000) / np.pi)  # ms
    kept = info.disc_attenuation(frequency, xr.DataArray([1, 5, 4000], dims="pop_size"), 0.1)
    for n in (1, 5, 4000):
        waves = np.exp(-2e-3j * np.pi * frequency.values[:, np.newaxis] * delays[:n])
        ours = kept.isel(pop_size=[1, 5, 4000].index(n)).transpose("frequency")
        np.testing.assert_allclose(ours, abs(waves.mean(axis=1)), rtol=1e-9)
    x = 2e-3 * np.pi * frequency.values * 0.1 * np.sqrt(4000 / np.pi)
    expected = 2.0 * abs((1.0 + 1j * x) * np.exp(-1j * x) - 1.0) / x**2
    np.testing.assert_allclose(info.disc_attenuation(frequency, 4000, 0.1), expected, rtol=0.01)


def test_opposed_cells_read_as_all_leave_the_variance_of_their_numbers():
    """n cells of which k are opposed tell as much as n - 2 k; k is binomial, or hypergeometric of a pool."""
    frequency = np.arange(10) * 10.0
    coherence = xr.DataArray(np.full(10, 0.3), {"frequency": frequency}, "frequency")
    rho, width, k = 0.3 / 0.7, 50.0, np.arange(65)
    for share, pool in ((0.0, None), (0.5, None), (1.0, None), (0.25, None), (0.5, 100), (0.25, 64)):
        chance = binom(64, share) if pool is None else hypergeom(pool, int(pool * share), 64)
        expected = width * np.sum(chance.pmf(k) * np.log2(1.0 + rho * (64 - 2 * k) ** 2 / 64))
        found = info.linear_response(coherence, 64, 0.0, 10.0, 50.0, opposed=share, pool=pool)
        assert float(found) == pytest.approx(expected, rel=1e-9)
    all_of_them = info.linear_response(coherence, 64, 0.0, 10.0, 50.0, opposed=0.5, pool=64)
    assert float(all_of_them) == pytest.approx(0.0, abs=1e-9)  # each has one that cancels it


def test_opposed_cells_that_come_late_do_not_cancel():
    """The mean power over all orders of four cells, of which two are opposed and one or none is left out."""
    frequency = np.arange(10) * 10.0
    coherence = xr.DataArray(
        np.full(10, 1e-6), {"frequency": frequency}, "frequency"
    )  # log2(1 + x) is linear
    for n in (3, 4):
        waves = np.exp(2e-3j * np.pi * frequency[1:6, np.newaxis] * 7.0 * np.arange(n))
        powers = [abs(waves @ np.array(order[:n])) ** 2 / n for order in permutations((1, 1, -1, -1))]
        expected = 1e-6 / np.log(2.0) * np.mean(powers, axis=0).sum() * 10.0
        found = info.linear_response(coherence, n, 7.0, 10.0, 50.0, opposed=0.5, pool=4)
        assert float(found) == pytest.approx(expected, rel=1e-4)
