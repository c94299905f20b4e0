"""Connections of a recurrent network from potentials and spikes, against those that it has."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.analysis.connection_regression import Course
from spikesweep.analysis.plots.recurrent_connections import figure, over
from spikesweep.analysis.recurrent_connections import found_connections, scores
from spikesweep.errors import InputError

#: 40 and 10 cells that fire at some 20 Hz, a fifth of all pairs connected.
NETWORK = (
    "neuron=izhikevich",
    "network=recurrent_spiking",
    "network.populations.E.n=40",
    "network.populations.I.n=10",
    "network.populations.E.synapse.weight=2.0",
    "network.populations.I.synapse.weight=8.0",
    "network.populations.E.i_ext=[60.0]",
    "network.populations.I.i_ext=[60.0]",
    *(f"network.projections.{a}.{b}.p_connect=0.2" for a in "EI" for b in "EI"),
)
#: What a spike does, roughly: delayed by 10 ms, a decay of 7 ms onto a membrane of some 10 ms.
COURSE = Course(1.0, 10.0, 3.0, 10.0, 0.0)


def recorded(folder, *words):
    own = ("protocol=spiking_network", "protocol.record_connections=true", "protocol.neurons=[0,1,2,45]")
    cfg = ss.load(*NETWORK, *own, "compute=serial", f"outputs={folder}", *words)
    return ss.run(cfg)


@pytest.fixture(scope="module")
def ds(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("recurrent"), "protocol.duration=20000.0", "grid.seed=[0,1]")


def test_kept_connections_are_those_that_were_simulated(tmp_path):
    """Given as matrices to another simulation they make the same spikes, to the bit."""
    words = ("protocol.duration=400.0", "grid.seed=[3]", "grid.weight_scale=[1.0,2.0]")
    ds = recorded(tmp_path, *words)
    kept = ds.sweep.ragged("connection", weight_scale=1.0)
    weights, delays = np.zeros((50, 50)), np.zeros((50, 50))
    at = kept.connection_source.values, kept.connection_target.values
    weights[at], delays[at] = kept.connection_weight, kept.connection_delay
    assert np.count_nonzero(weights) == kept.sizes["connection"] > 400
    assert (delays[at] == 10.0).all()
    small = ("protocol=spiking_network", "protocol.duration=400.0", "protocol.neurons=[0]")  # one kernel
    cfg = ss.load(*NETWORK, *small)
    again = ss.spiking_network(cfg, weights=weights, delays=delays, seed=3)
    drawn = ss.spiking_network(cfg, seed=3)
    assert np.array_equal(again.spike_times, drawn.spike_times)
    assert np.array_equal(again.spike_neuron, drawn.spike_neuron)
    twice = ds.sweep.ragged("connection", weight_scale=2.0)  # the factor is a label of the point
    assert np.array_equal(twice.connection_weight, kept.connection_weight)
    plain = recorded(tmp_path / "plain", *words, "protocol.record_connections=false")
    assert plain.sweep.spikes().equals(ds.sweep.spikes())
    assert "connection_size" not in plain


@pytest.mark.slow
def test_a_regression_finds_connections_with_few_false_ones_and_averages_do_not(ds):
    """20 s, q = 0.05. Observed of two networks: 38 found, 2 of them false; of averages 77, 42 of them false.

    q bounds the mean over many networks: with 38 found three times as many false ones may come by chance.
    """
    regression = {"method": "regression", "noise_sd": 2.0, "below": -45.0, "course": COURSE}
    found = [found_connections(ds.sel(seed=k), **regression) for k in (0, 1)]
    assert sum(int(one.n_false) for one in found) <= 0.15 * sum(int(one.n_found) for one in found)
    for one in found:
        assert float(one.detection_rate) > 0.5
        assert float(one.auc) > 0.85
        assert int(one.connected.sum()) == int((one.weight > 0.0).sum()) > 20
        assert np.isnan(one.p_value.sel(recorded=45, neuron=45))
    drawn = figure(found[0])
    assert [ax.get_xlabel() for ax in drawn.axes] == ["p", "weight of the connection (1)"]
    shuffled = found_connections(ds.sel(seed=0), method="shuffle", noise_sd=2.0, below=-45.0, n_shuffles=300)
    assert float(shuffled.false_discovery_rate) > 0.3  # who fires together passes for an input
    assert float(shuffled.auc) < float(found[0].auc) - 0.1


def test_a_network_without_connections_has_none_to_be_found(tmp_path):
    """Independent neurons: of 49 pairs at q = 0.05 any is found in one of twenty networks."""
    words = ("grid.weight_scale=[0.0]", "protocol.duration=5000.0", "protocol.neurons=[7]", "grid.seed=[0]")
    none = recorded(tmp_path, *words)
    found = found_connections(none, method="regression", noise_sd=2.0, below=-45.0, course=COURSE)
    assert int(found.n_found) == 0
    assert (found.p_value < 0.1).mean() == pytest.approx(0.1, abs=4.0 * np.sqrt(0.1 * 0.9 / 49))


def test_shorter_points_of_a_sweep_are_read_to_their_end(tmp_path):
    ds = recorded(tmp_path, "grid.protocol.duration=[1000.0,2000.0]", "protocol.neurons=[7]", "grid.seed=[0]")
    ds = ds.squeeze(["seed", "weight_scale", "i_ext"])
    alone = recorded(tmp_path / "alone", "protocol.duration=1000.0", "protocol.neurons=[7]", "grid.seed=[0]")
    settings = {"method": "shuffle", "noise_sd": 2.0, "n_shuffles": 20}
    short = found_connections(ds.isel(duration=0), **settings)
    assert short.p_value.notnull().sum() == 49
    assert short.p_value.shape == (1, 50)
    assert found_connections(alone, **settings).p_value.shape == (1, 50)


def test_scores_of_a_sweep_are_those_of_its_points(tmp_path):
    words = ("grid.protocol.duration=[500.0,1000.0]", "protocol.neurons=[7,8]", "grid.seed=[0,1]")
    ds = recorded(tmp_path, *words)
    settings = {"method": "regression", "below": -45.0, "course": COURSE}
    scored = scores(ds, [1.0, 500.0], **settings)
    assert scored.auc.dims == ("noise_sd", *ds.status.dims)
    one = found_connections(ds.sel(seed=1, duration=1000.0), noise_sd=1.0, **settings)
    at = scored.sel(noise_sd=1.0, seed=1, duration=1000.0).squeeze()
    assert all(float(at[name]) == float(one[name]) for name in scored.data_vars)
    noisy = scored.sel(noise_sd=500.0, seed=1, duration=1000.0).squeeze()
    assert float(noisy.auc) < float(at.auc)
    left, right = over(scored, "duration", 0.05).axes
    assert left.get_xlabel() == "duration (ms)"
    assert (len(left.lines), len(right.lines)) == (2, 3)
    missing = ds.assign(status=ds.status.where(ds.seed == 0, 0))
    assert scores(missing, [1.0], **settings).auc.sel(seed=1).isnull().all()


def test_refusals(ds, tmp_path):
    regression = {"method": "regression", "noise_sd": 2.0, "course": COURSE}
    with pytest.raises(InputError, match=r"points along {'seed': 2}; allowed: one point"):
        found_connections(ds, **regression)
    with pytest.raises(InputError, match=r"has no v; allowed: .* protocol.record"):
        found_connections(ds.drop_vars("v"), **regression)
    with pytest.raises(InputError, match=r"has no connection_size; .* protocol.record_connections=true"):
        found_connections(ds.drop_vars("connection_size"), **regression)
    with pytest.raises(InputError, match="method = 'mean' is refused; allowed: shuffle, regression"):
        found_connections(ds, method="mean", noise_sd=2.0)
    with pytest.raises(InputError, match="a course for a regression, none for shuffles"):
        found_connections(ds, method="shuffle", noise_sd=2.0, course=COURSE)
    large = ("network.populations.E.n=30000", "network.projections.E.E.p_connect=0.2")
    with pytest.raises(InputError, match=r"protocol.record_connections = true is refused: .* allowed: 5e"):
        recorded(tmp_path, *large, "grid.seed=[0]", "protocol.neurons=[0]")
