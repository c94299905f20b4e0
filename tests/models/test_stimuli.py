"""Noise that is drawn: normal numbers, band-limited and low-pass stimuli."""

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.random import RandomState
from scipy import signal, stats

from spikesweep.errors import InputError
from spikesweep.kernels.random.normals import Normals, of_turns
from spikesweep.models import BandLimitedNoise, ButterLowpass
from spikesweep.models.inputs.band_limited_noise import band_limited_noise

DT = 0.01


def test_sine_and_cosine_are_those_of_the_library_up_to_its_rounding():
    turns = np.concatenate([np.random.default_rng(0).random(20_000), np.arange(1, 8) / 8])
    ours = np.array([of_turns(t) for t in turns])
    exact = np.exp(2j * np.pi * turns)
    assert abs(ours[:, 0] - exact.real).max() < 1e-15
    assert abs(ours[:, 1] - exact.imag).max() < 1e-15


def test_normals_are_normal_and_independent():
    """Moments of 4e5 numbers within 4 standard errors; Kolmogorov-Smirnov at 1e-3."""
    n = 400_000
    x = Normals(np.uint64(3)).standard_normal(n)
    assert abs(x.mean()) < 4 / np.sqrt(n)
    assert abs(x.var() - 1.0) < 4 * np.sqrt(2 / n)
    assert abs((x**4).mean() - 3.0) < 4 * np.sqrt(96 / n)
    assert abs((x[1:] * x[:-1]).mean()) < 4 / np.sqrt(n)
    assert stats.kstest(x, "norm").pvalue > 1e-3
    assert abs(x).max() > 4.0


def test_normals_depend_on_key_and_number_alone():
    whole = Normals(np.uint64(7)).standard_normal(11)
    stream = Normals(np.uint64(7))
    parts = [stream.standard_normal(3), [stream.standard_normal()], stream.standard_normal(7)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert len(set(whole) & set(Normals(np.uint64(8)).standard_normal(11))) == 0


def test_band_limited_noise_equals_the_reference():
    table = pd.read_csv(REFERENCE / "population_whitenoise.csv")
    assert len(table) == 3
    for row in table.itertuples():
        x = band_limited_noise(RandomState(row.seed), row.lo_hz, row.up_hz, row.n, DT)
        ours = [x.mean(), x.std(), x.min(), x.max(), x[0], x[1], x[2], x[100], x[-1]]
        theirs = [row.mean, row.sd, row.min, row.max, row.x0, row.x1, row.x2, row.x_100, row.x_last]
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
        f, power = signal.welch(x, fs=1e5, nperseg=2**14)
        inside = (f >= row.lo_hz - 2 * f[1]) & (f <= row.up_hz + 2 * f[1])
        assert power[inside].sum() / power.sum() > 0.9995


def by_definition(seed, low, high, n):
    """Return the noise of the public script, with its draws and its arithmetic."""
    dt, rng = DT * 1e-3, RandomState(seed)
    nn = int(2 ** np.ceil(np.log2(n)))
    k0, k1 = (int(np.clip(np.round(dt * nn * f), 0, nn / 2)) for f in (low, high))
    scale = 0.5 / np.sqrt(float(k1 - k0))
    spectrum = np.zeros(nn // 2 + 1, complex)
    if k0 == 0:
        spectrum[0] = rng.randn()
        k0 = 1
    if k1 >= nn // 2:
        spectrum[nn // 2] = rng.randn()
        k1 = nn // 2 - 1
    m = k1 - k0 + 1
    spectrum[k0 : k1 + 1] = rng.randn(m) + 1j * rng.randn(m)
    return np.fft.irfft(spectrum)[:n] * scale * nn


@pytest.mark.parametrize(
    ("low", "high"), [(0, 50_000), (100, 50_000), (0, 1e6), (40_000, 50_000), (100, 101.5), (0, 1.6)]
)
def test_noise_up_to_nyquist_and_of_a_few_bins(low, high):
    for seed in (0, 5):
        ours = band_limited_noise(RandomState(seed), low, high, 100_000, DT)
        np.testing.assert_allclose(ours, by_definition(seed, low, high, 100_000), rtol=1e-12, atol=1e-13)


def test_noise_of_three_bins_has_half_as_much_variance_again():
    """Expected variance m / (k1 - k0) over 200 seeds, whose standard error is its SD / sqrt(200)."""
    df = 1.0 / (8192 * DT * 1e-3)
    variances = [
        np.mean(band_limited_noise(RandomState(s), 20 * df, 22 * df, 8192, DT) ** 2) for s in range(200)
    ]
    assert abs(np.mean(variances) - 1.5) < 4 * np.std(variances, ddof=1) / np.sqrt(200)


def test_noise_can_be_of_exactly_unit_variance_and_from_any_generator():
    x = band_limited_noise(np.random.default_rng(0), 0.0, 100.0, 20_000, DT, normalise=True)
    assert x.std() == pytest.approx(1.0, rel=1e-12)
    assert not np.array_equal(x, band_limited_noise(np.random.default_rng(1), 0.0, 100.0, 20_000, DT))


@pytest.mark.parametrize(("low", "high"), [(100.0, 100.0), (100.0, 100.1), (60_000.0, 70_000.0)])
def test_a_band_without_bins_is_refused(low, high):
    with pytest.raises(InputError, match="allowed: wider"):
        band_limited_noise(RandomState(0), low, high, 200_000, DT)


def test_low_pass_noise_has_its_power_below_the_cutoff():
    stimulus = ButterLowpass(rng="legacy", order=8, normalise=False)
    x = stimulus.samples(RandomState(1), 0.0, 200.0, 200_000, DT)
    assert x[0] == pytest.approx(x.mean(), abs=1e-3)
    f, power = signal.welch(x, fs=1e5, nperseg=2**14)
    below, above = power[(f > 20) & (f < 150)].mean(), power[f > 300].mean()
    assert below > 1e5 * above
    # white noise of unit variance has the density 2 / fs
    assert below == pytest.approx(2e-5, rel=0.2)
    normalised = ButterLowpass(rng="legacy", order=8, normalise=True)
    assert normalised.samples(RandomState(1), 0.0, 200.0, 20_000, DT).std() == pytest.approx(1.0)
    with pytest.raises(InputError, match="from 0 to a cutoff"):
        stimulus.samples(RandomState(1), 100.0, 200.0, 20_000, DT)


def test_a_stimulus_is_its_function():
    x = BandLimitedNoise(rng="labels", normalise=False).samples(Normals(np.uint64(1)), 0.0, 90.0, 5000, DT)
    y = band_limited_noise(Normals(np.uint64(1)), 0.0, 90.0, 5000, DT)
    assert np.array_equal(x, y)
    assert 0.3 < x.std() < 3.0
