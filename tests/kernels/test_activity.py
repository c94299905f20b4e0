from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesweep.kernels.statistics import activity

DT = 0.1
POPULATION = np.array([0, 0, 0, 1, 1, 2])  # the last population never spikes, the fourth has no cell
N_STEPS, N_DISCARD, BIN = 97, 13, 10


def tallied(neuron, step, cuts=(), n_discard=N_DISCARD, population=POPULATION, n_steps=N_STEPS, width=BIN):
    """Return the tally of spikes that come in chunks; what lies beyond a chunk's count is rubbish."""
    t = activity.no_spikes(population, int(max(population)) + 2, n_steps, n_discard, width)
    bounds = [0, *sorted(cuts), len(step)]
    for a, b in pairwise(bounds):
        rubbish = np.full(3, 2**30)
        chunk = [np.concatenate([x[a:b], rubbish]).astype(np.int32) for x in (neuron, step)]
        activity.tally(t, *chunk, b - a)
    return t


def measures(t, n_steps=N_STEPS):
    return {
        "rate": activity.rates(t, n_steps, DT),
        "cv": activity.interval_cv(t),
        "mean cv": activity.over_cells(t, activity.interval_cv(t))[0],
        "rate over cells": np.array(activity.over_cells(t, activity.rates(t, n_steps, DT))),
        "synchrony": activity.synchrony(t, n_steps),
        "last": activity.last_spike(t, DT),
        "binned": activity.population_rates(t, n_steps, DT),
        "power": activity.spectrum(t, n_steps, DT, 4),
    }


def nothing_or(function, values, least=1):
    return function(values) if len(values) >= least else np.nan


def naive(neuron, step):
    """Return the measures from lists of spikes."""
    trains = [step[neuron == i] for i in range(len(POPULATION))]
    late = [train[train > N_DISCARD] for train in trains]
    found = {"rate": np.array([len(x) for x in late]) / ((N_STEPS - N_DISCARD) * DT * 1e-3)}
    cvs = [nothing_or(lambda x: np.diff(x).std() / np.diff(x).mean(), x, 3) for x in late]
    found["cv"] = np.array(cvs)
    own = [np.flatnonzero(POPULATION == k) for k in range(4)]
    there = [found["cv"][i][~np.isnan(found["cv"][i])] for i in own]
    found["mean cv"] = np.array([nothing_or(np.mean, x) for x in there])
    per_cell = [[nothing_or(f, found["rate"][i]) for i in own] for f in (np.mean, np.std)]
    found["rate over cells"] = np.array(per_cell)
    edges = np.append(np.arange(0, N_STEPS, BIN), N_STEPS) + 0.5  # a spike at the end of a bin is in it
    counts = np.array([np.histogram(step[np.isin(neuron, i)], edges)[0] for i in own])
    whole = counts[:, 2:9]  # 20 < s <= 90
    found["synchrony"] = np.array([x.var() / x.mean() if x.any() else np.nan for x in whole])
    found["last"] = np.array([nothing_or(np.max, step[np.isin(neuron, i)]) * DT for i in own])
    cells = np.array([len(i) or np.nan for i in own])
    found["binned"] = counts / (cells[:, np.newaxis] * np.diff(edges) * DT * 1e-3)
    rate = found["binned"][:, 2:9]
    segments = np.stack([rate[:, k : k + 4] for k in (0, 2)])  # overlap by half; the last bin is left over
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(4) / 4)
    segments = (segments - segments.mean(axis=-1, keepdims=True)) * window
    power = (abs(np.fft.rfft(segments)) ** 2).mean(axis=0) / (1e3 / (BIN * DT)) / (window**2).sum()
    found["power"] = power * [1.0, 2.0, 1.0]  # one-sided: all but 0 and the highest stand for two
    return found


@st.composite
def spikes(draw):
    """Return neuron and step of each spike in the order of time, and where they are cut into chunks."""
    pairs = st.tuples(st.integers(1, N_STEPS), st.integers(0, 4))
    found = sorted(draw(st.sets(pairs, max_size=120)))
    cuts = draw(st.lists(st.integers(0, len(found)), max_size=6))
    step, neuron = np.array(found, np.int64).reshape(-1, 2).T
    return neuron, step, cuts


@given(spikes())
def test_measures_are_those_of_the_lists_of_spikes_however_they_are_cut(given_spikes):
    neuron, step, cuts = given_spikes
    got, whole = (measures(tallied(neuron, step, c)) for c in (cuts, ()))
    expected = naive(neuron, step)
    for name, value in got.items():
        np.testing.assert_array_equal(value, whole[name], err_msg=name)
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-7, err_msg=name)


def test_long_runs_do_not_overflow():
    last = 2**31 - 1
    step = np.array([1, 3, last])  # of squared intervals 2^62
    t = tallied(np.zeros(3, int), step, n_discard=0, n_steps=last, width=2**20)
    intervals = np.diff(step).astype(float)
    assert t.squares[0] == 4 + (last - 3) ** 2
    assert activity.interval_cv(t)[0] == pytest.approx(intervals.std() / intervals.mean(), rel=1e-12)


def test_a_regular_train_has_a_cv_of_exactly_0():
    step = 2**31 - 1 - 12345 * np.arange(100_000, 0, -1)
    t = tallied(np.zeros(len(step), int), step, n_discard=0, n_steps=2**31 - 1, width=2**20)
    assert activity.interval_cv(t)[0] == 0.0


def poisson(n, rate, n_steps, seed=3):
    counted = np.random.default_rng(seed).random((n_steps, n)) < rate * DT * 1e-3
    step, neuron = np.nonzero(counted)
    return neuron, step + 1


def test_independent_poisson_cells():
    """CV and synchrony are 1, the power twice the rate over the number of cells."""
    n, rate, n_steps = 50, 40.0, 100_000
    population = np.zeros(n, int)
    t = tallied(*poisson(n, rate, n_steps), population=population, n_steps=n_steps)
    assert activity.over_cells(t, activity.rates(t, n_steps, DT))[0][0] == pytest.approx(rate, rel=0.03)
    assert activity.over_cells(t, activity.interval_cv(t))[0][0] == pytest.approx(1.0, abs=0.02)
    assert activity.synchrony(t, n_steps)[0] == pytest.approx(1.0, abs=0.06)
    power = activity.spectrum(t, n_steps, DT, 200)[0, 1:]
    assert power.mean() == pytest.approx(2.0 * rate / n, rel=0.06)


def test_power_has_its_peak_at_the_frequency_of_the_population():
    n_steps = 100_000
    time = np.arange(1, n_steps + 1) * DT * 1e-3
    chance = 40.0 * DT * 1e-3 * (1.0 + np.sin(2.0 * np.pi * 120.0 * time))
    step, neuron = np.nonzero(np.random.default_rng(1).random((n_steps, 40)) < chance[:, np.newaxis])
    t = tallied(neuron, step + 1, population=np.zeros(40, int), n_steps=n_steps)
    power = activity.spectrum(t, n_steps, DT, 500)[0]
    assert activity.frequencies(500, BIN, DT)[power.argmax()] == 120.0
    assert activity.synchrony(t, n_steps)[0] > 1.5


def test_a_network_that_stopped_early_has_no_rate_later():
    neuron, step = np.array([0, 1, 3]), np.array([5, 30, 33])
    got = measures(tallied(neuron, step), n_steps=35)
    assert got["rate"][1] == pytest.approx(1.0 / (22 * DT * 1e-3))
    assert got["binned"][1, 3] == pytest.approx(1.0 / (2 * 5 * DT * 1e-3))  # of half a bin
    assert np.isnan(got["binned"][:, 4:]).all()
    assert np.isnan(got["power"]).all()
    nothing = measures(tallied(neuron[:1], step[:1]), n_steps=10)
    assert np.isnan(nothing["rate"]).all()
    assert np.isnan(nothing["synchrony"]).all()
