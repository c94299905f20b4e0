"""Survival after a kick, and Up and Down states, of datasets made by hand."""

import numpy as np
import pytest
import xarray as xr

from spikesweep.analysis.survival import survival
from spikesweep.analysis.up_states import Rule, is_up, up_states
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK, SATURATED


def dataset(rates, width, status=(OK,)):
    """Return what a sweep over `b` of a network of populations E and I measures."""
    rates = np.asarray(rates, float)
    labels = {
        "population": ["E", "I"],
        "time_bin": np.arange(rates.shape[-1]) * width,
        "b": range(len(status)),
    }
    values = np.moveaxis(np.broadcast_to(rates, (len(status), *rates.shape[-2:])), 0, -1)
    rate = xr.DataArray(values, labels, ("population", "time_bin", "b"))
    return xr.Dataset({"population_rate": rate, "status": ("b", np.array(status, np.uint8))})


def test_survival_counts_bins_above_a_tenth_of_the_reference():
    rate = np.zeros((2, 400))
    rate[0, 61] = 10.0
    rate[0, [62, 63, 70, 398, 399]] = 1.5  # the last bin is left out
    rate[0, 64] = 1.0  # at the threshold is not above it
    ds = dataset(rate, 5.0, (OK, SATURATED)).chunk({"b": 1})
    found = survival(ds, "E").survival
    assert found.dims == ("b",)
    assert found.values[0] == 5.0 * 5
    assert np.isnan(found.values[1])
    assert float(survival(ds.isel(b=0), "I").survival) == 0.0
    with pytest.raises(InputError, match="allowed: E, I"):
        survival(ds, "X")
    with pytest.raises(InputError, match="begin of a time bin"):
        survival(ds, "E", reference=303.0)


def test_states_of_two_thresholds_gaps_and_shortest_ones():
    rule = Rule(high=2.0, low=1.0, gap=20.0, shortest=20.0)
    rate = np.array([0.0, 3.0, 1.5, 1.5, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 1.5])
    up = is_up(rate, 10.0, rule)
    assert up.astype(int).tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_measures_of_states_are_those_of_whole_ones():
    """Up from 200 to 600 and from 880 to the end of the run: one whole Up, one whole Down of 280 ms."""
    rate = np.zeros((2, 100))
    rate[:, 20:60] = [[4.0], [8.0]]
    rate[:, 88:] = [[4.0], [8.0]]
    found = up_states(dataset(rate, 10.0).chunk({"b": 1}), "E").isel(b=0)
    assert int(found.n_up) == 1
    assert float(found.up_duration) == 400.0
    assert float(found.down_duration) == 280.0
    assert float(found.up_fraction) == pytest.approx(0.52)
    assert found.up_rate.values.tolist() == [4.0, 8.0]
    assert found.down_rate.values.tolist() == [0.0, 0.0]
    stopped = up_states(dataset(rate, 10.0, (SATURATED,)), "E").isel(b=0)
    assert np.isnan(float(stopped.up_fraction))
    with pytest.raises(InputError, match="not below low"):
        up_states(dataset(rate, 10.0), "E", Rule(high=0.1, low=0.5))
