"""Networks of spiking neurons: the prototype's spikes, a plain twin, connections, delays, noise, results."""

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
from spikesweep.models.inputs.noise import CurrentNoise, PotentialNoise
from spikesweep.models.networks.connections import Edges, RandomConnections, edges_of
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.networks.weights import LogNormalWeights
from spikesweep.models.simulation.network import Recording, simulate
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


def joined(parts):
    """Return all connections, sorted by source and then by target."""
    source, target, weight, delay = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((target, source))
    return Edges(source[order], target[order], weight[order], delay[order])


def steps_of(run, neuron):
    return run.step[run.neuron == neuron].tolist()


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
        recording = Recording(("v",), (0,))
        none = wire(one, [], DT)
        run = simulate(one, none, np.zeros(1), CLOCK, 600_000, recording, normals=normals)
        v = run.signals["v"]
        assert v.mean() == pytest.approx(row.mean, rel=1e-5)
        assert v.std() == pytest.approx(row.sd, rel=1e-3)
        assert len(run.step) / 60.0 == pytest.approx(row.rate, abs=1e-5)


def twin(network, edges, i_ext, normals, n_steps):
    """Simulate a network of one kind of cell, in numpy and SI, with a conductance for each population.

    The order is that of the generic driver: conductances, currents, neurons; then spikes to where they go.
    """
    names = list(network.populations)
    cells = list(network.populations.values())
    p, n = cells[0].cell, network.N
    whose = np.repeat(np.arange(len(cells)), [c.n for c in cells])
    g, arriving = np.zeros((len(names), n)), {}
    v, u = np.full(n, p.v_r * 1e-3), np.zeros(n)
    mean, sd = network.noise(DT)
    spikes, potentials = [], []
    for s in range(n_steps):
        current = i_ext + mean + sd * normals[:, s]
        here = arriving.pop(s, np.zeros((len(names), n)))
        for k, population in enumerate(cells):
            syn = population.synapse
            g[k] = g[k] - (DT / syn.tau_syn) * g[k] + syn.weight * here[k]
            current = current + g[k] * (syn.E_rev - v * 1e3)
        potentials.append(v * 1e3)
        parabola = p.k * 1e-6 * (v - p.v_r * 1e-3) * (v - p.v_t * 1e-3)
        new = v + DT * 1e-3 * ((parabola - u + current * 1e-12) / (p.C_m * 1e-12))
        u = u + DT * 1e-3 * (p.a * 1e3 * (p.b * 1e-9 * (v - p.v_r * 1e-3) - u))
        fired = new >= p.v_peak * 1e-3
        v, u = np.where(fired, p.c * 1e-3, new), np.where(fired, u + p.d * 1e-12, u)
        for i in np.flatnonzero(fired):
            spikes.append((i, s + 1))
            for e in np.flatnonzero(edges.source == i):
                at = s + 1 + round(edges.delay[e] / DT)
                target = arriving.setdefault(at, np.zeros((len(names), n)))
                target[whose[i], edges.target[e]] += edges.weight[e]
    return np.array(spikes), np.array(potentials).T


def mixed_network():
    """Return 40 and 10 neurons with all four projections, each with its own delay, and noise."""
    network = prototype(noise=CurrentNoise(0.0, 2.0))
    e, i = network.populations["E"], network.populations["I"]
    package = {"synapse": e.synapse._replace(order="package", weight=2.0)}
    cell = e.cell._replace(order="package")
    weights = LogNormalWeights(mean=1.0)
    return SpikingNetwork(
        {
            "E": replace(e, n=40, i_ext=(70.0,), cell=cell, **package),
            "I": replace(
                i, n=10, i_ext=(60.0,), cell=cell, synapse=i.synapse._replace(order="package", weight=4.0)
            ),
        },
        {
            "E": {"E": RandomConnections(0.1, weights, 1.5), "I": RandomConnections(0.3, weights, 0.0)},
            "I": {"E": RandomConnections(0.2, weights, 0.7), "I": RandomConnections(0.2, weights, 3.0)},
        },
    )


def test_a_network_is_its_plain_twin():
    network = mixed_network()
    drawn = network.edges(np.uint64(7))
    edges = joined(drawn)
    n_steps = 4000
    normals = np.random.default_rng(0).normal(size=(50, n_steps))
    run = simulate(
        network,
        wire(network, drawn, DT),
        network.i_ext(),
        CLOCK,
        n_steps,
        Recording(("v", "u", "i_syn"), (0, 33, 45)),
        normals=normals,
    )
    spikes, potentials = twin(network, edges, network.i_ext(), normals, n_steps)
    assert len(spikes) > 100
    assert len(np.unique(spikes[:, 0])) > 40
    assert np.array_equal(np.c_[run.neuron, run.step], spikes)
    for row, i in zip(run.signals["v"], (0, 33, 45), strict=True):
        at = np.array(steps_of(run, i), int) - 1
        assert (row[at] == 35.0).all()
        potentials[i, at] = 35.0
        np.testing.assert_allclose(row, potentials[i], rtol=1e-9)
    assert run.finite.all()


def test_dense_and_sparse_matrices_are_the_same_network():
    rng = np.random.default_rng(1)
    dense = rng.uniform(0.5, 2.0, (4, 4)) * (rng.uniform(size=(4, 4)) < 0.5)
    delays = np.round(rng.uniform(0.0, 3.0, (4, 4)), 1)
    ours = edges_of(dense, delays)
    sparse = edges_of(scipy.sparse.csr_array(dense), delays)
    assert len(ours.weight) == np.count_nonzero(dense) > 4
    for a, b in zip(ours, sparse, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(ours.delay, delays[ours.source, ours.target])


@pytest.mark.parametrize("delay", [0.0, 0.1, 1.3, 25.0])
def test_a_spike_arrives_after_its_delay(delay):
    """Neuron 0 fires under its own current; a current into 1 begins in the step after arrival, not before."""
    network = prototype(i_ext=(0.0,))
    network = replace(network, projections={"E": {"E": None}})
    weights = np.zeros((4, 4))
    weights[0, 1] = 1.0
    e = network.populations["E"]
    package = e.synapse._replace(order="package")
    network = replace(network, populations={**network.populations, "E": replace(e, synapse=package)})
    current = np.array([100.0, 0.0, 0.0, 0.0])
    recording = Recording(("i_syn", "v"), (1,))
    run = simulate(network, wire(network, [edges_of(weights, delay)], DT), current, CLOCK, 1000, recording)
    first = steps_of(run, 0)[0]
    begins = np.flatnonzero(run.signals["i_syn"][0])[0]
    assert begins == first + round(delay / DT)
    assert run.signals["i_syn"][0][begins] == pytest.approx(4.0 * 60.0)
    assert np.flatnonzero(run.signals["v"][0] != -60.0)[0] == begins + 1


def test_random_connections_have_their_probability_and_weights():
    """300 x 200 pairs at 0.1: the number within 4 standard errors; weights of mean 0.5; no autapses."""
    found = RandomConnections(0.1, LogNormalWeights(mean=0.5), 2.0).edges((300, 200), False, np.uint64(1))
    n = len(found.source)
    assert abs(n - 6000) < 4 * np.sqrt(60_000 * 0.1 * 0.9)
    assert found.weight.mean() == pytest.approx(0.5)
    assert np.median(found.weight) < 0.4
    pairs = found.source * 200 + found.target
    assert (np.diff(pairs) > 0).all()
    per_target = np.bincount(found.target, minlength=200)
    assert abs(per_target.var() / 27.0 - 1.0) < 4 * np.sqrt(2 / 200)
    own = RandomConnections(1.0, LogNormalWeights(mean=0.5), 2.0).edges((20, 20), True, np.uint64(1))
    assert len(own.source) == 380
    assert (own.source != own.target).all()
    other = RandomConnections(0.1, LogNormalWeights(mean=0.5), 2.0).edges((300, 200), False, np.uint64(2))
    assert not np.array_equal(other.source[:50], found.source[:50])
    both = joined([found, own])
    assert len(both.source) == n + 380
    assert (np.diff(both.source) >= 0).all()


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
    np.testing.assert_allclose(counts / 0.3, first.rate.sel(at))
    assert (np.diff(one.spike_times.values) >= 0.0).all()
    assert not first.rate.sel(seed=0).equals(first.rate.sel(seed=1))
    assert first.population.values.tolist() == ["E"] * 40 + ["I"] * 10
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
    raster, rates, *potentials = fig.axes
    spikes = ds.sweep.spikes(weight_scale=2.0)
    assert len(raster.collections[0].get_offsets()) == spikes.sizes["spike"] > 5
    assert len(rates.lines) == 2
    assert len(potentials) == 2
    assert "weight_scale = 2" in fig.get_suptitle()
    silent = spiking_network.activity(
        ss.spiking_network(load(tmp_path, "protocol.duration=1.0"), i_ext=[0.0] * 4)
    )
    assert len(silent.axes[0].collections[0].get_offsets()) == 0
