"""Kicks in sweeps, and the Up states of Soldado-Magraner et al. 2022 that they begin."""

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.analysis.up_states import Rule, up_states
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

QUIET = ("protocol.record=[]", "protocol.neurons=[]", "compute=serial")
SOLDADO = ("neuron=jercog", "network=soldado2022", "protocol=spiking_network", *QUIET)
#: The same with a tenth of the cells, whose weights are ten times as large; 200 ms.
SMALL = (
    *SOLDADO,
    "network.populations.E.n=80",
    "network.populations.I.n=20",
    "network.projections.E.E.n=3200",
    "network.projections.E.I.n=800",
    "network.projections.I.E.n=800",
    "network.projections.I.I.n=200",
    "network.drives.kicks.n=10",
    "network.drives.kicks.weight=0.1",
    "network.drives.kicks.times=[20.0,150.0]",
    "grid.weight_scale=[10.0]",
    "protocol.duration=200.0",
)
#: What the code of the paper takes for an Up state: inhibitory cells above 0.2 Hz for more than 100 ms.
RULE = Rule(high=0.2, low=0.2)


def test_numbers_of_kicked_networks_do_not_depend_on_how_they_are_run(tmp_path):
    words = ("grid.network.drives.kicks.weight=[0.0,0.1]", "grid.network.drives.kicks.n=[10,40]")
    whole = ss.run(ss.load(*SMALL, *words, f"outputs={tmp_path / 'a'}", "compute.block_points=4"))
    spikes = whole.sweep.spikes()
    more = ("compute=threads", "compute.workers=2", "compute.block_points=1")
    other = ss.run(ss.load(*SMALL, *words, *more, f"outputs={tmp_path / 'b'}"))
    assert other.drop_vars("spike_size").equals(whole.drop_vars("spike_size"))
    assert other.sweep.spikes().equals(spikes)
    rate = whole.population_rate.squeeze().sel(population="E")
    assert rate.sel(time_bin=slice(20, 40), weight=0.1).max("time_bin").diff("n").min() > 0.0
    assert not rate.sel(weight=0.0).any()
    assert not rate.sel(time_bin=slice(0, 10)).any()


def test_kicks_have_no_rate_to_sweep_and_some_are_refused_before_anything_runs():
    with pytest.raises(InputError, match=r"grid\.drive is not an axis"):
        make_job(ss.load(*SMALL, "grid.drive=[1.0]"))
    for words, message in (
        ("network.drives.kicks.times=[20.0,20.05]", r"network\.drives\.kicks\.times holds 20.05 ms; allowed"),
        ("grid.network.drives.kicks.p_connect=[0.5]", r"kicks has p_connect = 0.5 and n = 10; allowed"),
        ("network.drives.kicks.n=81", r"network\.drives\.kicks, onto E: n = 81 is refused.*at most 80"),
        ("network.drives.kicks.p_connect=0.5", r"\.kicks has p_connect = 0.5 and n = 10; allowed"),
    ):
        with pytest.raises(InputError, match=message):
            make_job(ss.load(*SMALL, words))


@pytest.mark.slow  # half a minute
def test_each_kick_begins_an_up_state_of_the_published_rates(tmp_path):
    """Five of five kicks; rates within 5 standard errors of the difference of our mean from Brian2's.

    Up states end at random, from 1.1 s on in Brian2; before training they are shorter, and at lower rates.
    """
    words = ("protocol.duration=4000.0", "grid.seed=[0,1,2,3,4]", "protocol.record_spikes=false")
    untrained = [f"network.parameters.{name}=1.0" for name in ("EE", "EI", "IE", "II")]
    trained, before = (
        up_states(ss.run(ss.load(*SOLDADO, *words, *more, f"outputs={tmp_path / str(k)}")), "I", RULE)
        for k, more in enumerate(((), untrained))
    )
    peer = pd.read_csv(REFERENCE / "soldado2022_brian2.csv").groupby("weights")
    for found, weights in ((trained, "trained"), (before, "plain")):
        assert (found.up_fraction > 0.0).all()
        for name in ("E", "I"):
            known, mean = (
                peer.get_group(weights)[f"up_rate_{name}"],
                found.up_rate.sel(population=name).mean(),
            )
            assert abs(float(mean) - known.mean()) < 5.0 * known.std() * np.sqrt(1 / len(known) + 1 / 5)
    assert (trained.up_fraction * 4000.0 > 1000.0).all()
    assert (before.up_duration < 1500.0).all()
    assert float(trained.up_fraction.mean()) > 2.0 * float(before.up_fraction.mean())


@pytest.mark.slow  # half a minute
def test_current_into_inhibitory_cells_lowers_their_rate_in_up_states(tmp_path):
    """The paradoxical effect, from 300 to 700 ms: 17.3, 13.0 and 8.3 Hz of I, means of four seeds."""
    rates = []
    for current in (-5.0, 0.0, 5.0):
        words = (f"network.populations.I.i_ext=[{current}]", "grid.seed=[0,1,2,3]", "protocol.duration=700.0")
        ds = ss.run(ss.load(*SOLDADO, *words, f"outputs={tmp_path / str(current)}"))
        up = ds.population_rate.sel(time_bin=slice(300, None)).squeeze()
        assert (up.sel(population="E").mean("time_bin") > 2.0).all()
        rates.append(up.mean(("time_bin", "seed")).values)
    assert (np.diff(rates, axis=0) < [-0.6, -2.5]).all()
