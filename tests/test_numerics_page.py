"""The recipe of docs/numerics.md shows a step that is too large, and a small one as small enough."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
from conftest import PROTOCOLS, classes

import spikesweep as ss
from spikesweep.config import compose as config
from spikesweep.config.build import build

#: Cells of LIF without connections, under white noise that keeps them below threshold in the mean.
NOISE = (
    "neuron=lif", "network=vogels_abbott", "network.populations=[LIF]", "network.p_connect=0",
    "network.N=200",
    "network.noise={_target_:spikesweep.models.PotentialNoise,sigma:7.0}", "network.delay=1.0",
    "protocol=spiking_network", "protocol.record=[]", "protocol.neurons=[]", "protocol.record_spikes=false",
    "protocol.record_rates=false", "protocol.duration=1500", "protocol.discard=500", "grid.seed=[0]",
)  # fmt: skip


def test_half_the_step_shows_the_bias_under_white_noise(tmp_path):
    """By some percent, always downward: crossings between two steps are not seen."""
    ds = ss.run(ss.load(*NOISE, "protocol.dt=0.05,0.2", "compute=serial", f"outputs={tmp_path}")).load()
    rate = ds.rate.mean("population").values.ravel()
    assert rate[0] > 3.0
    assert -0.2 < rate[1] / rate[0] - 1.0 < -0.01


def test_synapses_with_a_time_constant_are_milder(small):
    words = ("grid.fe=[8]", "grid.fi=[4]", "grid.seed={start:0,stop:19,num:20}", "grid.pop_size=[1]")
    cfg = small(
        *words, "protocol.dt=0.05,0.1", "protocol.duration=5000", "protocol.common_random_numbers=true"
    )
    rate = ss.run(cfg).load().rate.sel(population="RS").squeeze()
    mean, error = rate.mean("seed"), rate.std("seed", ddof=1) / np.sqrt(20)
    difference = float(mean.sel(dt=0.1) / mean.sel(dt=0.05) - 1.0)
    assert abs(difference) < 0.02 + 4 * float((error / mean).max())


def test_every_cell_and_every_protocol_with_a_step_is_told():
    """A new one adds what was observed, or that nothing was; the sweeps that are named exist, all of them."""
    page = Path(__file__).parents[1].joinpath("docs", "numerics.md").read_text()
    assert not [kind.__name__ for kind in classes().values() if not re.search(rf"\b{kind.__name__}\b", page)]
    for name in PROTOCOLS:
        if name == "function":
            continue
        values = config.plain(ss.load(f"protocol={name}"))
        has_step = "dt" in {field.name for field in fields(build(values["protocol"], "protocol"))}
        assert not has_step or f"`{name}`" in page or f"step_size_{name}`" in page, name
    recorded = {path.stem for path in Path(__file__).parents[1].joinpath("sweeps").glob("step_size_*.yaml")}
    told = set(re.findall(r"\b(step_size_\w+)\b", page))
    assert told == recorded
