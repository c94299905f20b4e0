"""Synapses that share events: counts, closed forms of the potential, what nothing shared is, refusals."""

import numpy as np
import pytest
from test_neurons import cell_of

import spikesweep as ss
from spikesweep import models
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.models.inputs import poisson, shared_events
from spikesweep.protocols import PotentialMoments
from spikesweep.sweep.job import make_job

STREAMS = ("exc", "inh")


def counts(n_steps, shares, per_step=2.0, sources=50.0):
    """Return the events of each step, shape (steps, streams, lanes)."""
    keys, neurons = np.arange(LANES, dtype=np.uint64) + np.uint64(5), np.zeros(LANES, np.int64)
    rates = {name: np.full(LANES, per_step) for name in STREAMS}
    (group,) = shared_events.trains_of(rates, dict.fromkeys(STREAMS, sources), shares, keys, neurons, STREAMS)
    found = []
    for first in range(0, n_steps, 100):
        kicks = np.empty(100 * 2 * LANES)
        shared_events.fill(group, kicks, 100, first)
        found.append(kicks.reshape(100, 2, LANES))
    return np.concatenate(found)[1:]  # none at sample 0


def test_nothing_shared_is_the_poisson_train_to_the_bit():
    keys, neurons = np.arange(LANES, dtype=np.uint64) + np.uint64(5), np.zeros(LANES, np.int64)
    (group,) = poisson.trains_of({n: np.full(LANES, 2.0) for n in STREAMS}, keys, neurons, STREAMS)
    kicks = np.empty(100 * 2 * LANES)
    poisson.fill(group, kicks, 100, 0)
    alone = counts(100, {"exc": 0.1})
    np.testing.assert_array_equal(alone[:, 1], kicks.reshape(100, 2, LANES)[1:, 1])
    assert not np.array_equal(alone[:, 0], kicks.reshape(100, 2, LANES)[1:, 0])


@pytest.mark.parametrize("share", [0.004, 0.1, 1.0])
def test_counts_have_the_mean_and_variance_of_the_process(share):
    """2 events a step of 50 synapses: variance 2 (1 + 49 c), to four standard errors of 128 000 steps."""
    found = counts(4000, {"exc": share})
    exc, inh = found[:, 0].ravel(), found[:, 1].ravel()
    expected = 2.0 * (1.0 + 49.0 * share)
    fourth = ((exc - exc.mean()) ** 4).mean()
    assert abs(exc.mean() - 2.0) < 4.0 * np.sqrt(expected / exc.size)
    assert abs(exc.var() - expected) < 4.0 * np.sqrt((fourth - expected**2) / exc.size)
    assert abs(inh.var() - 2.0) < 0.06
    if share == 1.0:
        assert set(np.unique(exc % 50.0)) == {0.0}
    along = np.corrcoef(exc.reshape(-1, LANES)[1:].ravel(), exc.reshape(-1, LANES)[:-1].ravel())[0, 1]
    assert abs(along) < 4.0 / np.sqrt(exc.size)


@pytest.mark.parametrize(("share_exc", "share_inh"), [(0.01, 0.0), (0.1, 0.2)])
def test_the_potential_has_the_variance_of_campbells_theorem(share_exc, share_inh):
    """Jumps of 0.1 and -0.5 mV onto a silent cell, tau 20 ms: to four standard errors of 24 seeds."""
    cell = cell_of("lif_psc", "Brunel")._replace(V_th=1e6)
    network = models.RandomNetwork(
        populations={"E": models.Population(cell)},
        N=1250,
        inhibitory_fraction=0.2,
        p_connect=0.1,
        exc=models.DeltaPotential(0.1),
        inh=models.DeltaPotential(-0.5),
    )
    settings = dict(root_seed=0, common_random_numbers=False, refractory="exact", dt=0.1, exclude=0.0)
    protocol = PotentialMoments(
        duration=10_000.0, discard=200.0, share_exc=share_exc, share_inh=share_inh, **settings
    )
    n = 24
    points = {"fe": np.full(n, 10.0), "fi": np.full(n, 5.0), "i_ext": np.zeros(n), "seed": np.arange(n)}
    found = protocol(network, points, {})
    exc, inh = 100 * 10e-3 * 0.1**2 * (1.0 + 99 * share_exc), 25 * 5e-3 * 0.5**2 * (1.0 + 24 * share_inh)
    for values, expected in (
        (found["v_mean"], 20.0 * (100 * 10e-3 * 0.1 - 25 * 5e-3 * 0.5)),
        (found["v_sd"] ** 2, 0.5 * 20.0 * (exc + inh)),
    ):
        assert abs(values.mean() - expected) < 4.0 * values.std(ddof=1) / np.sqrt(n)
    assert 0.5 * 20.0 * (exc + inh) > 1.2 * 0.4125  # that of independent synapses


WORDS = ("neuron=adexp", "network=fs_rs", "protocol=transfer_function", "compute=serial")
POINT = ("grid.fi=[8.0]", "grid.pop_size=[1,4]", "protocol.duration=1000.0")


def test_correlated_cells_fire_more_where_the_mean_is_low(tmp_path):
    words = (*POINT, "grid.fe=[4.0]", "grid.seed={start:0,stop:7,num:8}", "grid.protocol.share_exc=[0.0,0.1]")
    ds = ss.run(ss.load(*WORDS, *words, f"outputs={tmp_path}")).load()
    rate = ds.rate.sel(pop_size=4).squeeze().mean("seed")
    assert (rate.sel(share_exc=0.1) > rate.sel(share_exc=0.0) + 1.0).all()
    path = tmp_path / "transfer_function" / "adexp-fs_rs.zarr"
    trace = ss.replay(path, fe=4, fi=8, seed=3, share_exc=0.1, population="RS")
    one = float(ds.rate.sel(pop_size=1, seed=3, share_exc=0.1, population="RS").squeeze())
    assert trace.sizes["spike"] == round(one)


def test_a_current_alone_gives_the_rates_of_the_f_i_curve(tmp_path):
    currents = "[0.0,200.0,400.0]"
    silent = (
        "grid.fe=[0.0]",
        "grid.fi=[0.0]",
        "grid.seed=[0]",
        "grid.pop_size=[1]",
        "protocol.duration=1000.0",
    )
    more = (*silent, f"grid.protocol.i_ext={currents}", f"outputs={tmp_path}")
    rate = ss.run(ss.load(*WORDS, *more)).load().rate.squeeze()
    same = ("protocol.dt=0.05", "protocol.refractory=published", f"grid.i_ext={currents}")
    curve = ss.run(ss.load("protocol=fi_curve", "compute=serial", *same, f"outputs={tmp_path}")).load()
    np.testing.assert_array_equal(rate, curve.rate.squeeze().transpose(*rate.dims))
    assert float(rate.max()) > 20.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("protocol.share_exc=1.5",), "protocol.share_exc = 1.5 is refused; allowed: at most 1"),
        (
            ("protocol.share_inh=1e-9",),
            "protocol.share_inh = 1e-09 is refused at 20 Hz; allowed: 0, or",
        ),
        (
            ("protocol.rng=legacy_shared", "protocol.share_exc=0.1"),
            "protocol.share_exc = 0.1 is refused with protocol.rng = 'legacy_shared'; allowed: 0.0",
        ),
        (("protocol.rng=legacy_shared", "protocol.i_ext=10.0"), "protocol.i_ext = 10.0 is refused with"),
    ],
)
def test_refusals(words, said):
    with pytest.raises(InputError, match=said):
        make_job(ss.load(*WORDS, *words))


@pytest.mark.slow
def test_python_and_compiled_kernels_give_the_same_bits(without_numba):
    code = """
import spikesweep as ss, sys
words = ["grid.fe=[8.0]", "grid.fi=[8.0]", "grid.seed=[0]", "grid.pop_size=[2]", "protocol.duration=40.0"]
words += ["protocol.share_exc=0.05", "protocol.share_inh=1.0", "protocol.i_ext=100.0", "compute=serial"]
ds = ss.run(ss.load(*words, "protocol.record_spikes=true", f"outputs={sys.argv[1]}"))
spikes = ds.sweep.spikes()
print(spikes.sizes["spike"] > 2, spikes.spike_times.values.tobytes().hex())
"""
    assert without_numba(code)[0].startswith("True")
