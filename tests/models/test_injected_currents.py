"""Currents that change in time, into the cells of a population of a whole network."""

from dataclasses import replace

import numpy as np
import pytest
from networks_here import CELL, EXC

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.models import (
    CurrentCourse,
    InjectedCurrent,
    PotentialNoise,
    SpikingNetwork,
    SpikingPopulation,
)
from spikesweep.models.simulation import network as loop
from spikesweep.models.simulation.members import Recording
from spikesweep.models.simulation.network import simulate
from spikesweep.models.simulation.wiring import wire

DT, KEY, N_STEPS = 0.1, np.uint64(3), 900
ON, OFF = 20.0, 60.0
#: Less than the 150 pA that let a cell spike.
STEP = InjectedCurrent(80.0, CurrentCourse((ON, ON, OFF, OFF), (0.0, 1.0, 1.0, 0.0)))


def cells(noise=None, i_ext=0.0, injected=STEP, other=None):
    """Return 40 cells A with an injected current, and 5 cells B with another one or none."""
    return SpikingNetwork(
        {
            "A": SpikingPopulation(CELL, 40, EXC, (i_ext,), noise, None, injected),
            "B": SpikingPopulation(CELL, 5, EXC, (i_ext,), other, None, None),
        },
        {},
    )


def potentials(network, neurons=(0, 39, 40, 44)):
    """Return v (mV) of the first and the last cell of A and of B, shape (4, steps)."""
    network.check()
    run = simulate(
        network,
        wire(network, network.draw(KEY, DT)),
        Clock.of(DT, "steps"),
        N_STEPS,
        KEY,
        lambda *_: False,
        Recording(("v",), neurons),
    )
    return run.signals["v"]


def euler(current):
    """Return what a current does to the potential (mV) of a cell that does not spike, step by step."""
    v, found = 0.0, []
    for sample in current:
        found.append(v)
        v += DT / CELL.C_m * (sample - CELL.g_L * v)
    return np.array(found)


def test_a_step_moves_the_potential_as_the_equation_says():
    """From the step that begins at its time on, all cells of the population and no others."""
    t = np.arange(N_STEPS) * DT
    expected = euler(np.where((t >= ON - 1e-9) & (t < OFF - 1e-9), 80.0, 0.0))
    assert expected.max() > 5.0
    v = potentials(cells())
    np.testing.assert_allclose(v[:2] - CELL.E_L, [expected] * 2, rtol=0.0, atol=1e-11)
    assert (v[2:] == CELL.E_L).all()


def test_beside_noise_it_adds_up():
    """Below threshold a cell is linear, and the numbers of the noise are the same; rounding is left."""
    noise = PotentialNoise(0.5)
    moved, plain = potentials(cells(noise)), potentials(cells(noise, injected=None))
    assert plain.std() > 0.1
    t = np.arange(N_STEPS) * DT
    expected = euler(np.where((t >= ON - 1e-9) & (t < OFF - 1e-9), 80.0, 0.0))
    np.testing.assert_allclose((moved - plain)[:2], [expected] * 2, rtol=0.0, atol=1e-10)
    assert (moved[2:] == plain[2:]).all()
    before = round(ON / DT) + 1
    assert (moved[:, :before] == plain[:, :before]).all()  # bit for bit
    alone = potentials(cells(other=noise))  # noise of other cells is none of these
    assert (alone[:2] == potentials(cells())[:2]).all()


@pytest.mark.slow
@pytest.mark.parametrize("noise", [None, PotentialNoise(0.5)])
def test_a_current_of_zero_has_the_bits_of_none(noise):
    nothing = STEP._replace(amplitude=0.0)
    for i_ext in (0.0, 250.0):
        found = [potentials(cells(noise, i_ext, injected)).tobytes() for injected in (nothing, None)]
        assert found[0] == found[1]


def test_where_calls_of_the_loop_begin_changes_no_bit(monkeypatch):
    network = cells(PotentialNoise(3.0), 120.0)
    whole = potentials(network)
    assert whole[:2].max() - whole[:2].min() > 8.0
    monkeypatch.setattr(loop, "_STEPS_PER_CALL", 52)
    assert potentials(network).tobytes() == whole.tobytes()


def test_courses_that_cannot_be_are_refused():
    wrong = STEP._replace(course=CurrentCourse((30.0, 20.0), (0.0, 1.0)))
    network = cells()
    network = replace(
        network,
        populations={**network.populations, "A": replace(network.populations["A"], injected=wrong)},
    )
    with pytest.raises(
        InputError, match=r"populations\.A\.injected\.course\.times = \[30.0, 20.0\] is refused"
    ):
        network.check()


#: The network of Soldado-Magraner et al. with a tenth of the cells and ten times the weights, for 120 ms.
SMALL = (
    "neuron=jercog", "network=soldado2022", "protocol=spiking_network", "protocol.record=[]",
    "protocol.neurons=[]", "compute=serial", "network.populations.E.n=80", "network.populations.I.n=20",
    "network.projections.E.E.n=3200", "network.projections.E.I.n=800", "network.projections.I.E.n=800",
    "network.projections.I.I.n=200", "network.drives.kicks.n=40", "network.drives.kicks.weight=0.1",
    "network.drives.kicks.times=[20.0]", "grid.weight_scale=[10.0]", "protocol.duration=120.0",
    "protocol.common_random_numbers=true",
    "+network.populations.I.injected={_target_:spikesweep.models.InjectedCurrent,amplitude:0.0,"
    "course:{_target_:spikesweep.models.CurrentCourse,times:[60.0,60.0],factors:[0.0,1.0]}}",
)  # fmt: skip


@pytest.mark.slow
def test_amplitudes_can_be_swept_and_do_not_depend_on_how_they_are_run(tmp_path):
    words = ("grid.network.populations.I.injected.amplitude=[0.0,200.0]", "grid.seed=[0,1]")
    whole = ss.run(ss.load(*SMALL, *words, f"outputs={tmp_path / 'a'}", "compute.block_points=4")).load()
    more = ("compute.block_points=1", "grid.seed=[0]")
    path = f"outputs={tmp_path / 'b'}"
    ss.run(ss.load(*SMALL, *words, *more, path))
    other = ss.run(ss.load(*SMALL, *words, "compute.block_points=1", path)).load()  # goes on
    assert other.population_rate.equals(whole.population_rate)
    rate = whole.population_rate.sel(population="I").squeeze()
    assert float(rate.max()) > 0.0
    before = rate.sel(time_bin=slice(0, 50))
    assert before.sel(amplitude=0.0).equals(before.sel(amplitude=200.0).assign_coords(amplitude=0.0))
    late = rate.sel(time_bin=slice(70, None))
    assert float(abs(late.diff("amplitude")).max()) > 10.0
