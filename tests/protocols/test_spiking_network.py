"""Networks of spiking neurons: the prototype's spikes, noise, given connections, results."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.analysis.plots import figure, spiking_network
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.models.inputs.noise import PotentialNoise
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.members import Recording
from spikesweep.models.simulation.network import simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.sweep.job import make_job

DT = 0.1
CLOCK = Clock.of(DT, "steps")


def load(tmp_path, *words, network="fiers_prototype"):
    base = ("neuron=izhikevich", f"network={network}", "protocol=spiking_network", "compute=serial")
    return ss.load(*base, f"outputs={tmp_path}", *words)


def prototype(**changes):
    """Return the network of the prototype, its populations changed."""
    network = make_job(load(".", "neuron.RS.order=prototype"))[0].network
    populations = {name: replace(p, **changes) for name, p in network.populations.items()}
    return replace(network, populations=populations)


def test_spikes_of_the_prototype_are_the_originals(tmp_path):
    """The prototype counts a spike from the step that makes it, which here is over at the spike's time."""
    ref = pd.read_csv(REFERENCE / "wiring_proto_network.csv")
    assert len(ref) > 5
    weights = np.zeros((4, 4))
    weights[0, 1] = weights[2, 1] = 1.0
    for case, rows in ref.groupby("case"):
        order = "package" if "explicit" in case else "prototype"
        current, scale = [0.0] * 4, 1.0
        if "I_ext" in case:
            current = [float(c) for c in case.split("[")[1].split("]")[0].split(",")]
            scale = float(case.split("ge=")[1].split()[0]) / 4.0
        cfg = load(tmp_path, f"neuron.RS.order={order}")
        ds = ss.spiking_network(cfg, weights=scale * weights, i_ext=current)
        steps = np.round(ds.spike_times.values / DT).astype(int) - 1
        for row in rows.itertuples():
            listed = [] if row.n_spikes == 0 else [int(n) for n in row[4].split()]
            assert steps[ds.spike_neuron.values == row.neuron].tolist() == listed
            assert len(listed) == row.n_spikes


def test_noise_has_the_originals_moments():
    names = ["sigma", "tau", "mean", "sd", "rate"]
    ref = pd.read_csv(REFERENCE / "wiring_noise_recommendation.csv", skiprows=1, names=names)
    assert len(ref) == 4
    normals = np.random.RandomState(1).standard_normal((1, 600_000))
    for row in ref.itertuples():
        network = prototype(noise=PotentialNoise(row.sigma))
        one = SpikingNetwork({"I": network.populations["I"]}, {})
        n_spikes = []

        def told(neuron, step, reached, counted=n_spikes):
            counted.append(len(step))
            return False

        recording, key = Recording(("v",), (0,)), np.uint64(0)
        run = simulate(one, wire(one, []), CLOCK, 600_000, key, told, recording, normals=normals)
        v = run.signals["v"]
        assert v.mean() == pytest.approx(row.mean, rel=1e-5)
        assert v.std() == pytest.approx(row.sd, rel=1e-3)
        assert sum(n_spikes) / 60.0 == pytest.approx(row.rate, abs=1e-5)


SMALL = (
    "network.populations.E.n=40",
    "network.populations.I.n=10",
    "protocol.duration=300.0",
    "network.populations.E.i_ext=[80.0]",
    "protocol.neurons=[0,45]",
)


def test_numbers_do_not_depend_on_blocks_or_workers(tmp_path):
    words = (*SMALL, "grid.seed=[0,1,2]", "grid.weight_scale=[0.0,2.0]", "grid.i_ext=[0.0,20.0]")
    datasets = [
        ss.run(load(tmp_path / str(k), *words, *more, network="recurrent_spiking"))
        for k, more in enumerate(
            [
                ("compute.block_points=12",),
                ("compute.block_points=1",),
                ("compute=threads", "compute.workers=2", "compute.block_points=5"),
            ]
        )
    ]
    first, *others = datasets
    spikes = first.sweep.spikes()
    assert spikes.sizes["spike"] > 100
    for ds in others:
        assert ds.rate.equals(first.rate)
        assert ds.v.equals(first.v)
        assert ds.sweep.spikes().equals(spikes)
    at = {"seed": 1, "weight_scale": 2.0, "i_ext": 20.0}
    one = first.sweep.spikes(**at)
    counts = np.bincount(one.spike_neuron.values, minlength=50)
    np.testing.assert_allclose(counts / 0.3, first.neuron_rate.sel(at))
    assert (np.diff(one.spike_times.values) >= 0.0).all()
    assert not first.rate.sel(seed=0).equals(first.rate.sel(seed=1))
    assert first.neuron_population.values.tolist() == ["E"] * 40 + ["I"] * 10
    assert first.v.dims[:2] == ("recorded", "time")


def test_memory_does_not_depend_on_what_is_not_recorded(tmp_path):
    """1000 neurons for 2 s are 160 MB a signal at every step; what is kept is a hundredth of it."""
    import tracemalloc

    words = ("protocol.duration=2000.0", "protocol.neurons=[3]", "grid.seed=[0]")
    job = make_job(load(tmp_path, *words, network="recurrent_spiking"))[0]
    job.protocol.prepare(job.network)
    points = {"seed": np.zeros(1, np.int64), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
    tracemalloc.start()
    found = job.protocol(job.network, points, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["v"].shape == (1, 20_000, 1)
    assert len(found["spike_times"].values) > 0
    assert peak < 100e6


def test_given_matrices_are_simulated_with_the_configurations_cells(tmp_path):
    cfg = load(tmp_path, "neuron.RS.order=prototype", "protocol.duration=2000.0")
    ds = ss.spiking_network(cfg)
    stored = ss.run(cfg)
    spikes = stored.sweep.spikes()
    assert np.array_equal(ds.spike_times, spikes.spike_times)
    assert np.array_equal(ds.v, stored.v.values[..., 0, 0, 0])
    weights = np.zeros((4, 4))
    weights[0, 1] = weights[2, 1] = 1.0
    given = ss.spiking_network(cfg, weights=scipy.sparse.csr_array(weights))
    assert np.array_equal(given.spike_times, ds.spike_times)
    none = ss.spiking_network(cfg, weights=np.zeros((4, 4)), i_ext=[0.0, 150.0, 0.0, 0.0])
    assert set(none.spike_neuron.values.tolist()) == {1}
    late = ss.spiking_network(cfg, weights=weights, delays=weights * 50.0)
    assert not np.array_equal(late.spike_times, ds.spike_times)
    for words, message in (
        ({"weights": np.zeros((3, 3))}, "have the shape"),
        ({"i_ext": [1.0]}, "i_ext has the shape"),
        ({"weights": weights, "delays": -1.0}, "negative delays"),
        ({"weights": weights, "delays": 0.33}, "a delay = 0.33 ms is not a multiple"),
        ({"weights": -weights}, "of a conductance; allowed: 0 or more"),
        ({"weights": scipy.sparse.csr_array(-weights)}, "of a conductance; allowed: 0 or more"),
    ):
        with pytest.raises(InputError, match=message):
            ss.spiking_network(cfg, **words)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("network=n_to_1", "network is a ManyToOne"),
        ("protocol.neurons=[4]", "protocol.neurons holds 4; allowed: 0 to 3"),
        ("protocol.neurons=[1,1]", "each once"),
        ("network.populations.E.i_ext=[1.0,2.0]", "has 2 values; allowed: 1 or 3"),
        ("network.populations.E.n=2", "a matrix of weights has 3 rows|has 3 values"),
        ("network.projections.E.E.delay=0.05", "delay = 0.05 ms is not a multiple"),
        ("network.projections.E.E.delay=-1.0", "at least 0"),
        ("protocol.record=[x]", "protocol.record"),
        ("protocol.record=[w]", "protocol.record holds .w., which no neuron of this network has"),
        (
            "network.populations.E.noise={_target_:spikesweep.models.CurrentNoise,mean:0.0,sd:-1.0}",
            "sd = -1.0",
        ),
    ],
)
def test_wrong_words_are_refused(word, message, tmp_path):
    with pytest.raises(InputError, match=message):
        make_job(load(tmp_path, word))


TWINS = """
import hashlib
import numpy as np
import spikesweep as ss
from spikesweep.sweep.job import make_job

words = ("network.N=3", "protocol.duration=60.0", "protocol.window=5.0", "protocol.n_shuffles=3")
experiment = ("neuron=izhikevich", "network=n_to_1", "protocol=connection_test", "network.spike_rate=100")
job = make_job(ss.load(*experiment, *words))[0]
found = job.protocol(job.network, {"seed": np.arange(2)}, {})
network = ("neuron=izhikevich", "network=recurrent_spiking", "protocol=spiking_network")
small = ("network.populations.E.n=6", "network.populations.I.n=3", "network.projections.E.E.p_connect=0.5")
active = ("network.populations.E.i_ext=[400.0]", "protocol.duration=40.0", "protocol.neurons=[0,7]")
ds = ss.spiking_network(ss.load(*network, *small, *active))
arrays = {k: getattr(v, "values", v) for k, v in found.items()}
arrays |= {"v of the network": ds.v, "spikes of the network": ds.spike_times}
for name, values in arrays.items():
    print(name, hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest())
print(ds.sizes["spike"], np.isfinite(found["p_value"]).all())
"""


def test_compiled_kernels_give_the_bits_of_plain_python():
    said = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", TWINS],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            check=True,
            timeout=900,
        ).stdout
        for disabled in ("0", "1")
    ]
    assert said[0] == said[1]
    spikes, tested = said[0].splitlines()[-1].split()
    assert int(spikes) > 10
    assert tested == "True"


def test_figures_are_drawn(tmp_path):
    words = ("neuron.RS.order=prototype", "protocol.duration=500.0", "grid.weight_scale=[1.0,2.0]")
    ds = ss.run(load(tmp_path, *words))
    fig = figure(ds)
    raster, _, over_time, *potentials = fig.axes
    spikes = ds.sweep.spikes(weight_scale=2.0)
    assert len(raster.collections[0].get_offsets()) == spikes.sizes["spike"] > 5
    assert len(over_time.lines) == 2
    assert len(potentials) == 2
    assert "weight_scale = 2" in fig.get_suptitle()
    silent = spiking_network.activity(
        ss.spiking_network(load(tmp_path, "protocol.duration=1.0"), i_ext=[0.0] * 4)
    )
    assert len(silent.axes[0].collections[0].get_offsets()) == 0
