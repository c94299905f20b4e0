"""What the files of conf/ hold, so that a new model is tested because it exists."""

import os
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import spikesweep as ss
from spikesweep import folder_packages, models
from spikesweep.protocols import TransferFunction
from spikesweep.units import units_of

CONF = Path(__file__).parents[1] / "conf"
REFERENCE = Path(__file__).parent / "reference"

# a stall of the machine is no failure, and a checkout may be read-only
settings.register_profile("here", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
# what programs print does not depend on where the tests run
os.environ["COLUMNS"] = "200"
os.environ.pop("FORCE_COLOR", None)


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


#: Whether slow tests that repeat something take all of it: by default a part (CONTRIBUTING.md).
LONG = bool(os.environ.get("SPIKESWEEP_LONG"))
#: Those that simulate a network; others have tests of their own.
PROTOCOLS = [name for name in options("protocol") if name not in ("function", "homeostatic_training")]


@cache
def classes():
    """Return the class of every cell, by neuron and cell."""
    found = {}
    for neuron in options("neuron"):
        for cell, node in ss.load(f"neuron={neuron}").neuron.items():
            found[neuron, cell] = getattr(models, node["_target_"].rpartition(".")[2])
    return found


def spiking():
    """Return the cells that spike; others have tests of their own."""
    return [pair for pair, cls in classes().items() if hasattr(cls, "step")]


def few_of_each_file():
    """Return the cells that spike, those beyond the fourth of a file and a class for slow tests."""
    seen, found = Counter(), []
    for pair in spiking():
        kind = pair[0], classes()[pair]
        seen[kind] += 1
        found.append(pytest.param(pair, marks=pytest.mark.slow) if seen[kind] > 4 else pair)
    return found


def cells():
    """Return the cells that spike under a current in pA: those whose potential is in mV."""
    return [x for x in spiking() if units_of(get_type_hints(classes()[x].initial)["return"])["v"] == "mV"]


def first_file(folder):
    """Return the first file below a folder."""
    return min(p for p in folder.rglob("*") if p.is_file())


def n_done(path):
    """Return how many blocks of a store are recorded."""
    return sum(1 for p in (path / "status").rglob("c.*") if ".partial" not in p.name)


def pytest_generate_tests(metafunc):
    if "any_cell" in metafunc.fixturenames:
        metafunc.parametrize("any_cell", few_of_each_file(), ids=lambda pair: "/".join(pair))
    for group in ("neuron", "network", "protocol"):
        if f"any_{group}" in metafunc.fixturenames:
            metafunc.parametrize(f"any_{group}", PROTOCOLS if group == "protocol" else options(group))


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_disks():
    """Let nothing be synchronised: no test takes the power away, and one asks whether it would be."""
    fsync, os.fsync = os.fsync, lambda descriptor: None
    yield fsync
    os.fsync = fsync


@pytest.fixture
def nobody_writes(monkeypatch):
    """Let a check believe what it sees: by default it looks again later, for a driver that may be writing."""
    monkeypatch.setattr("spikesweep.store.check._WRITTEN", 0.0)


@pytest.fixture(autouse=True)
def no_models_left():
    """Forget after a test which folders of models it named: their options would be those of others."""
    yield
    for name in [*folder_packages.FOLDERS]:
        del folder_packages.FOLDERS[name]
        for module in [m for m in sys.modules if m.split(".")[0] == name]:
            del sys.modules[module]
            folder_packages._imported.pop(module, None)


@pytest.fixture
def without_numba(tmp_path):
    """Return a function that gives the lines a program prints, which must be the same without numba."""

    def lines(code):
        said = []
        for disabled in "01":
            done = subprocess.run(
                [sys.executable, "-c", code, str(tmp_path / disabled)],
                env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
                capture_output=True,
                text=True,
                timeout=900,
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout.splitlines())
        assert said[0] == said[1]
        return said[0]

    return lines


HELD = """
import itertools, time
from spikesweep.protocols import TransferFunction
from spikesweep.units import units_of
original, calls = TransferFunction.__call__, itertools.count()

def held(self, network, points, whole):
    while next(calls) >= BLOCKS:
        time.sleep(3600)
    return original(self, network, points, whole)

TransferFunction.__call__ = held
"""


@pytest.fixture
def killed(tmp_path):
    """Return a function that runs a command until a store has more blocks, then kills it with SIGKILL.

    Each of its processes waits after some blocks, so that no sweep is too quick to be killed.
    """

    def kill(command, path, *, blocks):
        before = n_done(path)
        (tmp_path / "held").mkdir(exist_ok=True)
        (tmp_path / "held" / "sitecustomize.py").write_text(HELD.replace("BLOCKS", str(blocks)))
        modules = os.pathsep.join([str(tmp_path / "held"), *filter(None, sys.path)])
        with open(tmp_path / "said.txt", "w+") as said:
            driver = subprocess.Popen(
                command, env={**os.environ, "PYTHONPATH": modules}, stdout=said, stderr=subprocess.STDOUT
            )
            try:
                while n_done(path) == before:
                    assert driver.poll() is None, Path(said.name).read_text()
                    time.sleep(0.01)
            finally:
                driver.kill()
                driver.wait(timeout=900)

    return kill


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


@pytest.fixture
def faulty_point(monkeypatch):
    """Return a function after which transfer functions raise where fe is 6 in seed 1."""

    def break_it():
        original = TransferFunction.__call__

        def faulty(self, network, points, whole):
            if np.any((points["fe"] == 6) & (points["seed"] == 1)):
                raise ValueError("no such point")
            return original(self, network, points, whole)

        monkeypatch.setattr(TransferFunction, "__call__", faulty)

    return break_it
