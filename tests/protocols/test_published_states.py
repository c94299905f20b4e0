"""Whole networks against what was published: Sacha et al. 2025, Jercog et al. 2017; and what they need."""

import numpy as np
import pandas as pd
import pytest
import scipy
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.analysis.survival import survival
from spikesweep.analysis.up_states import up_states
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

QUIET = ("protocol.record=[]", "protocol.neurons=[]", "protocol.record_spikes=false", "compute=serial")
SACHA = ("neuron=sacha", "network=sacha2025", "protocol=spiking_network", "protocol.duration=2000.0", *QUIET)
JERCOG = ("neuron=jercog2017", "network=jercog2017", "protocol=spiking_network", "protocol.dt=0.05", *QUIET)


def swept(folder, *words):
    return ss.run(ss.load(*words, f"outputs={folder}")).load()


def published(name, values, **columns):
    """Return a column of a table over some of its others, by axis."""
    table = pd.read_csv(REFERENCE / name).rename(columns=columns)
    return table.set_index(list(columns.values()))[values].to_xarray()


@pytest.mark.slow  # 2 minutes
@pytest.mark.parametrize(("b", "drives"), [(0.0, [5.0, 10.0]), (30.0, [10.0, 25.0])])
def test_rates_are_the_published_ones(b, drives, tmp_path):
    """The mean of five networks within 6 % of the published one; each scatters by 3 % to 5 %."""
    drive = f"grid.drive={drives}".replace(" ", "")
    words = (*SACHA, f"neuron.RS.b={b}", drive, "grid.seed=[0,1,2,3,4]", "protocol.discard=1000.0")
    ds = swept(tmp_path, *words, "network.drives.external.shape.stop=1980.0")
    rate = ds.rate.squeeze(["weight_scale", "i_ext"])
    assert (rate.std("seed") > 0.0).all()
    for name in ("RS", "FS"):
        axes = {"b_pA": "b", "drive_Hz": "drive"}
        expected = published("recurrent_fsrs_rates.csv", f"rate_{name}_Hz", **axes).sel(b=b, drive=drives)
        np.testing.assert_allclose(rate.sel(population=name).mean("seed"), expected, rtol=0.06)


@pytest.mark.slow  # 2 minutes
def test_survival_after_a_kick_is_the_published_one(tmp_path):
    """Two networks a point; one of them survives as an exponential does, so only all points together tell."""
    words = (*SACHA, "neuron.RS.V_cut=null", "neuron.FS.V_cut=null", "protocol.bin=5.0", "grid.drive=[1.0]")
    words += ("network.drives.external.shape.stop=300.0", "network.drives.external.shape.fall=1.0")
    axes = ("grid.neuron.RS.b=[8.0,16.0,24.0]", "grid.network.exc.tau_syn=[3.0,4.0,4.5,5.0,5.5,6.5]")
    axes += ("grid.seed=[0,1]",)
    found = survival(swept(tmp_path, *words, *axes), "RS").survival.squeeze().mean("seed")
    known = published("recurrent_survival_tau_e.csv", "survival_ms", b_pA="b", tau_e_ms="tau_syn")
    known = known.sel(b=found.b, tau_syn=found.tau_syn)
    found, known = (x.transpose("b", "tau_syn").values.ravel() for x in (found, known))
    assert scipy.stats.spearmanr(found, known).statistic > 0.97
    between = (known > 50.0) & (known < 1600.0)
    assert between.sum() >= 10
    assert np.median(np.abs(found / known - 1.0)[between]) < 0.25


@pytest.mark.slow  # 1 minute
def test_up_and_down_states_are_those_of_the_original(tmp_path):
    """Kicks of one size: durations within four standard errors of the original's, rates within 20 %."""
    words = (*JERCOG, "protocol.duration=12000.0", "grid.seed=[0]")
    found = up_states(swept(tmp_path, *words), "E").squeeze()
    known = pd.read_csv(REFERENCE / "jercog_up_down.csv").set_index("kick_in_up").loc[1.0]
    assert found.n_up >= 3
    for name in ("up_duration", "down_duration"):
        errors = [x[f"{name}_sd"] / np.sqrt(x["n_up"]) for x in (found, known)]
        assert abs(found[name] - known[name]) < 4.0 * np.hypot(*errors)
    for population in ("E", "I"):
        rate = found.up_rate.sel(population=population).item()
        assert rate == pytest.approx(known[f"up_rate_{population}"], rel=0.2)
    assert (found.down_rate < 0.2 * found.up_rate).all()


def test_a_kick_reaches_each_population_with_its_own_factor():
    network = make_job(ss.load(*JERCOG))[0].network
    kicks = {link.target: link.connections.weights.mean for link in network.links() if link.source == "kicks"}
    assert kicks == {"E": 1.0, "I": 0.4}


def test_a_shared_drive_has_its_weight():
    """Once the weight of a shared drive did nothing."""
    for weight in (1.0, 2.5):
        cfg = ss.load(*SACHA, f"network.drives.external.weight={weight}")
        links = make_job(cfg)[0].network.whole.links()
        assert {link.connections.weights.mean for link in links if link.source == "external"} == {weight}


@pytest.mark.parametrize("factors", [{"E": 1.0}, {"E": 1.0, "I": 0.4, "X": 1.0}])
def test_factors_of_other_populations_are_refused(factors):
    cfg = ss.load(*JERCOG)
    cfg.network.drives.kicks.factors = factors
    with pytest.raises(InputError, match=r"network\.drives\.kicks\.factors is of"):
        make_job(cfg)


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        (("network=brunel2000", "neuron=lif_psc"), "SpikingNetwork, which has no inhibitory_fraction"),
        (("network=jercog2017", "neuron=jercog2017"), "SpikingNetwork, which has no inhibitory_fraction"),
        (("network=feedforward_rate", "neuron=rate_unit"), "RateNetwork, which has no in_degree"),
    ],
)
def test_a_mean_field_of_another_network_is_refused(words, lacks):
    with pytest.raises(InputError, match=f"network is a {lacks}.*network=fs_rs for example"):
        make_job(ss.load("protocol=mean_field", *words))
