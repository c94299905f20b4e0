"""Cells that draw numbers of their own (GIF) in protocols: labels decide the numbers; refusals by name."""

import numpy as np
import pytest
from test_neurons import cell_of

import spikesweep as ss
from spikesweep.analysis.phase_plane import phase_plane, step_rheobase
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

GIF = ("neuron=gif", "network.populations=[L5Pyr,Renewal]")
FI = (*GIF, "protocol=fi_curve", "protocol.duration=400", "protocol.record_spikes=true")


def run(folder, *words, compute=("compute=serial",)):
    """Return the results of a sweep."""
    return ss.run(ss.load(*words, *compute, f"outputs={folder}")).load()


def train(ds, **labels):
    """Return the spike times of a point."""
    return np.asarray(ds.sweep.spikes(**labels)["spike_times"])


def test_blocks_threads_order_and_growth_change_no_number(tmp_path):
    seeds, currents = "grid.seed=[0,1,2]", "grid.i_ext=[150.0,200.0,400.0]"
    whole = run(tmp_path / "whole", *FI, seeds, currents)
    assert len({a.tobytes() for a in whole.first_isi.values.reshape(-1, 3)}) == 6
    threads = ("compute=threads", "compute.workers=2", "compute.block_points=2")
    cut = run(tmp_path / "cut", *FI, seeds, "grid.i_ext=[400.0,150.0,200.0]", compute=threads)
    grown = run(tmp_path / "grown", *FI, "grid.seed=[1]", "grid.i_ext=[200.0]")
    grown = run(tmp_path / "grown", *FI, seeds, currents)
    for other in (cut, grown):
        for name in ("rate", "first_isi", "last_isi"):
            assert other[name].sel(i_ext=whole.i_ext, seed=whole.seed).identical(whole[name]), name
        np.testing.assert_array_equal(
            train(other, population="L5Pyr", i_ext=400.0, seed=2),
            train(whole, population="L5Pyr", i_ext=400.0, seed=2),
        )


def test_replay_has_the_spikes_of_the_run(tmp_path):
    """In a curve, and of each neuron of a population that is averaged."""
    ds = run(tmp_path, *FI, "grid.seed=[1,2]", "grid.i_ext=[200.0,300.0]")
    path = tmp_path / "fi_curve" / "gif-fs_rs.zarr"
    again = ss.replay(path, population="Renewal", i_ext=300.0, seed=2)
    np.testing.assert_array_equal(again.spike_times, train(ds, population="Renewal", i_ext=300.0, seed=2))
    words = ("protocol.duration=500", "protocol.dt=0.1", "protocol.record_spikes=true", "grid.seed=[0]")
    ds = run(tmp_path, *GIF, *words, "grid.fe=[2.0]", "grid.fi=[0.5]", "grid.pop_size=[3]")
    spikes = ds.sweep.spikes(population="L5Pyr", fe=2.0, fi=0.5, seed=0)
    path, times = tmp_path / "transfer_function" / "gif-fs_rs.zarr", np.asarray(spikes["spike_times"])
    for i in range(3):
        again = ss.replay(path, "L5Pyr", i, fe=2.0, fi=0.5, seed=0, pop_size=3)
        np.testing.assert_array_equal(again.spike_times, times[np.asarray(spikes["spike_neuron"]) == i])
    assert len(times) > 3


def test_common_random_numbers_are_common_and_a_single_cell_has_them(tmp_path):
    """Points that differ in a value without effect are equal with them, and draw anew without."""
    common = "protocol.common_random_numbers=true"
    for words, equal in (((common,), True), ((), False)):
        words = (*FI, *words, "grid.seed=[4]", "grid.i_ext=[200.0]")
        ds = run(tmp_path, *words, "neuron.Renewal.tau_stc_1=50,60")
        a, b = (train(ds, population="Renewal", i_ext=200.0, seed=4, tau_stc_1=tau) for tau in (50.0, 60.0))
        assert len(a) > 5
        assert np.array_equal(a, b) == equal
    cfg = ss.load(*FI, common)
    one = ss.simulate(cfg, cell="Renewal", current=200.0, duration=400.0, seed=4)
    other = ss.simulate(cfg, cell="Renewal", current=200.0, duration=400.0)
    ds = run(tmp_path, *FI, common, "grid.seed=[4]", "grid.i_ext=[200.0]")
    expected = train(ds, population="Renewal", i_ext=200.0, seed=4)
    np.testing.assert_array_equal(one.spike_times, expected[expected < 400.0])
    assert not np.array_equal(one.spike_times, other.spike_times)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("protocol.rng=legacy_shared",), "protocol.rng = 'legacy_shared'"),
        (("protocol=transfer_function_adaptive", "protocol.compat=zerlaut2018"), "compat = 'zerlaut2018'"),
        (("protocol=connection_test", "network=n_to_1", "network.populations=[L5Pyr]"), "connection_test"),
    ],
)  # fmt: skip
def test_what_has_no_numbers_for_them_is_refused(words, told):
    with pytest.raises(InputError, match="L5Pyr is a GIF, which draws random numbers of its own") as error:
        make_job(ss.load(*GIF, *words))
    assert told in str(error.value)


def test_what_needs_another_form_is_refused():
    cell = cell_of("gif", "L5Pyr")
    with pytest.raises(InputError, match="a GIF draws random numbers of its own"):
        step_rheobase(cell, 0.0, 500.0)
    with pytest.raises(InputError, match="GIF"):
        phase_plane(cell, 0.0, np.linspace(-80.0, -40.0, 5), np.linspace(0.0, 10.0, 5))
