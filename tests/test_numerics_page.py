"""The recipe of docs/numerics.md shows a step that is too large, and a small one as small enough."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from conftest import PROTOCOLS, classes

import spikesweep as ss
from spikesweep.config import compose as config
from spikesweep.config.build import build

SWEEPS = Path(__file__).parents[1] / "sweeps"
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


#: Protocols with a step, but without a sweep of steps: that of another one tells, or the page does.
WITHOUT = {"transfer_function_adaptive", "rate_dynamics", "pattern_separation", "plasticity_training"}


def test_every_cell_and_every_protocol_with_a_step_is_told():
    """A new one adds what was observed, and its sweep; the sweeps that are named exist, all of them."""
    page = Path(__file__).parents[1].joinpath("docs", "numerics.md").read_text()
    assert not [kind.__name__ for kind in classes().values() if not re.search(rf"\b{kind.__name__}\b", page)]
    with_step = set()
    for name in PROTOCOLS:
        if name == "function":
            continue
        values = config.plain(ss.load(f"protocol={name}"))
        has_step = "dt" in {field.name for field in fields(build(values["protocol"], "protocol"))}
        assert not has_step or f"`{name}`" in page or f"step_size_{name}`" in page, name
        with_step |= {name} if has_step else set()
    texts = [path.read_text() for path in sorted(SWEEPS.glob("step_size*.yaml"))]
    chosen = [re.search(r"override protocol: (\w+)", text) for text in texts]
    assert len(chosen) > 5
    assert with_step - {m[1] if m else "transfer_function" for m in chosen} == WITHOUT
    recorded = {path.stem for path in SWEEPS.glob("step_size_*.yaml")}
    told = set(re.findall(r"\b(step_size_\w+)\b", page))
    assert told == recorded


#: Afferents of a stimulus of all frequencies, as sweeps/step_size_information.yaml has them.
AFFERENTS = (
    "neuron=lif_dimensionless", "network=afferents", "protocol=population_information",
    "neuron.LIF.noise_D=null", "neuron.LIF.noise_sigma=0.0079056941504209483",
    "protocol.common_random_numbers=true", "protocol.num_responses=64", "protocol.coherence_sizes=[64]",
    "grid.band=[0-300]", "grid.condition=[none]", "grid.pop_size=[64]", "grid.repeat=[0]", "grid.seed=[0]",
)  # fmt: skip


def test_steps_a_factor_of_two_apart_have_one_stimulus():
    """To the rounding of Fourier transforms: the same coefficients at the same frequencies."""
    found = {}
    for dt, n in ((0.04, 4096), (0.02, 8192), (0.01, 16384)):
        words = (f"protocol.dt={dt}", f"protocol.nperseg={n}", "protocol.num_responses=1")
        cfg = ss.load(*AFFERENTS, *words, "protocol.coherence_sizes=[1]", "grid.pop_size=[1]")
        found[dt] = ss.responses(cfg).stimulus.values
        assert found[dt].std() > 0.05
    np.testing.assert_allclose(found[0.01][::4], found[0.04], rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(found[0.01][::2], found[0.02], rtol=0.0, atol=1e-12)


@pytest.mark.slow  # 16 million neuron steps, spikes and their spectra
def test_the_rate_of_afferents_falls_with_the_root_of_the_step(tmp_path):
    """By a threshold 0.5826 SDs of a step's noise higher (Siegmund 1979), and half a step at most.

    An interval of T = tau ln(2.5 / 1.5) is tau / 1.5 longer a threshold; of 100,000 intervals a rate has a
    standard error of 0.12 / sqrt(100,000), of which four of each rate are allowed.
    """
    words = ("zip.steps=[protocol.dt,protocol.nperseg]", "grid.protocol.dt=[0.01,0.04]")
    words += ("grid.protocol.nperseg=[16384,4096]", "compute=serial", f"outputs={tmp_path}")
    ds = ss.run(ss.load(*AFFERENTS, *words)).load()
    fine, coarse = ds.rate_mean.values.ravel()
    assert fine > 700.0
    tau, interval = 2.5, 2.5 * np.log(2.5 / 1.5)
    shift = 0.5826 * (0.02 - 0.01) * tau / 1.5 / interval
    late = 0.5 * (0.04 - 0.01) / interval
    error = 4.0 * np.sqrt(2.0) * 0.12 / np.sqrt(100_000)
    assert shift - error < 1.0 - coarse / fine < shift + late + error


#: What the connection test of sweeps/step_size_connections.yaml is, shorter.
TEST = (
    "neuron=izhikevich", "network=n_to_1", "protocol=connection_test", "protocol.duration=20000",
    "protocol.window=50", "protocol.n_shuffles=19", "protocol.snr=1e6", "grid.seed=[0,1]",
)  # fmt: skip


def test_connection_tests_of_all_steps_have_the_same_events_and_wiring(tmp_path):
    """So that what differs is what a step makes of them: without noise 3 % of the mean height at most.

    Observed: 0.2 % of connected inputs, at n = 40 of one minute each.
    """
    words = ("protocol.dt=0.05,0.1", "compute=serial", f"outputs={tmp_path}")
    ds = ss.run(ss.load(*TEST, *words)).load()
    fine, coarse = ds.sel(dt=0.05), ds.sel(dt=0.1)
    assert int(fine.n_spikes.min()) > 300
    for name in ("n_spikes", "is_connected", "is_inhibitory"):
        np.testing.assert_array_equal(fine[name], coarse[name])
    height = ds.sta_height.where(ds.is_connected).mean(("input", "seed"))
    assert float(height.sel(dt=0.1) / height.sel(dt=0.05)) == pytest.approx(1.0, abs=0.03)
