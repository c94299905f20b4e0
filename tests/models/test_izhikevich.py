"""Izhikevich cells: the original's spikes and potentials, its two orders, closed forms."""

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from test_neurons import cell_of

import spikesweep as ss

DT = 0.1


def simulate(*words, cell="RS", **inputs):
    return ss.simulate(ss.load("neuron=izhikevich", *words), cell=cell, dt=DT, **inputs)


def test_constant_current_gives_the_originals_spikes_and_potentials():
    ref = pd.read_csv(REFERENCE / "wiring_izh_constant_current.csv")
    assert ref.n_spikes.sum() > 10
    for row in ref.itertuples():
        ds = simulate(current=float(row.I_pA), duration=row.duration_s * 1e3)
        steps = np.round(ds.spike_times.values / DT).astype(int)
        listed = [] if row.n_spikes == 0 else [int(n) for n in row[5].split()]
        assert steps.tolist() == listed
        v = ds.v.values.copy()
        v[steps - 1] = 35.0  # the original shows the peak at the last sample before a reset
        assert v[-1] == pytest.approx(row.v_end_mV, rel=1e-14)
        assert v[500] == pytest.approx(row.v_at_50ms_mV, rel=1e-14)
        assert v.mean() == pytest.approx(row.mean_v_mV, rel=1e-14)
        assert v.min() == row.v_min_mV
        assert float(ds.u[-1]) == pytest.approx(row.u_end_pA, rel=1e-14)


def test_rheobase_is_the_saddle_node():
    """At it the parabola touches the recovery line; the original fires between 50 and 52 pA in a second."""
    assert float(cell_of("izhikevich", "RS").rheobase()) == pytest.approx(144.0 / 2.8)
    assert np.isnan(float(cell_of("izhikevich", "FS").rheobase()))
    assert simulate(current=50.0, duration=1000.0).sizes["spike"] == 0
    assert simulate(current=51.4, duration=5000.0).sizes["spike"] == 0
    assert simulate(current=52.0, duration=1000.0).sizes["spike"] > 0


def test_small_deviations_decay_with_the_closed_form_of_the_linear_system():
    """One step of the linearised pair, v' = -v/tau - u/C and u' = a (b v - u), 1e-4 mV off rest."""
    ds = simulate(current=np.where(np.arange(400) == 0, 0.1, 0.0))
    x, y = 1e-4, 0.0
    for v, u in zip(ds.v.values[1:], ds.u.values[1:], strict=True):
        np.testing.assert_allclose([v + 60.0, u], [x, y], rtol=1e-5, atol=1e-13)
        x, y = x - DT * (14.0 * x + y) / 100.0, y + DT * 0.03 * (-2.0 * x - y)
    assert 0.0 < x < 5e-6


def test_orders_differ_as_in_the_original():
    """The prototype's spikes are counted from the step that makes them: one less than at its end."""
    ref = pd.read_csv(REFERENCE / "wiring_proto_network.csv").query("neuron == 0 and n_spikes > 0")
    assert len(ref) == 3
    for row in ref.itertuples():
        order = "package" if "explicit" in row.case else "prototype"
        current = float(row.case.split("[")[1].split(",")[0])
        ds = simulate(f"neuron.RS.order={order}", current=current, duration=10_000.0)
        steps = np.round(ds.spike_times.values / DT).astype(int) - 1
        assert steps.tolist() == [int(n) for n in row[4].split()]
