"""What the files of conf/ hold, so that a new model is tested because it exists."""

from pathlib import Path

import pytest

import spikesweep as ss
from spikesweep import neurons

CONF = Path(__file__).parents[1] / "conf"
DIMENSIONLESS = ("spikesweep.neurons.LIFDimensionless",)
REFERENCE = Path(__file__).parent / "reference"


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def cells():
    """Return the cells that spike under a current; others have tests of their own."""
    found = []
    for neuron in options("neuron"):
        for cell, node in ss.load(f"neuron={neuron}").neuron.items():
            step = getattr(getattr(neurons, node["_target_"].rpartition(".")[2]), "step", None)
            if step and node["_target_"] not in DIMENSIONLESS:
                found.append((neuron, cell))
    return found


def pytest_generate_tests(metafunc):
    if "any_cell" in metafunc.fixturenames:
        metafunc.parametrize("any_cell", cells(), ids=lambda pair: "/".join(pair))
    for group in ("neuron", "network", "protocol"):
        if f"any_{group}" in metafunc.fixturenames:
            metafunc.parametrize(f"any_{group}", options(group))


@pytest.fixture
def small(tmp_path):
    """Return a function that loads a sweep of a few short points, stored below tmp_path."""

    def load(*overrides):
        return ss.load(
            "neuron=adexp",
            "network=fs_rs",
            "grid.fe=[0,6,12]",
            "grid.fi=[2,8]",
            "grid.seed={start:0,stop:2,num:3}",
            "grid.pop_size=[1,3]",
            "protocol.duration=200.0",
            f"outputs={tmp_path}",
            "compute=serial",
            *overrides,
        )

    return load
