"""The one loop over time: a naive twin, equal bit for bit, for blocks of any length; recording by name."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from spikesweep.errors import InputError
from spikesweep.kernels.cells import lanes
from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.kernels.cells.kept_rows import Rows
from spikesweep.kernels.cells.lanes import Drive, run_lanes, undriven
from spikesweep.kernels.compile.jit import compiled
from spikesweep.models import AdExp, EulerConductance, ExponentialConductance, Izhikevich, TwoStageCurrent
from spikesweep.models.inputs.given import ConstantCurrent, GivenCurrent
from spikesweep.models.inputs.noise import CurrentNoise
from spikesweep.models.inputs.spike_trains import fill_given, make_kicks
from spikesweep.models.networks.connections import Edges, RandomConnections
from spikesweep.models.networks.spiking import SpikingNetwork, SpikingPopulation
from spikesweep.models.networks.weights import LogNormalWeights
from spikesweep.models.simulation import network as simulation
from spikesweep.models.simulation.core import described, signals
from spikesweep.models.simulation.network import Recording, known_signals, simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.units import mV, number

DT = 0.1
CLOCK = Clock.of(DT, "steps")
RS = AdExp(200.0, 10.0, -65.0, -50.0, None, -65.0, 2.0, 4.0, 20.0, 100.0, 5.0)
IZH = Izhikevich(100.0, 0.7, -60.0, -40.0, 35.0, 0.03, -2.0, -50.0, 100.0, "package")
EXC = ExponentialConductance(4.0, 5.0, 0.0)
SLOW = TwoStageCurrent(-900.0, 2.0, 8.0)
EULER = EulerConductance(3.0, 7.0, 0.0, "package")


class Cell:
    """One neuron in plain Python: its state, what it is made of, its traces."""

    def __init__(self, neuron, inputs):
        self.parts = [neuron, *inputs]
        self.c = [part.coefficients(CLOCK) for part in self.parts]
        self.x = [part.initial() for part in self.parts]
        self.traces = []

    def step(self, s, kicks):
        """Advance by step s under these kicks; return whether the neuron spiked."""
        current = []
        for k, (part, kick) in enumerate(zip(self.parts[1:], kicks, strict=True), start=1):
            self.x[k] = type(part).advance.py_func(self.c[k], self.x[k], kick)
            current.append(type(part).current.py_func(self.c[k], self.x[k], self.x[0][0]))
        self.traces.append([*self.x[0], *(v for x in self.x[1:-1] for v in x), *current[:-1]])
        total = current[0]
        for i in current[1:]:
            total = total + i
        step = type(self.parts[0]).step.py_func
        self.x[0], spiked = step(self.c[0], self.x[0], total, s * CLOCK.tick, (s + 1) * CLOCK.tick)
        return spiked != 0.0


def twin(network, edges, i_ext, normals, n_steps, scale):
    """Simulate a network step by step and neuron by neuron; return the cells and the spikes."""
    names, populations = list(network.populations), list(network.populations.values())
    whose = np.repeat(np.arange(len(names)), [p.n for p in populations])
    onto = [[names.index(source) for source in network.sources(name)] for name in names]
    cells = [
        Cell(populations[p].cell, [*(populations[q].synapse for q in onto[p]), GivenCurrent()]) for p in whose
    ]
    mean, sd = network.noise(DT)
    arriving: dict[int, Any] = {}
    outgoing = [[] for _ in cells]
    for part in edges:
        for source, target, weight, delay in zip(*part, strict=True):
            outgoing[source].append((target, weight, round(delay / DT)))
    spikes = []
    for s in range(n_steps):
        kicks = arriving.pop(s, {})
        fired = []
        for i, cell in enumerate(cells):
            own = [kicks.get((i, q), 0.0) for q in onto[whose[i]]]
            if cell.step(s, [*own, (i_ext[i] + mean[i]) + sd[i] * normals[i, s]]):
                fired.append(i)
        for i in fired:
            spikes.append((i, s + 1))
            for target, weight, delay in outgoing[i]:
                there = arriving.setdefault(s + 1 + delay, {})
                where = target, whose[i]
                there[where] = there.get(where, 0.0) + weight * scale
    return cells, np.array(spikes)


def population(cell, n, synapse, i_ext, sd=2.0):
    return SpikingPopulation(cell, n, synapse, (i_ext,), CurrentNoise(1.0, sd))


def two_populations(*delays):
    """Return 40 and 7 neurons of two models and two synapses; E hears both, I hears E alone."""
    weights = LogNormalWeights(mean=1.0)
    ee, ei, ie = (RandomConnections(p, weights, d) for p, d in zip((0.1, 0.3, 0.4), delays, strict=True))
    populations = {"E": population(RS, 40, EXC, 420.0), "I": population(IZH, 7, SLOW, 120.0)}
    return SpikingNetwork(populations, {"E": {"E": ee, "I": ei}, "I": {"E": ie}})


def three_populations(*delays):
    """Return 33, 5 and 4 neurons; C hears all of them, A nobody."""
    weights = LogNormalWeights(mean=0.7)
    ca, cb, cc, ba = (RandomConnections(0.5, weights, d) for d in delays)
    populations = {
        "A": population(RS, 33, EXC, 430.0, 0.0),
        "B": population(IZH, 5, SLOW, 130.0),
        "C": population(IZH, 4, EULER, 70.0),
    }
    return SpikingNetwork(populations, {"C": {"A": ca, "B": cb, "C": cc}, "B": {"A": ba}})


CASES = {
    "no delay": two_populations(0.0, 0.1, 1.5),
    "one step": two_populations(0.1, 0.1, 0.1),
    "several delays": three_populations(0.7, 1.5, 25.0, 3.1),
    "longer than a block": two_populations(20.0, 22.5, 19.2),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("block", [192, 3])
def test_a_network_is_its_naive_twin_bit_for_bit(case, block, monkeypatch):
    network, n_steps = CASES[case], 600
    monkeypatch.setattr(simulation, "BLOCK", block)
    monkeypatch.setattr(simulation, "_PER_CALL", 47 * 110)  # several calls
    edges = network.edges(np.uint64(3))
    normals = np.random.default_rng(1).normal(size=(network.N, n_steps))
    current = network.i_ext()
    watched = (0, network.N - 1, 35)
    recording = Recording(("v", "i_syn"), watched)
    found = simulate(
        network,
        wire(network, edges, DT),
        current,
        CLOCK,
        n_steps,
        recording,
        weight_scale=1.3,
        normals=normals,
    )
    cells, spikes = twin(network, edges, current, normals, n_steps, 1.3)
    assert len(np.unique(spikes[:, 0])) > 30
    assert np.array_equal(np.c_[found.neuron, found.step], spikes)
    for row, i in enumerate(watched):
        traces = np.array(cells[i].traces)
        v = traces[:, 0].copy()
        v[spikes[spikes[:, 0] == i, 1] - 1] = network.cell_of(i).V_spike
        assert found.signals["v"][row].tobytes() == v.tobytes()
        n_sources = len(cells[i].parts) - 2
        i_syn = traces[:, traces.shape[1] - n_sources :].sum(axis=1) if n_sources else np.zeros(n_steps)
        assert found.signals["i_syn"][row].tobytes() == i_syn.tobytes()


def test_delays_of_a_matrix_are_those_of_the_naive_twin():
    """Every connection with a delay of its own, in no order: from none to more than a block."""
    rng, n_steps = np.random.default_rng(2), 500
    network = two_populations(0.0, 0.0, 0.0)
    source, target = np.nonzero(rng.uniform(size=(47, 47)) < 0.2)
    allowed = (source < 40) | (target < 40)
    source, target = source[allowed].astype(np.int32), target[allowed].astype(np.int32)
    order = rng.permutation(len(source))
    delay = np.round(rng.choice([0.0, 0.1, 2.3, 30.0], len(source)), 1)
    edges = Edges(source[order], target[order], rng.uniform(0.2, 1.0, len(source)), delay)
    normals = rng.normal(size=(47, n_steps))
    current = network.i_ext()
    found = simulate(
        network, wire(network, [edges], DT), current, CLOCK, n_steps, Recording(), normals=normals
    )
    _, spikes = twin(network, [edges], current, normals, n_steps, 1.0)
    assert len(spikes) > 100
    assert np.array_equal(np.c_[found.neuron, found.step], spikes)


@pytest.mark.parametrize("block", [192, 5, 1])
def test_cells_alone_are_their_naive_twin_bit_for_bit(block, monkeypatch):
    monkeypatch.setattr(lanes, "BLOCK", block)
    monkeypatch.setattr(lanes, "STEPS_PER_CALL", 130)  # several calls
    rng, n, n_steps = np.random.default_rng(4), LANES + 3, 400
    trains = [[np.sort(rng.integers(0, n_steps, m)).astype(np.int32) for _ in range(n)] for m in (60, 20)]
    sources = [make_kicks([kind[i : i + LANES] for kind in trains]) for i in range(0, n, LANES)]
    cell = RS._replace(b=rng.uniform(0.0, 40.0, n))
    inputs = (EXC, SLOW)
    rows = Rows(((0, "w"), (1, "g"), (2, "current"), (0, "spiked")))
    counts = run_lanes(cell, inputs, CLOCK, n, n_steps, Drive(fill_given, sources), rows, 90)
    for i in range(n):
        one = Cell(RS._replace(b=cell.b[i]), (*inputs, GivenCurrent()))
        kicks = np.array([np.bincount(kind[i], minlength=n_steps) for kind in trains], float)
        kicks[:, 0] = 0.0  # at the first sample none arrives
        spiked = np.array([one.step(s, [*kicks[:, s], 0.0]) for s in range(n_steps)])
        traces = np.array(one.traces)
        w, g, current = traces[:, 1], traces[:, 3], traces[:, -1]
        assert rows.cells[i].tobytes() == np.array([w, g, current, spiked]).tobytes()
        assert counts[i] == spiked[90:].sum()
    assert counts.sum() > 50


class Calcium(NamedTuple):
    """What changes from step to step."""

    v: mV  #: membrane potential
    calcium: number  #: calcium concentration
    hidden: number  #: internal: nothing to see


class Leak(NamedTuple):
    """What a step needs."""

    dt: Any


class Bursting(NamedTuple):
    """A neuron of a user: calcium jumps at spikes."""

    tau: float

    def initial(self):
        return Calcium(-60.0, 0.0, 1.0)

    def coefficients(self, clock):
        return Leak(clock.dt / self.tau)

    def time_constants(self):
        return {"tau": self.tau}

    @staticmethod
    @compiled
    def step(c, x, current, t, t_next):
        v = x.v + c.dt * (current - (x.v + 60.0))
        spiked = 1.0 if v > -50.0 else 0.0
        calcium = x.calcium - c.dt * x.calcium + spiked
        return Calcium(-60.0 if v > -50.0 else v, calcium, x.hidden), spiked


def test_a_state_variable_of_any_name_is_recorded():
    network = SpikingNetwork({"B": population(Bursting(10.0), 3, EXC, 15.0, 0.0)}, {"B": {}})
    protocol = SpikingNetworkActivity(20.0, DT, ("calcium",), (0, 2), 0, False, "steps").on(network)
    protocol.check(network)
    (variable,) = protocol.variables[3:]
    assert (variable.name, variable.units, variable.long_name) == ("calcium", "1", "calcium concentration")
    points = {"seed": np.zeros(1, np.int64), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
    calcium = protocol(network, points, {})["calcium"][..., 0]
    assert calcium.shape == (2, 200)
    one = Cell(Bursting(10.0), (GivenCurrent(),))
    spiked = [one.step(s, [16.0]) for s in range(200)]  # the noise has a mean of 1 pA
    assert sum(spiked) > 1
    assert calcium[1].tobytes() == np.array(one.traces)[:, 1].tobytes()
    for wrong in ("calcum", "hidden"):
        with pytest.raises(InputError, match=f"record holds '{wrong}', which no neuron of this network has"):
            replace(protocol, record=(wrong,)).check(network)
    with pytest.raises(InputError, match="calcium"):
        replace(protocol, record=("calcum",)).check(network)


def test_signals_have_names_units_and_meanings():
    assert described(type(RS.initial())) == {
        "v": ("mV", "membrane potential"),
        "w": ("pA", "adaptation current"),
    }
    found = signals(RS, {"exc": EXC, "inh": SLOW})
    assert list(found) == ["v", "w", "i_syn", "g_exc", "i_exc", "u_inh", "s_inh", "i_inh"]
    assert found["g_exc"][1:] == ("nS", "excitatory conductance")
    assert found["i_syn"].rows == ((1, "current"), (2, "current"))
    of_network = known_signals(CASES["several delays"])
    assert {"v", "w", "u", "i_syn", "g_A", "s_B", "g_C"} <= set(of_network)
    assert "t_spike" not in of_network


def test_what_lanes_share_is_asked_of_each_cell_and_not_of_its_class():
    """A cell with a number for V_cut must not decide for one whose V_cut follows from a swept V_th."""
    thresholds = np.array([-60.0, -45.0, -35.0, -30.0])
    known = dict(
        C_m=200.0, g_L=10.0, E_L=-65.0, V_reset=-65.0, Delta_T=2.0, a=0.0, b=0.0, tau_w=500.0, t_ref=5.0
    )

    def counts(V_cut, V_th):
        cell = AdExp(V_th=V_th, V_cut=V_cut, **known)
        n = np.size(V_th)
        inputs = (ConstantCurrent(np.full(n, 600.0)),)
        return run_lanes(cell, inputs, Clock.of(0.1, "steps"), n, 10_000, undriven(n)).tolist()

    alone = [counts(None, V_th)[0] for V_th in thresholds.tolist()]
    counts(-40.0, thresholds)
    assert counts(None, thresholds) == alone
    assert len(set(alone)) == len(alone)
