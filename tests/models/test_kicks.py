"""Kicks at given times: when they arrive, whom they reach, what is refused; test_networks has the twin."""

from dataclasses import replace

import numpy as np
import pytest
from networks_here import CELL, EXC, KICK

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.models import ExponentialCurrent, Kicks, SharedDrive, SpikingNetwork, SpikingPopulation
from spikesweep.models.simulation.members import Recording
from spikesweep.models.simulation.network import simulate
from spikesweep.models.simulation.wiring import wire

DT, KEY = 0.1, np.uint64(3)


def kicked(kicks, n=40):
    """Return cells A and B that nothing but kicks reaches."""
    cells = {name: SpikingPopulation(CELL, n, EXC, (0.0,), None) for name in "AB"}
    return SpikingNetwork(cells, {}, {"kicks": kicks})


def current(network, n_steps, neurons):
    """Return the synaptic current (pA) of neurons at each step, shape (neurons, steps)."""
    network.check()
    network.check_dt(DT)
    wired, chosen = wire(network, network.draw(KEY, DT)), Recording(("i_syn",), neurons)
    run = simulate(network, wired, Clock.of(DT, "steps"), n_steps, KEY, lambda *_: False, chosen)
    return run.signals["i_syn"]


def test_a_kick_has_its_charge_from_its_time_on():
    """The current of an exponential synapse under events at 0.1, 0.2 and 3.0 ms, in closed form."""
    synapse, times = ExponentialCurrent(20.0, 3.0), (0.1, 0.2, 3.0)
    network = kicked(Kicks(times, 1.0, None, ("A", "B"), None, synapse, 0.5, {"A": 2.0, "B": 0.2}))
    found = current(network, 60, (0, 39, 40, 79))
    t = np.arange(60) * DT
    mean = 30.0 * (1.0 - np.exp(-1.0 / 30.0))  # of the current in a step
    each = [20.0 * mean * np.exp(-(t - at) / 3.0) * (t > at - 1e-9) for at in times]
    np.testing.assert_allclose(found[:2], [sum(each)] * 2, rtol=1e-12)
    np.testing.assert_allclose(found[2:], [0.1 * sum(each)] * 2, rtol=1e-12)


def test_all_kicks_reach_the_same_cells_as_many_as_are_asked_for():
    kicks = Kicks((1.0, 4.0), None, 7, ("B",), None, ExponentialCurrent(20.0, 0.1), 1.0)
    found = current(kicked(kicks), 60, tuple(range(80)))
    first, second = found[:, 10] > 10.0, found[:, 40] > 10.0
    assert first.sum() == 7
    assert not first[:40].any()
    assert np.array_equal(first, second)
    some = current(kicked(replace(kicks, n=None, p_connect=0.3)), 20, tuple(range(80)))[:, 10] > 10.0
    assert abs(some.sum() - 12) < 4.0 * np.sqrt(40 * 0.3 * 0.7)  # missed once in 16 000
    assert not current(kicked(replace(kicks, times=())), 60, (40, 79)).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": (3.0, 2.0)}, r"drives.kicks.times = \[3.0, 2.0\] ms is refused; allowed: ascending"),
        ({"times": (2.0, 2.0)}, r"times = \[2.0, 2.0\] ms is refused"),
        ({"times": (2.0, 2.04)}, r"times holds 2.04 ms; allowed: multiples of protocol.dt = 0.1 ms .* as 2$"),
        ({"times": (0.0, 2.0)}, r"times holds 0 ms; allowed: .* from 0.1 ms on, such as 0.1"),
        ({"times": (-2.0, 2.0)}, r"times holds -2 ms; allowed: "),
        ({"p_connect": None, "n": 41}, r"kicks, onto A: n = 41 is refused.*allowed: at most 40"),
        ({"onto": ("A", "C")}, r"kicks: 'C' is no population"),
        ({"factors": {"B": 1.0}}, r"kicks.factors is of \['B'\]"),
        ({"n": 3}, r"drives.kicks has p_connect = 0.5 and n = 3; allowed: one of them"),
        ({"p_connect": None}, r"drives.kicks has p_connect = None and n = None; allowed: one of them"),
        ({"synapse": KICK}, r"kicks has like = A and synapse"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    network = kicked(replace(Kicks((2.0,), 0.5, None, ("A",), "A", None, 1.0), **changes))
    with pytest.raises(InputError, match=message):
        [network.check(), network.check_dt(DT)]


def at_random(n=7, p_connect=None, rate=200.0):
    """Return kicks as a Poisson process, whose current is gone before the next one."""
    return SharedDrive(rate, None, 1, p_connect, ("B",), None, ExponentialCurrent(20.0, 0.1), 1.0, None, n)


@pytest.mark.slow
def test_poisson_kicks_reach_as_many_cells_as_are_asked_for_at_the_times_of_a_poisson_process():
    """800 events are expected in four networks of 1 s: 4 SDs, sqrt(800), of their number are allowed.

    Intervals have a CV of 1 (less 1 % on steps of 0.1 ms), with a standard error of about 1 / sqrt(800).
    """
    times = []
    for seed in range(4):
        network = kicked(at_random())
        wired, chosen = wire(network, network.draw(np.uint64(seed), DT)), Recording(("i_syn",), range(40, 80))
        run = simulate(
            network, wired, Clock.of(DT, "steps"), 10_000, np.uint64(seed), lambda *_: False, chosen
        )
        found = run.signals["i_syn"]
        hit = found > 0.5 * found.max()
        reached = hit.any(axis=1)
        assert reached.sum() == 7
        assert (hit[reached] == hit[reached][0]).all()  # the same kicks for all of them
        times.append(np.flatnonzero(hit[reached][0]) * DT)
    intervals = np.concatenate([np.diff(t) for t in times])
    assert abs(sum(map(len, times)) - 800) < 4.0 * np.sqrt(800)
    assert intervals.std() / intervals.mean() == pytest.approx(1.0, abs=4.0 / np.sqrt(800))
    assert len({tuple(t) for t in times}) == 4


def test_a_shared_drive_takes_a_probability_or_a_number():
    for n, p_connect in ((7, 0.5), (None, None)):
        with pytest.raises(InputError, match=r"kicks has p_connect = .* and n = .*; allowed: one of them"):
            kicked(at_random(n, p_connect)).check_dt(DT)
    with pytest.raises(InputError, match=r"n = 41 is refused.*at most 40"):
        kicked(at_random(41)).check()
