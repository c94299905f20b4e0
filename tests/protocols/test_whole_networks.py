"""Whole networks as sweeps: one description for every protocol, measures, drives, runaway, what is shared."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK, SATURATED
from spikesweep.models.networks.received import in_degree_of, received
from spikesweep.models.simulation import drawn as drawing
from spikesweep.sweep.job import make_job

#: Brunel's network of 250 cells, 40 ms of it.
SMALL = (
    "neuron=lif_psc",
    "network=brunel2000",
    "protocol=spiking_network",
    "network.populations.E.n=200",
    "network.populations.I.n=50",
    "network.projections.E.E.n=20",
    "network.projections.E.I.n=5",
    "network.projections.I.E.n=20",
    "network.projections.I.I.n=5",
    "network.drives.external.n={E:1000,I:1000}",
    "protocol.duration=40.0",
    "protocol.neurons=[]",
    "protocol.record=[]",
    "protocol.bin=5.0",
    "compute=serial",
)


def load(tmp_path, *words):
    return ss.load(*SMALL, f"outputs={tmp_path}", *words)


def test_measures_are_those_of_the_spikes(tmp_path):
    """Every measure again, from the stored spikes, in plain numpy."""
    words = ("protocol.discard=10.0", "protocol.spectrum=10.0", "network.parameters.eta=4.0")
    ds = ss.run(load(tmp_path, *words)).isel(seed=0, weight_scale=0, i_ext=0).load()
    spikes = ss.open(next(tmp_path.rglob("*.zarr"))).sweep.spikes(seed=0)
    times, neuron = spikes.spike_times.values, spikes.spike_neuron.values
    assert len(times) > 200
    assert ds.population.values.tolist() == ["E", "I"]
    assert ds.neuron_population.values.tolist() == ["E"] * 200 + ["I"] * 50
    late = times > 10.0 + 1e-9
    rates = np.bincount(neuron[late], minlength=250) / 0.03
    np.testing.assert_allclose(ds.neuron_rate, rates)
    for name, own in (("E", slice(0, 200)), ("I", slice(200, 250))):
        one = ds.sel(population=name)
        assert float(one.rate) == pytest.approx(rates[own].mean())
        assert float(one.rate_sd) == pytest.approx(rates[own].std())
        inside = (neuron >= own.start) & (neuron < own.stop)
        assert float(one.last_spike) == pytest.approx(times[inside].max())
        steps = np.rint(times[inside] / 0.1).astype(int)
        binned = np.bincount((steps - 1) // 50, minlength=8)
        np.testing.assert_allclose(one.population_rate, binned / (own.stop - own.start) / 0.005)
        counts = binned[2:]
        assert float(one.synchrony) == pytest.approx(counts.var() / counts.mean())
    cvs = []
    for i in range(200):
        intervals = np.diff(times[late & (neuron == i)])
        if len(intervals) >= 2:
            cvs.append(intervals.std() / intervals.mean())
    assert len(cvs) > 20
    assert float(ds.cv_isi.sel(population="E")) == pytest.approx(np.mean(cvs))
    assert ds.spectrum.dims == ("population", "frequency")
    assert ds.frequency.values.tolist() == [0.0, 100.0]


def test_numbers_by_name_are_axes_and_the_drive_has_a_name(tmp_path):
    words = ("grid.network.parameters.g=[3.0,6.0]", "grid.drive=[20.0,40.0]", "protocol.record_spikes=false")
    ds = ss.run(load(tmp_path, *words))
    assert ds.rate.dims == ("population", "g", "drive", "seed", "weight_scale", "i_ext")
    assert ds.drive.attrs["units"] == "Hz"
    rate = ds.rate.sel(population="E").squeeze()
    assert (rate.sel(g=3.0) > rate.sel(g=6.0)).all()
    assert (rate.sel(drive=40.0) > rate.sel(drive=20.0)).all()
    assert "spike_size" not in ds
    with pytest.raises(
        InputError, match=r"grid\.drive and grid\.network\.drives\.external\.rate are the same"
    ):
        make_job(load(tmp_path, "grid.drive=[1.0]", "grid.network.drives.external.rate=[2.0]"))
    with pytest.raises(InputError, match=r"grid\.drive is not an axis"):
        make_job(
            ss.load(
                "neuron=izhikevich", "network=fiers_prototype", "protocol=spiking_network", "grid.drive=[1]"
            )
        )


def test_a_seed_has_one_network_that_its_points_share(tmp_path, monkeypatch):
    calls = []
    real = drawing.wire
    monkeypatch.setattr(drawing, "wire", lambda network, links: calls.append(1) or real(network, links))
    drawing._kept.clear()
    words = ("grid.network.parameters.g=[3.0,4.0,5.0]", "grid.weight_scale=[1.0,2.0]", "grid.seed=[0,1]")
    ss.run(load(tmp_path, *words))
    assert len(calls) == 2
    changed = load(tmp_path, "network.projections.E.E.n=19", "name=other")
    ss.run(changed)
    assert len(calls) == 3


def test_a_network_that_runs_away_is_stopped_and_says_so(tmp_path):
    words = ("protocol.duration=400.0", "protocol.saturated_above=20.0", "network.parameters.eta=8.0")
    ds = ss.run(load(tmp_path, *words, "grid.weight_scale=[0.0,1.0]"))
    status = ds.status.squeeze().values.tolist()
    assert status[1] == SATURATED
    rates = ds.population_rate.squeeze().sel(population="E")
    assert np.isnan(rates.isel(weight_scale=1).values[-1])
    assert np.isfinite(rates.isel(weight_scale=1).values[0])
    assert float(ds.rate.squeeze().sel(population="E").isel(weight_scale=1)) > 20.0
    assert status[0] in (OK, SATURATED)


def test_numbers_do_not_depend_on_blocks_executors_growth_or_resumption(tmp_path):
    words = ("grid.network.parameters.g=[4.0,6.0]", "grid.seed=[0,1]", "grid.drive=[20.0,30.0]")
    whole = ss.run(load(tmp_path / "a", *words, "compute.block_points=8"))
    assert float(whole.rate.max()) > 5.0
    spikes = whole.sweep.spikes()
    for k, more in enumerate((("compute.block_points=1",), ("compute=threads", "compute.workers=2"))):
        other = ss.run(load(tmp_path / str(k), *words, *more))
        assert other.drop_vars("spike_size").equals(whole.drop_vars("spike_size"))
        assert other.sweep.spikes().equals(spikes)
    grown = tmp_path / "grown"
    for part in (
        ("grid.network.parameters.g=[4.0]", "grid.seed=[0]", "grid.drive=[20.0]"),
        ("grid.network.parameters.g=[4.0]", "grid.seed=[0,1]", "grid.drive=[20.0]"),
        ("grid.network.parameters.g=[4.0]", "grid.seed=[0,1]", "grid.drive=[20.0,30.0]"),
        words,
    ):
        ds = ss.run(load(grown, *part))
    assert ds.rate.equals(whole.rate)
    assert ds.population_rate.equals(whole.population_rate)
    assert ds.sweep.spikes().equals(spikes)


def test_short_networks_are_what_they_are_short_for():
    """RandomNetwork and EINetwork give single cells and whole networks the same in-degrees and synapses."""
    for neuron, network in (("adexp", "fs_rs"), ("jercog", "jercog"), ("demo", "demo")):
        short = make_job(ss.load(f"neuron={neuron}", f"network={network}"))[0].network
        whole = short.whole
        assert whole.N == short.N
        for name in whole.populations:
            own = received(whole, name)
            cell = name if name in short.populations else next(iter(short.populations))
            for kind, synapse in short.synapses_onto(cell).items():
                n, found = own[kind]
                assert found == synapse
                assert n == pytest.approx(short.in_degree[kind], rel=1.5 / 100)
    brunel = make_job(ss.load("neuron=lif_psc", "network=brunel2000", "protocol=spiking_network"))[0].network
    assert in_degree_of(brunel) == {"exc": 1000.0, "inh": 250.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("network.projections.E.E.n=20000",), r"network\.projections\.E\.E: n = 20000"),
        (("network.projections.E.E.delay=0.05",), r"delay = 0\.05 ms is not a multiple"),
        (("network.drives.external.rate=1e5",), r"network\.drives\.external\.rate = 100000 Hz"),
        (("network.drives.external.like=X",), "'X' is no population"),
        (("network.drives.external.n={X:1}",), "'X' is no population"),
        (("network.drives.external.like=null",), "like = None and synapse = None"),
        (("network.populations.E.n=100000000", "network.populations.I.n=10000000"), "needs .* GB"),
        (("protocol.discard=40.0",), r"protocol\.discard = 40"),
        (("protocol.spectrum=1000.0",), r"protocol\.spectrum = 1000"),
        (("protocol.bin=0.25",), r"protocol\.bin = 0\.25 ms is not a multiple"),
        (("protocol.saturated_above=0.0",), "more than 0"),
    ],
)
def test_wrong_words_are_refused(words, message, tmp_path):
    with pytest.raises(InputError, match=message):
        make_job(load(tmp_path, *words))


def test_what_a_protocol_cannot_use_of_a_network_is_refused_by_name():
    for words, message in (
        (("neuron=izhikevich", "network=recurrent_spiking"), r"projections\.E\.E\.weights differ"),
        (
            ("neuron=lif_psc", "network=brunel2000", "protocol=ei_balance", "grid.pop_size=[9]"),
            "whose size is no value",
        ),
        (
            ("neuron=lif_psc", "network=brunel2000", "protocol=mean_field"),
            "network is a SpikingNetwork, which has no inh",
        ),
        (("neuron=izhikevich", "network=n_to_1", "protocol=spiking_network"), "network is a ManyToOne"),
        (
            ("neuron=adexp", "network=fs_rs", "network.populations=[RS,FS,RS2]", "protocol=spiking_network"),
            "allowed where the whole network",
        ),
        (("neuron=adexp", "network=fs_rs", "grid.network.delay=[0.1]"), "nothing reads network.delay"),
    ):
        with pytest.raises(InputError, match=message):
            make_job(ss.load(*words))
