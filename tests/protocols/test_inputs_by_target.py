"""Inputs that differ by target: weights and in-degrees, in every protocol that asks what a cell receives."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.models.inputs.poisson import MOST_EVENTS
from spikesweep.models.networks.received import received
from spikesweep.sweep.job import make_job

#: Both populations have the same cell, so that only what they receive tells them apart, and their names.
GRID = ("grid.fe=[4.0,8.0]", "grid.fi=[6.0]", "grid.seed=[0,1]")
SHORT = {
    "transfer_function": ("protocol.duration=300.0", "protocol.discard=50.0", "grid.pop_size=[1,3]"),
    "potential_moments": ("protocol.duration=300.0", "protocol.discard=50.0", "grid.i_ext=[0.0]"),
}
BRUNEL = ("network=brunel2000", "neuron=lif_psc")


def block(protocol, *words):
    """Return every variable of a protocol at a block of points."""
    name = words if any(word.startswith("network=") for word in words) else ("network=fs_rs", *words)
    job = make_job(ss.load(f"protocol={protocol}", *GRID, *SHORT[protocol], *name))[0]
    fe, seed = (x.ravel() for x in np.meshgrid([4.0, 8.0], [0, 1]))
    points = {"fe": fe, "fi": np.full(4, 6.0), "seed": seed, "i_ext": np.zeros(4)}
    return job.protocol(job.network, points, {"pop_size": np.array([1, 3])})


@pytest.mark.parametrize("protocol", SHORT)
def test_each_target_has_the_numbers_of_a_network_with_its_weights(protocol):
    """Weights of 1 and 5 nS onto RS, 1.5 and 4 nS onto FS: as two networks in which all have these."""
    both = block(protocol, "network.factors={FS:{exc:1.5,inh:0.8}}")
    onto_RS, onto_FS = (
        block(protocol, f"network.exc.weight={exc}", f"network.inh.weight={inh}")
        for exc, inh in ((1.0, 5.0), (1.5, 4.0))
    )
    for name, values in both.items():
        assert np.array_equal(values[0], onto_RS[name][0], equal_nan=True), name
        assert np.array_equal(values[1], onto_FS[name][1], equal_nan=True), name
    first = next(iter(both))
    assert not np.array_equal(both[first][1], onto_RS[first][1], equal_nan=True)


@pytest.mark.parametrize("protocol", SHORT)
def test_each_target_has_the_numbers_of_a_network_with_its_in_degree(protocol):
    """1000 and 250 synapses onto E, 1500 and 100 onto I: once refused."""
    many = ("network.projections.I.E.n=1500", "network.projections.I.I.n=100")
    everywhere = (*many, "network.projections.E.E.n=1500", "network.projections.E.I.n=100")
    both, onto_E, onto_I = (block(protocol, *BRUNEL, *words) for words in (many, (), everywhere))
    for name, values in both.items():
        assert np.array_equal(values[0], onto_E[name][0], equal_nan=True), name
        assert np.array_equal(values[1], onto_I[name][1], equal_nan=True), name
    first = next(iter(both))
    assert not np.array_equal(both[first][1], onto_E[first][1], equal_nan=True)


def test_the_whole_network_has_these_weights():
    factors = "network.factors={FS:{exc:1.5},RS:{inh:0.5}}"
    short = make_job(ss.load("network=fs_rs", "protocol=spiking_network", factors))[0].network
    weights = {}
    for name in ("RS", "FS"):
        of_cell, of_whole = short.synapses_onto(name), received(short.whole, name)
        assert {kind: synapse for kind, (_, synapse) in of_whole.items()} == of_cell
        weights[name] = tuple(synapse.weight for synapse in of_cell.values())
    assert weights == {"RS": (1.0, 2.5), "FS": (1.5, 5.0)}


def test_a_mean_field_takes_the_moments_of_each_target():
    models = {}
    for name, words in (
        ("both", ("network.factors={FS:{exc:1.5}}",)),
        ("RS", ()),
        ("FS", ("network.exc.weight=1.5",)),
    ):
        job = make_job(ss.load("protocol=mean_field", "network=fs_rs", *words))[0]
        models[name] = job.protocol._model(job.network)
    assert models["both"].exc.cell == models["RS"].exc.cell
    assert models["both"].inh.cell == models["FS"].inh.cell
    assert models["both"].inh.cell != models["RS"].inh.cell


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ("{X:{exc:1.5}}", r"network\.factors: 'X' is no population"),
        ("{FS:{ext:1.5}}", r"network\.factors\.FS holds 'ext'"),
        ("{FS:{exc:-1.5}}", r"network\.factors\.FS\.exc = -1\.5"),
    ],
)
def test_wrong_factors_are_refused(factors, message):
    with pytest.raises(InputError, match=message):
        make_job(ss.load("network=fs_rs", f"network.factors={factors}"))


def test_rates_are_refused_by_the_target_with_the_most_synapses():
    most = MOST_EVENTS / (1000 * 1e-3 * 0.1)  # Hz at 1000 synapses
    words = (*BRUNEL, *GRID[1:], "protocol.dt=0.1", f"grid.fe=[{0.9 * most}]")
    make_job(ss.load(*words))
    with pytest.raises(InputError, match=r"grid\.fe = .* is refused"):
        make_job(ss.load(*words, "network.projections.I.E.n=1500"))


def test_factors_are_axes(tmp_path):
    words = ("network.factors={FS:{exc:1.0}}", "grid.network.factors.FS.exc=[1.0,1.5]", "compute=serial")
    words += ("protocol.common_random_numbers=true",)
    ds = ss.run(ss.load("network=fs_rs", *GRID, *SHORT["transfer_function"], *words, f"outputs={tmp_path}"))
    assert (ds.rate.sel(population="RS").std("exc") == 0.0).all()
    assert (ds.rate.sel(population="FS").mean(("fe", "fi", "seed", "pop_size")).diff("exc") > 0.0).all()
