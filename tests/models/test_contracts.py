"""What a part lacks is told where it is built; what it does not need it need not have."""

from typing import Protocol

import pytest

import spikesweep as ss
from spikesweep import models, protocols
from spikesweep.config.build import build
from spikesweep.contract import kind_of, lacking, members, parts_of
from spikesweep.errors import InputError
from spikesweep.models.contracts import Conducting, Neuron, Synapse
from spikesweep.protocols.base import Experiment
from spikesweep.sweep.job import make_job

JERCOG = ("neuron=jercog", "network=jercog", "protocol=ei_balance")


def test_members_are_those_of_the_contract_and_of_what_it_derives_from():
    assert {"step", "initial", "coefficients", "time_constants"} == set(members(Neuron))
    assert set(members(Synapse)) < set(members(Conducting))
    assert kind_of(Neuron) == "a neuron that spikes"


def test_every_model_and_protocol_meets_a_contract():
    kinds = [getattr(models, name) for name in models.__all__]
    spiking = [cls for cls in kinds if hasattr(cls, "step")]
    synapses = [cls for cls in kinds if hasattr(cls, "advance") and ".synapses." in cls.__module__]
    assert len(spiking) > 5
    assert len(synapses) > 2
    assert not [cls for cls in spiking if lacking(cls, Neuron)]
    assert not [cls for cls in synapses if lacking(cls, Synapse)]
    for name in protocols.__all__:
        assert not lacking(getattr(protocols, name), Experiment), name


class Counted(Protocol):
    """A thing that is counted. More is not said."""

    @property
    def number(self) -> int:
        """How many."""


def test_a_property_is_not_computed_to_see_that_it_is_there():
    class Costly:
        @property
        def number(self) -> int:
            raise AssertionError("it was computed")

    assert not lacking(Costly(), Counted)
    assert lacking(object(), Counted) == ["number"]


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (
            ("neuron=rate_unit", "network.populations=[E]"),
            ("network.populations.E.cell is a RateUnit", "has no", "step", "a neuron that spikes"),
        ),
        (
            ("network.exc={_target_:spikesweep.models.EqualWeights,mean:1.0}",),
            ("network.exc is a EqualWeights", "advance", "a synapse of spiking neurons"),
        ),
        (
            (*JERCOG, "network.exc._target_=spikesweep.models.TwoStageCurrent"),
            ("network.exc is a TwoStageCurrent", "allowed: TwoStageKinetics"),
        ),
        (("protocol._target_=spikesweep.models.EqualWeights",), ("protocol is a EqualWeights", "a protocol")),
        (("network._target_=spikesweep.models.EqualWeights",), ("network is a EqualWeights", "a network")),
    ],
)
def test_a_part_of_another_kind_is_refused_by_what_it_lacks(words, texts, tmp_path):
    with pytest.raises(InputError) as refusal:
        make_job(ss.load(*words, f"outputs={tmp_path}"))
    for text in texts:
        assert text in str(refusal.value)


def test_a_part_that_is_built_already_is_taken_as_it_is_and_checked():
    weights = models.EqualWeights(1.0)
    assert build(weights, "x") is weights
    with pytest.raises(InputError, match="x is a EqualWeights, which has no"):
        build(weights, "x", Neuron)


def test_parts_in_lists_are_parts():
    weights = models.EqualWeights(1.0)
    found = dict(parts_of({"a": (weights, [weights])}, "x"))
    assert list(found) == ["x.a[0]", "x.a[1][0]"]
