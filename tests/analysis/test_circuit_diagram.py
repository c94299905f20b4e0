"""Diagrams of networks: each projection is there, with the sign that its synapses have."""

import pytest

import spikesweep as ss
from spikesweep.analysis.plots.circuit import Arrow, arrows_of, circuit
from spikesweep.errors import InputError

RATE = ("neuron=rate_unit", "protocol=rate_dynamics")


def test_a_rate_network_has_its_projections():
    network = ss.network(ss.load(*RATE, "network=dentate_6"))
    signs = {
        ("Input", "Output"): True,
        ("FF_Inh", "Output"): False,
        ("FB_Inh", "Output"): False,
        ("FB_Exc", "Output"): True,
        ("Input", "FF_Inh"): True,
        ("Output", "FB_Exc"): True,
        ("FB_Exc", "FB_Exc"): True,
        ("FB_Exc", "FB_Inh"): True,
    }
    assert {(a.source, a.target): a.excites for a in arrows_of(network)} == signs
    fig = circuit(network)
    (ax,) = fig.axes
    assert [t.get_text() for t in ax.texts] == [
        "Output\n128",
        "FF_Inh\n7",
        "FB_Inh\n7",
        "FB_Exc\n7",
        "Input\n7",
    ]
    assert len(ax.patches) == 5 + len(signs)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["excites", "inhibits"]


def test_a_spiking_network_has_projections_and_drives():
    """Signs by the weight, where a synapse is a current, and by the reversal potential, where it is none."""
    expected = {
        Arrow("external", "E", True),
        Arrow("external", "I", True),
        *(Arrow("E", name, True) for name in "EI"),
        *(Arrow("I", name, False) for name in "EI"),
    }
    brunel = ss.network(ss.load("neuron=lif_psc", "network=brunel2000", "protocol=spiking_network"))
    assert set(arrows_of(brunel)) == expected
    one = ss.network(ss.load("neuron=izhikevich", "network=n_to_1", "protocol=connection_test"))
    assert set(arrows_of(one)) == {Arrow("exc", "RS", True), Arrow("inh", "RS", False)}


@pytest.mark.parametrize(
    ("words", "boxes"),
    [
        (("network=fs_rs",), 3),
        (("network=jercog", "neuron=jercog", "protocol=ei_balance"), 3),
        (("network=potjans_diesmann2014", "neuron=lif_psc", "protocol=spiking_network"), 9),
        (("network=recurrent_rate", *RATE), 3),
    ],
)
def test_networks_that_are_short_for_another_have_a_diagram(words, boxes):
    network = ss.network(ss.load(*words))
    (ax,) = circuit(network).axes
    assert len(ax.texts) == boxes
    assert {text.get_text().split("\n")[0] for text in ax.texts} >= {*network.populations}


def test_a_network_that_says_no_projections_is_refused():
    words = ("network=afferents", "neuron=lif_dimensionless", "protocol=population_information")
    with pytest.raises(InputError, match="Afferents says no projections; allowed: a network with"):
        circuit(ss.network(ss.load(*words)))
