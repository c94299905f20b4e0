"""What is read from the population rate of a whole network: survival after a kick, Up and Down states."""

import numpy as np
import pytest
import xarray as xr

from spikesweep.analysis.survival import survival
from spikesweep.analysis.up_states import Rule, is_up, lag_correlations, up_states
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK, SATURATED

BIN = 5.0


def swept(rates, status=None, width=BIN):
    """Return a sweep of networks with these rates, shape (network, population, bins), as a store opens it."""
    rates = np.asarray(rates, float)
    begin = np.arange(rates.shape[-1]) * width
    ds = xr.Dataset(
        {"population_rate": (("seed", "population", "time_bin"), rates)},
        coords={"population": ["RS", "FS"][: rates.shape[1]], "time_bin": begin},
    )
    ds["status"] = ("seed", np.full(len(rates), OK) if status is None else np.asarray(status))
    return ds.chunk(seed=1)


def published_survival(rate, offset=61, until=399):
    """Return what the original computes of the rates of a network."""
    rate = rate[:until]
    return BIN * sum(1 for value in rate[offset:] if value > rate[offset] / 10)


def test_survival_is_the_originals():
    rng = np.random.default_rng(0)
    alive = np.arange(400) < rng.integers(50, 400, (20, 1))
    rates = rng.poisson(3.0, (20, 400)) * alive * rng.choice([1.0, 0.1], (20, 400))
    found = survival(swept(rates[:, np.newaxis]), "RS").survival
    expected = [published_survival(rate) for rate in rates]
    assert len(set(expected)) > 10
    assert 0.0 in expected
    np.testing.assert_array_equal(found, expected)
    assert found.attrs["units"] == "ms"


def test_a_network_that_was_stopped_has_no_survival():
    found = survival(swept(np.ones((2, 1, 400)), [OK, SATURATED]), "RS").survival.values
    assert found[0] == 1690.0
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"population": "E"}, "population = 'E'; allowed: RS"),
        ({"population": "RS", "reference": 307.0}, "reference = 307.0 ms"),
        ({"population": "RS", "stop": 300.0}, "stop = 300.0 ms"),
        ({"population": "RS", "stop": 2400.0}, "up to 2000 ms"),
    ],
)
def test_what_has_no_survival_is_refused(words, message):
    with pytest.raises(InputError, match=message):
        survival(swept(np.ones((1, 1, 400))), **words)


def states(text):
    return [c == "U" for c in text]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ([0, 0, 0, 0], "DDDD"),
        ([2, 2, 2, 2], "UUUU"),
        ([0, 2, 0.7, 0.7, 2, 0.4], "DUUUUD"),  # between the thresholds nothing changes
        ([0.7, 0.7, 2, 2, 2, 0], "DDUUUD"),  # nor before the first
        ([2, 2, 2, 0, 2, 2, 2, 0, 0, 2, 2, 2], "UUUUUUUDDUUU"),  # a gap of one bin, not of two
        ([0, 0, 2, 2, 0, 0], "DDDDDD"),  # too short
        ([0, 0, 2, 0, 2, 0], "DDUUUD"),  # gaps are closed first
        ([2, 2, 2, 0], "UUUD"),  # an end is no gap
    ],
)
def test_states_of_a_rate(rate, expected):
    rule = Rule(high=1.0, low=0.5, gap=50.0, shortest=100.0)
    np.testing.assert_array_equal(is_up(np.array(rate, float), 50.0, rule), states(expected))


def test_measures_of_whole_states():
    rng = np.random.default_rng(1)
    lengths = [40, 30, 50, 20, 60, 12]  # Down first; the first and the last are cut off by the run
    up = np.repeat(np.arange(6) % 2 == 1, lengths)
    rates = np.array([np.where(up, 4.0, 0.1), np.where(up, 9.0, 0.2)]) * rng.uniform(0.8, 1.2, (2, 212))
    ds = swept([rates, np.zeros((2, 212)), rates], [OK, OK, SATURATED], width=10.0)
    found = up_states(ds, "RS")
    assert found.n_up.values[:2].tolist() == [2, 0]
    assert found.up_duration.values[0] == 250.0
    assert found.up_duration_sd.values[0] == 50.0
    assert found.down_duration.values[0] == 550.0
    assert found.up_fraction.values[0] == pytest.approx(62 / 212)
    np.testing.assert_allclose(found.up_rate.sel(population="FS").values[0], rates[1, up].mean())
    np.testing.assert_allclose(found.down_rate.sel(population="RS").values[0], rates[0, ~up].mean())
    assert np.isnan(found.up_duration.values[1:]).all()
    assert np.isnan(found.n_up.values[2])


def alternating(rng, n, also=None):
    """Return states in bins, Down first, and the durations of Ups and of the Downs after them."""
    ups = rng.integers(20, 60, n)
    downs = 100 - ups + rng.integers(0, 10, n) if also is None else also
    lengths = [30, *np.column_stack([ups, downs]).ravel(), 25, 30]
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths), ups, downs


def test_durations_of_consecutive_states_correlate_as_they_are_made_to():
    """Of the pairs of two networks together, none of which reaches from one to the other; n = 18 and 18."""
    rng = np.random.default_rng(2)
    (one, up, down), (two, up_2, down_2) = (alternating(rng, 10), alternating(rng, 8))
    longest = max(len(one), len(two))
    rates = [np.pad(5.0 * x, (0, longest - len(x)))[np.newaxis] for x in (one, two)]
    found = lag_correlations(swept(rates, width=10.0), "RS")
    pairs = np.concatenate([up, up_2]), np.concatenate([down, down_2])
    assert int(found.n_up_down) == 18
    assert int(found.n_down_up) == 18  # each network's last Up is whole, too; its first Down is not
    np.testing.assert_allclose(found.up_down, np.corrcoef(pairs)[0, 1], rtol=1e-12)
    assert float(found.up_down) < -0.9
    apart = lag_correlations(swept(rates, width=10.0), "RS", over=())
    np.testing.assert_allclose(apart.up_down[1], np.corrcoef(up_2, down_2)[0, 1], rtol=1e-12)


def test_durations_far_from_all_others_are_left_out_of_correlations():
    rng = np.random.default_rng(3)
    downs = 40 + rng.integers(0, 10, 20)
    downs[7] = 400
    state, ups, _ = alternating(rng, 20, downs)
    rates = (5.0 * state)[np.newaxis, np.newaxis]
    found = lag_correlations(swept(rates, width=10.0), "RS")
    assert int(found.n_up_down) == 19
    expected = np.corrcoef(np.delete(ups, 7), np.delete(downs, 7))[0, 1]
    np.testing.assert_allclose(found.up_down, expected, rtol=1e-12)
    none = lag_correlations(swept(rates[..., :150], width=10.0), "RS")
    assert np.isnan(none.up_down)
    assert int(none.n_up_down) < 3


def test_a_start_can_be_left_out():
    rate = np.where(np.arange(100) < 30, 5.0, 0.0)
    ds = swept(rate[np.newaxis, np.newaxis], width=10.0)
    assert up_states(ds, "RS").up_fraction.item() == 0.3
    assert up_states(ds, "RS", discard=300.0).up_fraction.item() == 0.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"population": "E"}, "population = 'E'; allowed: RS"),
        ({"population": "RS", "rule": Rule(high=1.0, low=2.0)}, "low = 2.0 Hz with high = 1.0 Hz"),
        ({"population": "RS", "discard": 1995.0}, "discard = 1995.0 ms leaves 1 time bins"),
    ],
)
def test_what_has_no_states_is_refused(words, message):
    with pytest.raises(InputError, match=message):
        up_states(swept(np.ones((1, 1, 400))), **words)
