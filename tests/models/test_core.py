"""The one loop over time: cells alone are a naive twin, for blocks of any length; recording by name."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from networks_here import everything
from twins import Cell

from spikesweep.errors import InputError
from spikesweep.kernels.cells import lanes
from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.kernels.cells.kept_rows import Rows
from spikesweep.kernels.cells.lanes import Drive, run_lanes, undriven
from spikesweep.kernels.compile.jit import compiled
from spikesweep.models import AdExp, ExponentialConductance, TwoStageCurrent
from spikesweep.models.inputs.given import ConstantCurrent, GivenCurrent
from spikesweep.models.inputs.noise import CurrentNoise
from spikesweep.models.inputs.spike_trains import fill_given, make_kicks
from spikesweep.models.networks.spiking import SpikingNetwork, SpikingPopulation
from spikesweep.models.simulation.core import described, signals
from spikesweep.models.simulation.network import known_signals
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.units import mV, number

DT = 0.1
CLOCK = Clock.of(DT, "steps")
RS = AdExp(200.0, 10.0, -65.0, -50.0, None, -65.0, 2.0, 4.0, 20.0, 100.0, 5.0)
EXC = ExponentialConductance(4.0, 5.0, 0.0)
SLOW = TwoStageCurrent(-900.0, 2.0, 8.0)


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
        one = Cell(RS._replace(b=cell.b[i]), (*inputs, GivenCurrent()), CLOCK)
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


@pytest.mark.slow
def test_a_state_variable_of_any_name_is_recorded():
    network = SpikingNetwork(
        {"B": SpikingPopulation(Bursting(10.0), 3, EXC, (15.0,), CurrentNoise(1.0, 0.0))}, {"B": {}}
    )
    protocol = SpikingNetworkActivity(20.0, DT, ("calcium",), (0, 2), 0, False, "steps").on(network)
    protocol.check(network)
    variable = protocol.variables[-1]
    assert (variable.name, variable.units, variable.long_name) == ("calcium", "1", "calcium concentration")
    points = {"seed": np.zeros(1, np.int64), "weight_scale": np.ones(1), "i_ext": np.zeros(1)}
    calcium = protocol(network, points, {})["calcium"][..., 0]
    assert calcium.shape == (2, 200)
    one = Cell(Bursting(10.0), (GivenCurrent(),), CLOCK)
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
    of_network = known_signals(everything())
    assert {"v", "w", "u", "i_syn", "g_E", "s_I", "dv_shared", "i_steady"} <= set(of_network)
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
