"""A cell that is simulated alone does what it does in a run of the same configuration: one clock."""

import numpy as np
import pytest

import spikesweep as ss


@pytest.mark.parametrize(
    ("neuron", "cell"), [("adexp", "RS"), ("lif", "LIF"), ("eif", "EIF"), ("jercog", "E")]
)
@pytest.mark.parametrize(
    "words", [(), ("protocol.refractory=published",), ("protocol.dt=0.05", "protocol.refractory=exact")]
)
def test_a_cell_alone_fires_as_in_its_curve(neuron, cell, words, tmp_path):
    network = "network=jercog" if neuron == "jercog" else "network=fs_rs"
    both = "E,I" if neuron == "jercog" else cell
    cfg = ss.load(
        f"neuron={neuron}", network, "protocol=fi_curve", f"network.populations=[{both}]", *words,
        "grid.i_ext=[300,600]", "grid.seed=[0]", "compute=serial", f"outputs={tmp_path}",
    )  # fmt: skip
    curve = ss.run(cfg).load()
    for current in (300.0, 600.0):
        alone = ss.simulate(cfg, cell=cell, current=current, duration=1000.0)
        assert alone.attrs["dt"] == cfg.protocol.dt
        rate = curve.rate.sel(population=cell, i_ext=current).item()
        isi = curve.first_isi.sel(population=cell, i_ext=current).item()
        assert abs(rate - alone.sizes["spike"]) <= 1.0  # a spike of the last step is beyond the last time
        if rate > 1:
            assert isi == pytest.approx(np.diff(alone.spike_times.values)[0], rel=1e-12)
        assert (curve.rate > 0).any()


def test_the_default_clock_is_as_before():
    assert ss.simulate(ss.load("neuron=adexp"), cell="RS", current=300.0, duration=10.0).attrs["dt"] == 0.05
    mean_field = ss.load("protocol=mean_field")  # its dt of 0.5 ms is no cell's
    assert ss.simulate(mean_field, cell="RS", current=300.0, duration=10.0).attrs["dt"] == 0.05
    assert ss.simulate(ss.load(), cell="RS", current=300.0, duration=10.0, dt=0.1).attrs["dt"] == 0.1
