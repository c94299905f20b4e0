"""The units of Jercog et al. and their network, against the original and against Brian2."""

import numpy as np
import pytest
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.models import TwoStageCurrent
from spikesweep.sweep.job import make_job

DT = 0.1


def brian2():
    return np.load(REFERENCE / "jercog_brian2.npz")


def at_269p9(cell):
    return ss.simulate(ss.load("neuron=jercog"), cell=cell, current=269.9, dt=DT, duration=1000.0)


def network(*words):
    return make_job(ss.load("neuron=jercog", "network=jercog", "protocol=ei_balance", *words))[0].network


@pytest.mark.parametrize(("cell", "count"), [("E", 52), ("I", 216)])
def test_spikes_and_potential_are_the_originals(cell, count):
    ref = np.load(REFERENCE / "jercog_trace_269p9pA.npz")
    ds = at_269p9(cell)
    assert ds.sizes["spike"] == count
    # the original names the start of a step, this project its end
    np.testing.assert_allclose(ds.spike_times.values - DT, ref[f"spikes{cell}_ms"], rtol=0, atol=1e-9)
    assert np.array_equal(ds.v.values.astype(np.float32), ref[f"v{cell}_mV"])


@pytest.mark.parametrize("cell", ["E", "I", "E2022", "I2022"])
def test_potential_is_brian2s(cell):
    np.testing.assert_allclose(
        at_269p9(cell).v.values[::10], brian2()[f"v_every10_{cell}"], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("rule", ["published", "steps"])
def test_refractory_time_is_a_whole_number_of_steps_in_either_clock(rule):
    cfg = ss.load("neuron=jercog", f"protocol.refractory={rule}")
    ds = ss.simulate(cfg, cell="E", current=269.9, dt=DT, duration=1000.0)
    assert ds.sizes["spike"] == 52
    for spike in np.round(ds.spike_times.values / DT).astype(int)[:-1]:
        held = ds.v.values[spike : spike + 25]
        assert (held == 14.0).all()
        assert ds.v.values[spike + 25] > 14.0


@pytest.mark.parametrize(("rise", "fall"), [(8.0, 23.0), (1.0, 1.0)])
def test_an_event_brings_its_weight_as_charge(rise, fall):
    """Exactly, as Euler conserves it; the peak of a slow one is that of the specification."""
    synapse = TwoStageCurrent(100.0, rise, fall)
    c, x = synapse.coefficients(Clock.of(DT, "steps")), synapse.initial()
    currents = []
    for i in range(20_000):
        x = synapse.advance(c, x, 1.0 if i == 3 else 0.0)
        currents.append(synapse.current(c, x, 0.0))
    assert currents[:4] == [0.0] * 4
    assert currents[4] > 0.0
    assert sum(currents) * DT == pytest.approx(100.0, rel=1e-12)
    if rise == 8.0:
        assert max(currents) == pytest.approx(2.48, abs=0.005)
    assert synapse.mean_current(20.0) == 2.0


def test_weights_follow_from_size_connectivity_and_cells():
    """The table of the original: 140, 125, 140, 100 pA at 400 and 100 synapses."""
    plain = network()
    assert plain.in_degree == {"exc": 400.0, "inh": 100.0}
    weights = {cell: {k: s.weight for k, s in plain.synapses_onto(cell).items()} for cell in "EI"}
    assert weights == {"E": {"exc": 140.0, "inh": -140.0}, "I": {"exc": 125.0, "inh": -100.0}}
    half = network("network.N=2000", "network.p_connect=0.125").synapses_onto("E")
    assert half["exc"].weight == 280.0
    slow = network("neuron.I.C_m=200.0").synapses_onto("I")
    assert slow["exc"].weight == 250.0


def test_better_weights_are_the_trained_ones():
    better = network("network=jercog_better")
    found = [abs(s.weight) for cell in "EI" for s in better.synapses_onto(cell).values()]
    expected = [143.49509118, 136.50692497, 123.92226015, 101.08023944]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("p_connect", [0.1, 0.29, 0.3, 0.7])
def test_in_degrees_are_whole_and_do_not_suffer_from_rounding(p_connect):
    found = network(f"network.p_connect={p_connect}", "network.N=500").in_degree
    assert found == {"exc": float(round(400 * p_connect)), "inh": float(round(100 * p_connect))}


def test_cells_of_other_names_take_the_places():
    net = network("network.populations=[E2Buono,IBuono]")
    assert net.synapses_onto("E2Buono")["exc"].weight == pytest.approx(2800.0 / 400 * 240.0 / 8.0)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("network.populations=[E]", "network.populations"),
        ("network.populations=[E,I,EBuono]", "the excitatory cell and the inhibitory cell"),
        ("network.N=4", "gives no inh synapses"),
        ("network.J_EE=-1.0", "network.J_EE = -1.0 pA"),
        ("network.exc.tau_rise=0.05", "network.exc.tau_rise = 0.05 ms"),
        ("neuron.E.t_ref=2.55", "does not divide neuron.E.t_ref"),
    ],
)
def test_a_wrong_network_is_refused(word, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        network(word)


def test_conductances_are_refused_where_synapses_are_currents():
    cfg = ss.load("neuron=jercog", "network=jercog")
    with pytest.raises(InputError, match="g_exc is refused"):
        ss.simulate(cfg, cell="E", g_exc=1.0, duration=10.0)
    assert ss.simulate(cfg, cell="E", current=1.0, duration=10.0).sizes["time"] == 200


def test_the_network_also_has_a_transfer_function(tmp_path):
    words = ("neuron=jercog", "network=jercog", "protocol.duration=1000.0", "protocol.dt=0.1")
    grid = ("grid.fe=[5,9]", "grid.fi=[14]", "grid.seed=[0,1]", "grid.pop_size=[16]")
    ds = ss.run(ss.load(*words, *grid, "compute=serial", f"outputs={tmp_path}"))
    rate = ds.rate.mean("seed").squeeze()
    assert (rate.isel(fe=0) < rate.isel(fe=1)).all()
    assert 2.0 < float(rate.sel(population="E", fe=5)) < 12.0
