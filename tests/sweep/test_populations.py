"""One shape of populations: swept keys are found by what reads them, in every network."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

SPIKING = (
    "neuron=izhikevich",
    "network=recurrent_spiking",
    "protocol=spiking_network",
    "protocol.duration=60.0",
    "network.populations.E.n=12",
    "network.populations.I.n=4",
    "protocol.common_random_numbers=true",
    "compute=serial",
)
RATE = ("neuron=rate_unit", "network=feedforward_rate", "protocol=rate_dynamics")
JERCOG = ("neuron=jercog", "network=jercog", "protocol=ei_balance")


def load(folder, *words):
    return ss.load(*SPIKING, f"outputs={folder}", *words)


def test_a_value_that_two_populations_share_is_swept_for_both(tmp_path):
    """E and I are both RS: once nothing read neuron.RS.d there."""
    ds = ss.run(load(tmp_path, "neuron.RS.d=50.0,150.0", "grid.i_ext=[300.0]", "name=swept")).load()
    for d in (50.0, 150.0):
        alone = ss.run(load(tmp_path, f"neuron.RS.d={d}", "grid.i_ext=[300.0]", f"name=d{d}")).load()
        np.testing.assert_array_equal(ds.rate.sel(d=d), alone.rate)
    rates = ds.rate.squeeze()
    assert (rates.sel(d=50.0) > rates.sel(d=150.0)).all()  # of E and of I


def test_the_places_of_a_value_are_those_of_the_populations_that_have_the_cell(tmp_path):
    job = make_job(load(tmp_path, "neuron.RS.d=50.0,150.0"))[0]
    places = [("network", "populations", name, "cell", "d") for name in ("E", "I")]
    assert job.parameters.places["neuron.RS.d"] == tuple(places)


def test_a_cell_is_built_once_for_all_its_populations(tmp_path):
    populations = make_job(load(tmp_path))[0].network.populations
    assert populations["E"].cell is populations["I"].cell


@pytest.mark.parametrize(
    ("words", "key"),
    [
        # the population E has the cell Output: equal numbers once stood under different labels
        (
            (*RATE, "network.populations.E.cell=Output", "neuron.E.R=1.0,50.0"),
            "neuron.E.R",
        ),
        (("protocol=fi_curve", "network.p_connect=0.02,0.05"), "network.p_connect"),
        (
            (*JERCOG, "network.N=500,1000", "grid.pop_size=[1000]"),
            "network.N",
        ),
        (("protocol=mean_field", "neuron.RS.V_th=-50.0,-45.0"), "neuron.RS.V_th"),
        (("network.populations=[FS]", "neuron.RS.b=0.0,40.0"), "neuron.RS.b"),
    ],
)
def test_an_axis_that_nothing_reads_is_refused(words, key, tmp_path):
    with pytest.raises(InputError, match=f"nothing reads {key}"):
        make_job(ss.load(*words, f"outputs={tmp_path}"))


def test_a_list_of_cells_is_short_for_populations_of_their_names(small):
    words = ("grid.fe=[8]", "grid.seed=[0]", "neuron.RS.b=0.0,40.0")
    short = ss.run(small(*words, "network.populations=[RS]", "name=short")).load()
    cfg = small(*words, "name=written")
    cfg.network.populations = {"RS": {"cell": "RS"}}
    np.testing.assert_array_equal(short.rate, ss.run(cfg).load().rate)
    cfg = small(*words, "name=named")
    cfg.network.populations = {"A": {"cell": "RS"}, "B": {"cell": "RS"}}
    named = ss.run(cfg).load()
    assert named.population.values.tolist() == ["A", "B"]
    assert named.sizes["b"] == 2
    assert (named.rate.sel(b=0.0) > named.rate.sel(b=40.0)).any(["fi", "pop_size"]).all()


def test_networks_of_spiking_neurons_have_f_i_curves(tmp_path):
    words = ("neuron=izhikevich", "network=recurrent_spiking", "protocol=fi_curve", "grid.i_ext=[0.0,200.0]")
    ds = ss.run(ss.load(*words, "protocol.duration=500.0", f"outputs={tmp_path}", "compute=serial")).load()
    assert ds.population.values.tolist() == ["E", "I"]
    assert (ds.rate.sel(i_ext=200.0) > 10).all()
