"""Jackknife, response-response bound and phase: Gaussian channels, whose information is known."""

import numpy as np
import pytest

from spikesweep.analysis import information as info
from spikesweep.analysis.information_bounds import (
    delay_of,
    information_estimate,
    jackknifed,
    phase_response,
    response_coherence,
)
from spikesweep.errors import InputError

DT, NPERSEG = 1.0, 256  # ms: bins of 3.90625 Hz
BAND = (100.0, 300.0)
N_BINS = len(info.bins(*BAND, 1e3 / (NPERSEG * DT)))


def channel(n, snr, seed):
    """Return a white stimulus and a response with white noise of a ratio of powers."""
    rng = np.random.default_rng(seed)
    s = rng.standard_normal(n)
    return s, s + rng.standard_normal(n) / np.sqrt(snr)


def capacity(snr):
    """Return the information of the band's bins (bits/s): B log2(1 + SNR)."""
    return N_BINS * 1e3 / (NPERSEG * DT) * np.log2(1.0 + snr)


def test_the_whole_is_that_of_the_welch_spectra():
    s, r = channel(20_000, 1.0, 0)
    found, welch = jackknifed(s, r, DT, NPERSEG), info.spectra(s, r, DT, NPERSEG)
    np.testing.assert_allclose(found.coherence[1:], welch.coherence[1:], rtol=1e-9)
    value = information_estimate(found, *BAND).value
    assert value == pytest.approx(float(info.information(welch.coherence, *BAND)), rel=1e-9)


def test_information_of_a_gaussian_channel_without_its_bias():
    """39 segments: the plain estimate is too high, the jackknife within four standard errors."""
    found = [
        information_estimate(jackknifed(*channel(5_000, 1.0, seed), DT, NPERSEG), *BAND)
        for seed in range(100)
    ]
    plain, unbiased = (np.mean([getattr(x, name) for x in found]) for name in ("value", "unbiased"))
    spread = np.std([x.unbiased for x in found])
    assert plain > capacity(1.0) * 1.02
    assert abs(unbiased - capacity(1.0)) < 4.0 * spread / 10.0
    # overlapping segments share power, so that errors are too small by some percent; SDs are known to 7 %
    assert np.mean([x.error for x in found]) == pytest.approx(np.std([x.value for x in found]), rel=0.3)


def test_bounds_of_coherence_hold_the_truth_in_two_of_three_bins():
    inside = []
    for seed in range(40):
        found = jackknifed(*channel(10_000, 1.0, seed), DT, NPERSEG).isel(frequency=slice(5, 120))
        inside.append(float(((found.low < 0.5) & (found.high > 0.5)).mean()))
    assert np.mean(inside) == pytest.approx(0.68, abs=0.06)


def test_linear_responses_have_no_more_than_the_stimulus_tells():
    """A Gaussian channel: gamma_rr = SNR / (1 + SNR) = gamma_sr^2, and both bounds meet."""
    rng = np.random.default_rng(1)
    s = rng.standard_normal(50_000)
    trials = s + rng.standard_normal((20, len(s))) / np.sqrt(2.0)
    gamma = response_coherence(trials, DT, NPERSEG)
    assert float(gamma.isel(frequency=slice(5, 120)).mean()) == pytest.approx(2.0 / 3.0, abs=0.005)
    upper = float(info.information(gamma, *BAND))
    assert upper == pytest.approx(capacity(2.0), rel=0.02)
    lower = float(info.information(info.spectra(s, trials[0], DT, NPERSEG).coherence, *BAND))
    assert lower == pytest.approx(upper, rel=0.03)


def test_responses_to_the_square_are_seen_by_themselves_alone():
    rng = np.random.default_rng(2)
    s = rng.standard_normal(50_000)
    trials = s**2 / np.sqrt(2.0) + rng.standard_normal((10, len(s)))
    gamma = response_coherence(trials, DT, NPERSEG).isel(frequency=slice(5, 120))
    assert float(gamma.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(info.spectra(s, trials[0], DT, NPERSEG).coherence[5:120].mean()) < 0.01
    nothing = response_coherence(rng.standard_normal((10, 50_000)), DT, NPERSEG)
    assert float(nothing.mean()) < 0.02


def test_a_delay_is_the_slope_of_the_phase():
    """Three samples of 1 ms: -2 pi f 3 ms, which passes pi at 167 Hz."""
    s, r = channel(50_000, 4.0, 3)
    found = info.spectra(s[3:], r[:-3], DT, NPERSEG)
    assert delay_of(found.transfer, found.coherence, 20.0, 480.0) == pytest.approx(3.0, abs=0.01)
    f = found.frequency.values
    np.testing.assert_allclose(
        phase_response(found.transfer)[5:120], -2e-3 * np.pi * f[5:120] * 3.0, atol=0.2
    )


def test_refusals():
    with pytest.raises(InputError, match=r"nperseg = 256 gives 1 segments of 300 samples; allowed: two"):
        jackknifed(np.zeros(300), np.zeros(300), DT, NPERSEG)
    with pytest.raises(InputError, match=r"shape \(1, 600\); allowed: \(trials, samples\)"):
        response_coherence(np.zeros((1, 600)), DT, NPERSEG)
    with pytest.raises(InputError, match=r"band 1-2 Hz holds no bin"):
        information_estimate(jackknifed(*channel(2000, 1.0, 0), DT, NPERSEG), 1.0, 2.0)
