import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.errors import InputError

NAMES = {"LIF": ("lif", "LIF"), "RS-cell": ("adexp", "RS")}
DT = 0.05


def rows(file):
    table = pd.read_csv(REFERENCE / file)
    assert len(table) > 20
    return [pytest.param(row, id=f"{row.cell}-{row.I0_pA}") for row in table.itertuples()]


def simulate(reference_name, **inputs):
    neuron, cell = NAMES[reference_name]
    return ss.simulate(ss.load(f"neuron={neuron}"), cell=cell, dt=DT, **inputs)


@pytest.mark.parametrize("row", rows("adexp_step_current.csv"))
def test_step_current_gives_the_reference_spikes(row):
    t = np.arange(20_000) * 5e-5
    ds = simulate(row.cell, current=row.I0_pA * ((t > 0.2) & (t < 0.9)))
    spikes = ds.spike_times.values
    assert len(spikes) == row.n_spikes
    listed = [row.t1_s, row.t2_s, row.t3_s]
    expected = [t for t in listed if not np.isnan(t)]
    np.testing.assert_allclose(spikes[: len(expected)], np.array(expected) * 1e3, rtol=0, atol=1e-6)
    if row.n_spikes:
        assert spikes[-1] == pytest.approx(row.t_last_s * 1e3, abs=1e-6)


@pytest.mark.parametrize("row", rows("adexp_constant_current_FI_10s.csv"))
def test_constant_current_gives_the_reference_counts(row):
    ds = simulate(row.cell, current=float(row.I0_pA), duration=10_000.0)
    assert ds.sizes["spike"] == row.n_spikes


@pytest.mark.parametrize("name", NAMES)
def test_fixed_conductances_give_the_reference_spikes_and_potential(name):
    ref = np.load(REFERENCE / "adexp_fixed_conductance.npz")
    ds = simulate(name, g_exc=ref["Ge_S"] * 1e9, g_inh=ref["Gi_S"] * 1e9)
    np.testing.assert_allclose(ds.spike_times.values, ref[f"spikes_{name}"] * 1e3, rtol=0, atol=1e-6)
    np.testing.assert_allclose(ds.v.values[::20], ref[f"V_every20_{name}"] * 1e3, rtol=1e-9)


def test_analytic_conductances_give_the_reference_spikes():
    ref = np.load(REFERENCE / "adexp_fixed_conductance.npz")["analytic_spikes_RS-cell"]
    t = np.arange(20_000) * 5e-5
    phase = 2 * np.pi * 7 * t
    ds = simulate("RS-cell", g_exc=14 * (1 + 0.5 * np.sin(phase)), g_inh=9 * (1 + 0.5 * np.sin(phase - 1)))
    assert len(ref) > 0
    np.testing.assert_allclose(ds.spike_times.values, ref * 1e3, rtol=0, atol=1e-6)


def test_result_is_labelled():
    ds = ss.simulate(ss.load(), cell="RS", current=300.0, duration=100.0)
    assert set(ds.data_vars) == {"v", "w", "spike_times"}
    assert ds.v.dims == ds.w.dims == ("time",)
    assert (ds.v.attrs["units"], ds.w.attrs["units"], ds.time.attrs["units"]) == ("mV", "pA", "ms")
    assert ds.sizes["time"] == 2000
    assert ds.v.values[0] == ss.load().neuron.RS.E_L


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "LIF", "duration": 10.0}, "'LIF' is no cell of neuron=adexp"),
        ({"current": [0.0] * 5, "g_exc": [0.0] * 6}, "different lengths"),
        ({"current": 5.0}, "duration is missing"),
        ({"duration": -1.0}, "duration = -1.0"),
        ({"duration": 10.0, "dt": 0.0}, "dt = 0.0"),
        ({"duration": 10.0, "dt": float("nan")}, "dt = nan"),
        ({"current": [0.0, float("nan")]}, "current has values that are not finite"),
        ({"current": [0.0, 1.0], "duration": 10.0}, "the inputs have 2"),
        ({"current": [[0.0, 1.0]]}, "current has 2 dimensions"),
        ({"current": []}, "empty"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ss.simulate(ss.load(), **arguments)
