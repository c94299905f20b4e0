"""Whole networks: each path of the engine is a naive twin bit for bit, whatever the blocks and the calls."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_here import CELL, LATE, ONE, SPREAD, everything, poisson, two
from twins import naive

from spikesweep.kernels.cells import core
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.wired import BITS, COUNTS, KIND, LATE_COUNTS, LATE_SUMS, SUMS
from spikesweep.kernels.random.draws import uniform_rows
from spikesweep.kernels.random.philox import derive
from spikesweep.models import (
    AllToAll,
    EqualWeights,
    FixedInDegree,
    FixedNumber,
    FixedOutDegree,
    FixedStart,
    NormalDelays,
    RandomConnections,
    UniformDelays,
)
from spikesweep.models.networks.edges import BitRows
from spikesweep.models.simulation import network as simulation
from spikesweep.models.simulation import wiring
from spikesweep.models.simulation.network import Recording, simulate
from spikesweep.models.simulation.wiring import is_dense, wire

DT = 0.1
CLOCK = Clock.of(DT, "steps")
KEY = np.uint64(11)
KICKED = 2000.0  # pA


#: What is recorded, the same everywhere, so that little is compiled.
SIGNALS = ("v", "i_syn")


def ran(network, wired, n_steps, watched=(0,), **more):
    """Return what a network did, and neuron and step of each spike, shape (spikes, 2)."""
    chunks = []

    def told(neuron, step, reached):
        chunks.append(np.c_[neuron, step])
        return False

    run = simulate(network, wired, CLOCK, n_steps, KEY, told, Recording(SIGNALS, watched), **more)
    return run, np.concatenate(chunks)


def same(network, links, n_steps, *, bits=True, least=30, watched=None, **more):
    """Assert that a network is its naive twin; return the connections, and the spikes."""
    watched = tuple({0, network.N - 1, network.N // 2}) if watched is None else watched
    wired = wire(network, links, bits=bits)
    run, spikes = ran(network, wired, n_steps, watched, **more)
    cells, expected = naive(network, links, CLOCK, n_steps, KEY, **more)
    assert len(expected) >= least
    assert np.array_equal(spikes, expected)
    for row, i in enumerate(watched):
        v = np.array(cells[i].v)
        if hasattr(network.cell_of(i), "V_spike"):
            v[expected[expected[:, 0] == i, 1] - 1] = network.cell_of(i).V_spike
        assert run.signals["v"][row].tobytes() == v.tobytes()
        assert run.signals["i_syn"][row].tobytes() == np.array(cells[i].i_syn).tobytes()
    assert run.n_steps == n_steps
    return wired, spikes


def bernoulli(p, weights=ONE, delay=0.5, **more):
    return RandomConnections(p, weights, delay, **more)


def multapses(n, weights=ONE, delay=0.5):
    return FixedInDegree(n, weights, delay, autapses=True, multapses=True)


#: Rules onto A from A and B, then onto B; sizes; the kinds that they become.
CASES = {
    "dense": (
        (bernoulli(0.3), bernoulli(0.5, delay=0.0), bernoulli(0.3, delay=7.0), bernoulli(1.0)),
        (33, 65),
        BITS,
    ),
    "autapses": ([AllToAll(ONE, 0.1, autapses=True)] * 4, (31, 129), BITS),
    "one neuron": ([AllToAll(EqualWeights(0.2), 0.0, autapses=True)] * 4, (1, 64), BITS),
    "sparse": (
        [bernoulli(0.02), bernoulli(0.01, delay=0.0), bernoulli(0.02), bernoulli(0.02)],
        (129, 64),
        COUNTS,
    ),
    "multapses": (
        [multapses(9), multapses(5, delay=0.0), multapses(30, delay=2.0), multapses(1)],
        (31, 33),
        COUNTS,
    ),
    "delays": (
        [multapses(9, delay=LATE), bernoulli(0.5, delay=UniformDelays(1.0, 30.0))] * 2,
        (33, 31),
        LATE_COUNTS,
    ),
    "weights": ([bernoulli(0.3, SPREAD), multapses(9, SPREAD, 0.0)] * 2, (64, 65), SUMS),
    "weights and delays": (
        [bernoulli(0.3, SPREAD, LATE), multapses(9, SPREAD, NormalDelays(5.0, 3.0, 0.4))] * 2,
        (65, 33),
        LATE_SUMS,
    ),
    "one way, late": (
        [bernoulli(0.5, delay=25.0), bernoulli(0.0), bernoulli(0.0, SPREAD, LATE), bernoulli(0.0)],
        (64, 1),
        None,
    ),
    "nothing": ([bernoulli(0.0)] * 4, (33, 1), COUNTS),
}


@pytest.mark.parametrize("case", CASES)
def test_each_path_is_the_naive_twin_bit_for_bit(case):
    rules, sizes, kind = CASES[case]
    network = two(rules, sizes)
    wired, _ = same(network, network.draw(KEY, DT), 300, weight_scale=1.3, i_ext=5.0)
    if kind is not None:
        assert set(wired.table[:, KIND]) == {kind}


def test_more_spikes_into_a_cell_in_a_step_than_a_byte_counts():
    """300 cells spike at once, and onto each of 40 and of themselves all arrive in one step."""
    rules = (
        AllToAll(EqualWeights(0.01), 1.0, autapses=True),
        bernoulli(0.5),
        bernoulli(1.0, delay=1.0),
        bernoulli(0.5),
    )
    network = two(rules, (300, 40), KICKED, FixedStart(-65.0))
    links = network.draw(KEY, DT)
    wired, spikes = same(network, links, 120)
    assert np.bincount(spikes[:, 1])[:30].max() == 340
    assert set(wired.table[:, KIND]) == {BITS}
    listed, others = same(network, links, 120, bits=False)
    assert set(listed.table[:, KIND]) == {COUNTS}
    assert np.array_equal(spikes, others)


def apart(edges):
    """Return the same connections with a delay each: kept as places instead of targets."""
    return edges._replace(delay=np.repeat(edges.delay, len(edges.target)))


def test_results_do_not_depend_on_how_connections_are_kept():
    network = two(
        [bernoulli(0.3), bernoulli(0.4, SPREAD, 0.0), bernoulli(0.2, delay=3.0), bernoulli(0.3, SPREAD)]
    )
    links = network.draw(KEY, DT)
    kinds, found = [], []
    for own, bits in ((links, True), (links, False), ([(link, apart(e)) for link, e in links], True)):
        wired = wire(network, own, bits=bits)
        run, spikes = ran(network, wired, 600, (0, 60))
        kinds.append(wired.table[:, KIND].tolist())
        found.append((spikes.tobytes(), *(x.tobytes() for x in run.signals.values())))
    assert kinds == [[BITS, SUMS] * 2, [COUNTS, SUMS] * 2, [LATE_COUNTS, LATE_SUMS] * 2]
    assert found[1] == found[0] == found[2]
    assert len(spikes) > 300


def test_connections_drawn_as_bits_are_those_drawn_as_pairs():
    inside, across = (FixedInDegree(n, ONE, 1.0, autapses=False, multapses=False) for n in (20, 21))
    network = two([inside, across, AllToAll(ONE, 0.5, autapses=True), multapses(9)], (33, 65))
    compact = network.draw_compact(KEY, DT, is_dense)
    assert [isinstance(e, BitRows) for _, e in compact] == [True, True, False, False]
    for one, other in zip(wire(network, compact), wire(network, network.draw(KEY, DT)), strict=True):
        assert np.array_equal(one, other)


def test_weights_of_which_all_sums_are_exact_are_as_good_as_counts():
    network = two([bernoulli(0.3, EqualWeights(0.75), d) for d in (0.5, 0.0, 3.0, 1.0)])
    links = network.draw(KEY, DT)
    each = [(link, e._replace(weight=np.full(len(e.target), 0.75, np.float32))) for link, e in links]
    counted, summed = wire(network, links), wire(network, each)
    assert set(summed.table[:, KIND]) == {SUMS}
    assert np.array_equal(ran(network, counted, 600)[1], ran(network, summed, 600)[1])


def test_wide_targets_counters_and_weights_change_nothing(monkeypatch):
    """As with more than 65 536 cells, or connections onto one: 32 bits; given weights keep all digits."""
    rules = multapses(9), bernoulli(0.3, SPREAD), multapses(30, delay=2.0), multapses(9, delay=LATE)
    network, rng = two(rules, (31, 33)), np.random.default_rng(1)
    links = network.draw(KEY, DT)
    narrow, rounded = wire(network, links), ran(network, wire(network, links), 300)[1]
    monkeypatch.setattr(wiring, "_SHORT", 16)
    with_digits = [
        (
            link,
            e._replace(weight=e.weight * rng.uniform(0.99, 1.01, len(e.weight))) if len(e.weight) > 1 else e,
        )
        for link, e in links
    ]
    wired, _ = same(network, with_digits, 300)
    assert (narrow.near.dtype, narrow.counter.dtype, narrow.weight.dtype) == (
        np.uint16,
        np.uint16,
        np.float32,
    )
    assert (wired.near.dtype, wired.counter.dtype, wired.weight.dtype) == (np.uint32, np.uint32, np.float64)
    exact = [(link, e._replace(weight=e.weight.astype(np.float64))) for link, e in links]
    assert np.array_equal(ran(network, wire(network, exact), 300)[1], rounded)


def test_a_network_with_all_there_is_is_its_naive_twin():
    network, n_steps = everything(), 400
    network.check()
    network.check_dt(DT)
    normals = np.random.default_rng(2).normal(size=(network.N, n_steps))
    links = network.draw(KEY, DT)
    watched = (0, 39, 40, 70, 71, 73, 74, 79)
    wired, spikes = same(network, links, n_steps, watched=watched, normals=normals, weight_scale=1.1)
    assert set(wired.table[:, KIND]) == {BITS, COUNTS, LATE_COUNTS, SUMS, LATE_SUMS}
    counts = np.bincount(spikes[:, 0], minlength=network.N)
    for name, first in network.first().items():
        assert counts[first : first + network.populations[name].n].sum() > 0, name


@pytest.mark.parametrize(
    ("block", "per_call", "chunk"), [(192, 4, 64), (3, 1000, 1), (1, 60, 2), (7, 1000, 64)]
)
def test_no_number_depends_on_blocks_calls_or_groups_together(block, per_call, chunk, monkeypatch):
    network, n_steps = everything(), 300
    wired = wire(network, network.draw(KEY, DT))
    watched = (0, 45, 72, 79)
    whole, spikes = ran(network, wired, n_steps, watched)
    late = two([bernoulli(0.2, delay=d) for d in (3.0, 0.9, 30.0, 2.0)], (129, 65))
    wired_late = wire(late, late.draw(KEY, DT))
    spikes_late = ran(late, wired_late, 600)[1]
    assert min(len(spikes), len(spikes_late)) > 100
    monkeypatch.setattr(simulation, "BLOCK", block)
    monkeypatch.setattr(simulation, "_PER_CALL", per_call * network.N)
    monkeypatch.setattr(core, "CHUNK", chunk)
    again, others = ran(network, wired, n_steps, watched)
    assert np.array_equal(others, spikes)
    for name, values in whole.signals.items():
        assert again.signals[name].tobytes() == values.tobytes()
    assert np.array_equal(ran(late, wired_late, 600)[1], spikes_late)


def test_a_population_does_not_change_with_what_is_beside_it():
    """Cells that hear nothing of others, under drives of their own, are the same in a larger network."""
    drives = {
        "a": poisson(8.0, {"A": 1000.0, "B": 500.0}, like="A"),
        "b": poisson(9.0, {"B": 900.0}, like="B"),
    }
    both = replace(two([bernoulli(0.0)] * 4, (65, 33), 100.0), drives=drives)
    larger = {"A": both.populations["A"], "B": replace(both.populations["B"], n=129)}
    more = {
        **drives,
        "c": poisson(0.0, {"A": 10.0, "B": 10.0}, like="B"),
        "d": poisson(5.0, {"B": 1.0}, like="A"),
    }
    spikes = [
        ran(network, wire(network, network.draw(KEY, DT)), 600)[1]
        for network in (
            both,
            replace(both, populations=larger, drives={**more, "d": replace(more["d"], weight=0.0)}),
        )
    ]
    mine, others = (found[found[:, 0] < 98] for found in spikes)
    assert len(mine) > 50
    assert np.array_equal(mine, others)


def test_noise_is_that_of_each_neuron_and_step():
    network, n_steps = everything(), 120
    wired = wire(network, network.draw(KEY, DT))
    keys = derive(derive(KEY, "noise", 0.0), "neuron", np.arange(network.N))
    normals = scipy.special.ndtri(uniform_rows(keys, 0, n_steps))
    drawn, given = (ran(network, wired, n_steps, (3,), **more)[0] for more in ({}, {"normals": normals}))
    assert drawn.signals["v"].tobytes() == given.signals["v"].tobytes()


@pytest.mark.slow
def test_drives_are_those_of_their_name_wherever_they_stand():
    """Pools before or behind drives without one: each sends its own spikes, and none changes."""
    network = everything()
    order = ("kicks", "shared", "steady pool", "steady", "all", "own", "flanks")
    turned = replace(network, drives={name: network.drives[name] for name in order})
    assert list(turned.drives) != list(network.drives)
    spikes = [ran(each, wire(each, each.draw(KEY, DT)), 300)[1] for each in (network, turned)]
    assert len(spikes[0]) > 100
    assert np.array_equal(*spikes)


@pytest.mark.parametrize("delay", [0.0, 0.1, 1.3, 25.0])
def test_a_spike_arrives_after_its_delay(delay):
    """A fires under its own current; the current into B begins in the step after arrival, not before."""
    network = two([bernoulli(0.0), bernoulli(0.0), bernoulli(1.0, delay=delay), bernoulli(0.0)], (1, 1))
    a, b = network.populations.values()
    cells = {"A": replace(a, start=None), "B": replace(b, i_ext=(1.0,), start=None)}
    network = replace(network, populations=cells)
    wired = wire(network, network.draw(KEY, DT))
    run, spikes = ran(network, wired, 600, (1,))
    without, _ = ran(network, wired, 600, (1,), weight_scale=0.0)
    begins = np.flatnonzero(run.signals["i_syn"][0])[0]
    assert begins == spikes[0, 1] + round(delay / DT)
    assert np.flatnonzero(run.signals["v"][0] != without.signals["v"][0])[0] == begins + 1


def test_a_run_that_is_stopped_ends_after_its_call(monkeypatch):
    network = two([bernoulli(0.1)] * 4)
    monkeypatch.setattr(simulation, "_PER_CALL", 100 * network.N)
    reached = []

    def told(neuron, step, at):
        reached.append(at)
        return at >= 200

    wired = wire(network, network.draw(KEY, DT))
    run = simulate(network, wired, CLOCK, 500, KEY, told, Recording(SIGNALS, (0, 97)))
    assert reached == [100, 200]
    assert run.n_steps == 200
    for values in run.signals.values():
        assert np.isfinite(values[:, :200]).all()
        assert np.isnan(values[:, 200:]).all()
    assert run.finite.all()


def test_a_potential_that_is_no_number_is_told():
    network = two([bernoulli(0.0)] * 4)
    wild = replace(network.populations["B"], cell=CELL._replace(g_L=np.nan))
    network = replace(network, populations={**network.populations, "B": wild})
    run, _ = ran(network, wire(network, []), 100)
    assert run.finite.tolist() == [True] * 33 + [False] * 65


SIZES = st.one_of(st.sampled_from([1, 31, 32, 33, 63, 64, 65]), st.integers(1, 70))
DELAYS = st.one_of(
    st.sampled_from([0.0, 0.1, 1.7, 19.3]), st.just(LATE), st.just(NormalDelays(1.5, 1.0, 0.1))
)


@st.composite
def rules(draw):
    weights, delay = draw(st.sampled_from([ONE, EqualWeights(1.1), SPREAD])), draw(DELAYS)
    kind = draw(st.sampled_from(["pairs", "in", "out", "number"]))
    if kind == "pairs":
        return bernoulli(
            draw(st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])), weights, delay, autapses=draw(st.booleans())
        )
    rule = {"in": FixedInDegree, "out": FixedOutDegree, "number": FixedNumber}[kind]
    return rule(draw(st.integers(0, 20)), weights, delay, autapses=True, multapses=True)


@settings(max_examples=12, derandomize=True, deadline=None)
@given(
    st.tuples(rules(), rules(), rules(), rules()),
    st.tuples(SIZES, SIZES),
    st.sampled_from([200.0, 450.0]),
    st.integers(0, 2**64 - 1),
    st.floats(0.0, 2.0),
    st.booleans(),
)
def test_any_small_network_is_its_naive_twin(four, sizes, i_ext, key, scale, bits):
    network = two(four, sizes, i_ext)
    drives = {
        "d": poisson(20.0, {"A": 300.0}, like="A"),
        "e": poisson(5.0, {"A": 30.0, "B": 900.0}, like="B", weight=0.1),
    }
    network = replace(network, drives=drives)
    links = network.draw(np.uint64(key), DT)
    same(network, links, 100, bits=bits, least=0, weight_scale=scale)


PLAIN = """
import hashlib, sys
sys.path.insert(0, FOLDER)
import numpy as np
from networks_here import everything, two
from test_networks import KEY, DT, ran
from spikesweep.models.simulation.wiring import is_dense, wire

network = everything()
run, spikes = ran(network, wire(network, network.draw(KEY, DT)), 150, (0, 45, 72, 79))
print(len(spikes), hashlib.sha256(spikes.astype(np.int64).tobytes()).hexdigest())
for name, values in run.signals.items():
    print(name, np.isfinite(values).all(), hashlib.sha256(values.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_compiled_kernels_give_the_bits_of_plain_python(without_numba):
    said = without_numba(PLAIN.replace("FOLDER", repr(str(Path(__file__).parent))))
    assert int(said[0].split()[0]) > 30
    assert len(said) == 3


def test_a_neuron_that_nothing_reaches_has_no_synaptic_current():
    network = everything()
    run, _ = ran(network, wire(network, network.draw(KEY, DT)), 50, (network.N - 1,))
    assert network.inputs("alone") == {}
    assert run.signals["i_syn"].tolist() == [[0.0] * 50]
