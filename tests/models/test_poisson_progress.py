"""Every loop of the kernels makes progress, whatever its numbers are, and ends at a signal."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.models.inputs.poisson import MOST_EVENTS, make_trains
from spikesweep.sweep.job import make_job

SMALL = ("compute=serial", "protocol.duration=100", "grid.seed=0", "grid.pop_size=[1]")
GRID = (*SMALL, "grid.fe=4", "grid.fi=2")


def ran(tmp_path, *words):
    return ss.run(ss.load(f"outputs={tmp_path}", *words)).load()


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("grid.fi", "grid.fi={}"),
        ("grid.fi in a list", "grid.fi=[{}]"),
        ("network.p_connect", "network.p_connect={}"),
        ("network.inhibitory_fraction", "network.inhibitory_fraction={}"),
        ("network.exc.weight", "network.exc.weight={}"),
        ("swept", "grid.network.p_connect=[{}]"),
    ],
)
def test_minus_zero_is_zero(tmp_path, key, word):
    found = [ran(tmp_path / name, *GRID, word.format(name)) for name in ("-0.0", "0.0")]
    assert found[0].identical(found[1].assign_attrs(found[0].attrs)), key
    for coordinate in found[0].coords.values():
        if coordinate.dtype.kind == "f":
            assert not np.signbit(coordinate.values).any()


def test_minus_zero_in_ranges_samples_and_tables(tmp_path):
    table = tmp_path / "points.csv"
    table.write_text("fe,fi\n-0.0,0\n4,-0.0\n")
    for words in (
        ("grid.fi={start:-0.0,stop:4,num:2}",),
        (f"points={table}",),
        ("grid.fi=${linspace:-0.0,0.0,1}",),
    ):
        own = [word for word in GRID if not word.startswith("grid.f") or "points" not in words[0]]
        grid = make_job(ss.load(f"outputs={tmp_path}", *own, *words))[0].grid
        assert not np.signbit(grid.coordinates["fi"]).any(), words


def test_make_trains_refuses_what_would_never_end():
    key = np.zeros(LANES)
    for rate in (-1.0, np.inf, np.nan, MOST_EVENTS * 1.01):
        with pytest.raises(InputError, match="events in a step are refused; allowed: 0 to 1000"):
            make_trains(key, key, ("exc",), np.full((1, LANES), rate))
    assert np.all(make_trains(key, key, ("exc",), np.full((1, LANES), -0.0)).interval == np.inf)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grid.fe=1e9", "network.exc.weight=0"), "grid.fe = 1e+09 Hz is refused"),
        (("grid.fi=1e300", "network.inh.weight=0"), "grid.fi = 1e+300 Hz is refused"),
        (
            ("protocol=transfer_function_adaptive", "protocol.max_fe=1e9", "network.exc.weight=0"),
            "protocol.max_fe = 1e+09 Hz is refused",
        ),
        (("protocol=ei_balance", "network=jercog", "neuron=jercog", "grid.pop_size=[1000000000]"), "grid.f"),
        (
            (
                "neuron=lif_psc",
                "network=brunel2000",
                "protocol=spiking_network",
                "network.drives.external.n.E=1e9",
            ),
            "network.drives.external.n.E = 1e+09",
        ),
    ],
)
def test_rates_that_no_step_holds_are_refused(words, said):
    with pytest.raises(InputError) as error:
        make_job(ss.load(*words))
    assert said in str(error.value)
    assert "allowed: at most" in str(error.value)


def test_highest_rate_that_is_allowed_is_simulated(tmp_path):
    fe = MOST_EVENTS / (4000 * 1e-3 * 0.05)
    found = ran(
        tmp_path, "network.N=100000", "network.exc.weight=0", *SMALL, f"grid.fe={fe / 10}", "grid.fi=0"
    )
    assert np.isfinite(found.rate).all()


INTERRUPTED = """
import sys, threading, os, signal
import spikesweep as ss
from spikesweep.kernels.cells import lanes
from spikesweep.protocols import TransferFunction
whole = TransferFunction.__call__
def told(self, *args):
    print("simulating", flush=True)
    return whole(self, *args)
TransferFunction.__call__ = told
try:
    ss.run(ss.load("outputs=" + sys.argv[1], "compute=serial", "protocol.duration=1e8", "grid.fe=30",
                   "grid.fi=0", "grid.seed=0", "grid.pop_size=[1]", "confirm=true"))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_kernel_ends_at_sigint(tmp_path):
    """A point of hours ends when it is asked to, in the thread that computes it."""
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert "simulating" in child.stdout.readline()
        os.kill(child.pid, signal.SIGINT)
        out, _ = child.communicate(timeout=120)  # a second or two; without it hours
        assert "interrupted" in out, out
    finally:
        child.kill()
