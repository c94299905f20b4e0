"""Homeostatic training as a sweep: what it converges to, that it is that of the analysis, what is refused."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.analysis.homeostatic import train
from spikesweep.analysis.plots import figure
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.sweep.job import make_job

TRIALS = "grid.trial={start:0,stop:2000,num:5}"


def run(tmp_path, *words):
    return ss.run(
        ss.load("protocol=homeostatic_training", "compute=serial", f"outputs={tmp_path}", *words)
    ).load()


@pytest.fixture(scope="module")
def ds(tmp_path_factory):
    return run(tmp_path_factory.mktemp("training"), TRIALS)


def test_cross_and_two_term_converge_to_the_published_set_points_from_all_weights(ds):
    """Published: E 5 and I 14 Hz. They are the only fixed points of the rules: to 1e-6 after 2000 trials."""
    assert (ds.status == OK).all()
    first, last = (ds.rate.isel(trial=i, set_E=0, set_I=0) for i in (0, -1))
    trained = last.sel(rule=["cross", "two_term"])
    np.testing.assert_allclose(trained.sel(population="E"), 5.0, rtol=1e-6)
    np.testing.assert_allclose(trained.sel(population="I"), 14.0, rtol=1e-6)
    assert float(abs(first.sel(population="E") - 5.0).mean()) > 1.0  # where they came from
    assert (ds.response.sel(rule=["cross", "two_term"]).isel(trial=-1) < 0.0).all()  # the paradoxical effect
    weights = ds.weight.sel(rule="cross").isel(trial=-1).squeeze()
    assert (weights.std("seed") > 0.1).all()  # not one solution: a plane of them


def test_the_standard_rule_does_not(ds):
    """Published: it fails. No network of 20 comes within half of either set point."""
    last = ds.rate.sel(rule="standard").isel(trial=-1)
    assert (last.sel(population="E") < 2.5).all()
    assert (last.sel(population="I") < 7.0).all()


def test_it_is_the_training_of_the_analysis_whatever_else_is_in_the_block(ds):
    for rule in ("cross", "standard", "two_term"):
        one = ds.sel(rule=rule, seed=3).squeeze()
        found = train(one.weight.isel(trial=0).values[:, np.newaxis], rule, 2001, 5e-4)
        np.testing.assert_array_equal(one.rate.sel(population="E"), found.E[::500, 0])
        np.testing.assert_array_equal(one.weight, found.weights[::500, :, 0].transpose("weight", "trial"))


def test_weights_depend_on_the_seed_alone(ds, tmp_path):
    """Other set points are reached, too: to 2 %, for the lower ones are approached more slowly."""
    axes = ("grid.set_E=[3.0,5.0]", "grid.set_I=[10.0,14.0]", "grid.seed=[2,30]", "grid.trial=[500,2000]")
    more = run(tmp_path, *axes)
    old = ds.sel(seed=2, trial=[500, 2000], set_E=5.0, set_I=14.0)
    new = more.sel(seed=2, set_E=5.0, set_I=14.0)
    np.testing.assert_array_equal(new.weight.transpose(*old.weight.dims), old.weight)
    for E, I in ((3.0, 10.0), (3.0, 14.0), (5.0, 10.0)):  # noqa: E741
        rate = more.rate.sel(rule="two_term", set_E=E, set_I=I, trial=2000)
        np.testing.assert_allclose(rate.sel(population="E"), E, rtol=2e-2)
        np.testing.assert_allclose(rate.sel(population="I"), I, rtol=2e-2)


def test_a_swept_gain_begins_with_weights_that_have_an_up_state(tmp_path):
    ds = run(tmp_path, TRIALS, "grid.seed=[0,1]", "grid.protocol.gain_I=[3.0,4.0]", "grid.rule=[two_term]")
    np.testing.assert_allclose(ds.rate.sel(population="E").isel(trial=-1), 5.0, rtol=1e-3)


def test_the_figure_has_a_column_a_rule_and_names_its_axes(ds):
    axes = figure(ds).axes
    assert [ax.get_title() for ax in axes[:3]] == ["standard", "cross", "two_term"]
    assert axes[0].get_ylabel() == "rate in the Up state (Hz)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grid.rule=[hebb]"], r"grid.rule holds 'hebb'; .*cross"),
        (["grid.set_E=[0.0]"], "grid.set_E"),
        (["grid.trial=[20000000]"], "grid.trial holds 20000000; allowed: up to 10000000"),
        (["protocol.initial_low=[1.0,1.0]"], r"protocol.initial_low = \[1.0, 1.0\] is refused; .* EE, EI"),
        (["protocol.initial_low=[9.0,0.5,7.0,0.2]"], "allowed: none above protocol.initial_high"),
        (["protocol.initial_rates=[5.0,5.0]"], "protocol.initial_rates = .* a lower and a higher rate"),
        (["protocol.initial_rates=[900.0,900.1]"], "gave seed 0 no Up state"),
        (["grid.neuron.RS.b=[1.0,2.0]"], "neuron.RS.b"),
    ],
)
def test_refusals(words, said):
    with pytest.raises(InputError, match=said):
        make_job(ss.load("protocol=homeostatic_training", *words))
