"""Names of before still work: of modules that people import, and of classes in YAML and stores."""

import importlib
import subprocess
import sys

import pytest

import spikesweep as ss
from spikesweep import old_names
from spikesweep.config.build import target_class
from spikesweep.sweep.job import make_job


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("spikesweep.plots", "spikesweep.analysis.plots"),
        ("spikesweep.plots.fi_curve", "spikesweep.analysis.plots.fi_curve"),
        ("spikesweep.neurons", "spikesweep.models"),
        ("spikesweep.neurons.adexp", "spikesweep.models.neurons.adexp"),
        ("spikesweep.inputs", "spikesweep.models"),
    ],
)
def test_an_old_module_is_the_very_module_of_today(old, new):
    assert importlib.import_module(old) is importlib.import_module(new)


def test_old_imports_work_in_a_process_that_knows_no_other():
    code = (
        "from spikesweep.plots import figure; from spikesweep.neurons import AdExp; print(AdExp.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "spikesweep.models.neurons.adexp"


@pytest.mark.parametrize(
    "name",
    [
        "spikesweep.neurons.AdExp",
        "spikesweep.neurons.adexp.AdExp",
        "spikesweep.inputs.ExponentialConductance",
        "spikesweep.networks.RandomNetwork",
        "spikesweep.networks.EINetwork",
        "spikesweep.rate_networks.RateNetwork",
        "spikesweep.spiking_networks.SpikingPopulation",
        "spikesweep.many_to_one.ManyToOne",
        "spikesweep.afferents.Afferents",
        "spikesweep.execute.Serial",
        "spikesweep.protocols.TransferFunction",
    ],
)
def test_an_old_target_is_the_class_of_today(name):
    assert target_class(name, "x").__name__ == name.rpartition(".")[2]
    assert old_names.target(old_names.target(name)) == old_names.target(name)


def test_a_yaml_of_before_gives_the_same_job(tmp_path):
    words = (
        "neuron.RS._target_=spikesweep.neurons.AdExp",
        "network._target_=spikesweep.networks.RandomNetwork",
    )
    old, new = (make_job(ss.load(*w, f"outputs={tmp_path}"))[0] for w in (words, ()))
    assert old.network == new.network


def test_a_name_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("spikesweep.plotz")
