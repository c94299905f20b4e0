"""What every neuron that spikes must do, whatever its equations: enumerated from conf/neuron.

Currents are counted in a cell's own strength (`strong`), since cells differ in size and in unit.
"""

from functools import cache

import numpy as np
import pytest
from lanes import LANES, cell_by_steps, changed_in_lanes, in_lanes
from test_neurons import cell_of

from spikesweep.kernels.cells.own_numbers import draws
from spikesweep.protocols.checks import peak_of

DT = 0.05


def spikes_of(found, lane=0):
    """Return the steps in which a lane spiked."""
    return np.flatnonzero(found["spiked"][:, lane])


def constant(values, duration, dt=DT):
    """Return currents that never change, one a lane."""
    return np.broadcast_to(values, (round(duration / dt), LANES))


@cache
def strong(neuron, cell):
    """Return a current under which a cell fires 10 times or more in half a second.

    That of a cell that fires by itself exceeds its own drive, too.
    """
    part, currents = cell_of(neuron, cell), np.geomspace(0.1, 10_000.0, LANES)
    found = in_lanes(part, constant(currents, 500.0), DT)
    counts = found["spiked"].sum(axis=0)
    assert (np.diff(counts) >= 0).all() or counts.max() >= 10
    own = max(0.0, -float(part.rheobase())) if hasattr(part, "rheobase") else 0.0  # NaN is no drive
    return currents[np.argmax((counts >= 10) & (currents > own))]


def spikes_together(spikes):
    """Return the spikes of the largest burst: of intervals below half the longest; 1 where there are none."""
    if len(spikes) < 3:
        return 1
    pauses = np.flatnonzero(np.diff(spikes) > 0.5 * np.diff(spikes).max())
    ends = [-1, *pauses, len(spikes) - 1]
    return int(np.diff(ends).max()) if len(pauses) < len(spikes) - 1 else 1


def skip_without_reset(cell):
    """Skip a cell whose spikes are upward crossings: nothing is reset, strong input blocks it."""
    if hasattr(cell, "V_detect"):
        pytest.skip("its spikes are not reset")


def fluctuating(amplitude, n, seed):
    """Return a current that goes up and down slowly, with noise."""
    noise = np.random.default_rng(seed).standard_normal(n)
    return amplitude * (0.8 + np.sin(np.arange(n) / 1000.0) + 0.5 * noise)


@pytest.mark.parametrize("rule", ["steps", "published"])
def test_equals_its_own_step_without_numba_bit_for_bit(any_cell, rule):
    cell = cell_of(*any_cell)
    currents = np.stack([fluctuating(f * strong(*any_cell), 6000, 1) for f in (1.5, 6.0)], axis=-1)
    found = in_lanes(cell, np.tile(currents, LANES // 2), DT, rule=rule)
    for lane in (0, LANES - 1):
        alone = cell_by_steps(cell, currents[:, lane % 2], DT, rule)
        assert alone["spiked"].sum() > 3
        for name, values in alone.items():
            np.testing.assert_array_equal(found[name][:, lane], values, err_msg=name)


def test_starts_again_at_its_reset_and_never_shows_more_than_its_peak(any_cell):
    """A cell without `V_reset` starts again where it began, one without a peak has a threshold of 1.

    One that draws may be anywhere above its threshold.
    """
    cell = cell_of(*any_cell)
    skip_without_reset(cell)
    found = in_lanes(cell, constant(3.0 * strong(*any_cell), 500.0), DT)
    spikes = spikes_of(found)[:-1]
    v = found["v"][:, 0]
    assert len(spikes) > 10
    np.testing.assert_array_equal(v[spikes + 1], getattr(cell, "V_reset", cell.initial().v))
    peak = peak_of(cell) if hasattr(cell, "V_spike") or hasattr(cell, "V_th") else 1.0
    assert draws(cell) or v[2:].max() <= peak
    assert v.max() > getattr(cell, "V_reset", cell.initial().v)


@pytest.mark.parametrize("rule", ["steps", "published"])
def test_no_two_spikes_are_nearer_than_the_refractory_time(any_cell, rule):
    """A cell without one fires in every step at most; one with it stands at its reset meanwhile."""
    cell = cell_of(*any_cell)
    skip_without_reset(cell)
    t_ref = getattr(cell, "t_ref", 0.0)
    found = in_lanes(cell, constant(100.0 * strong(*any_cell), 200.0), DT, rule=rule)
    spikes = spikes_of(found)
    assert len(spikes) > 10
    assert np.diff(spikes).min() * DT > t_ref - 1e-9
    assert len(spikes) / 200.0 <= 1.0 / max(t_ref, DT) + 1.0 / 200.0
    if t_ref > 0.0:
        held = round(t_ref / DT) - 1
        for spike in spikes[:-1]:
            assert (found["v"][spike + 1 : spike + 1 + held, 0] == cell.V_reset).all()


@pytest.mark.parametrize("dt", [0.05, 0.1])
def test_exact_refractoriness_holds_t_ref_after_the_step_of_a_spike(any_cell, dt):
    """In every neuron, at every spike of a second: not one step more or less."""
    cell = cell_of(*any_cell)
    if not hasattr(cell, "t_ref"):
        pytest.skip("it is never held")
    held = round(cell.t_ref / dt)
    found = in_lanes(cell, constant(3.0 * strong(*any_cell), 1000.0), dt, rule="exact")
    spikes = spikes_of(found)
    spikes = spikes[spikes + held + 2 < len(found["v"])]
    assert len(spikes) > 5
    v = found["v"][:, 0]
    for spike in spikes:
        assert (v[spike + 1 : spike + 2 + held] == cell.V_reset).all()
        assert v[spike + 2 + held] != cell.V_reset


@pytest.mark.parametrize(
    ("neuron", "cell", "more"),
    [("adexp", "RS", 1), ("lif", "LIF", 1), ("eif", "EIF", 1), ("jercog", "E", -1)],
)
def test_steps_rule_is_what_it_says(neuron, cell, more):
    """How many steps more than t_ref / dt each scheme holds a cell: told in Clock."""
    part = cell_of(neuron, cell)
    held = round(part.t_ref / DT) + more
    found = in_lanes(part, constant(3.0 * strong(neuron, cell), 1000.0), DT, rule="steps")
    spikes = spikes_of(found)[:-1]
    v = found["v"][:, 0]
    assert len(spikes) > 5
    for spike in spikes:
        assert (v[spike + 1 : spike + 2 + held] == part.V_reset).all()
        assert v[spike + 2 + held] != part.V_reset


@pytest.mark.parametrize(("neuron", "cell"), [("adexp", "RS"), ("sacha", "RS"), ("adexp_fiers", "RS")])
@pytest.mark.parametrize("V_cut", [None, -40.0, 0.0])
def test_without_an_upstroke_the_threshold_is_V_th(neuron, cell, V_cut):
    """The limit of a sharp upstroke, whatever V_cut says; also of the Euler and Heun forms."""
    sharp = []
    for Delta_T in (0.0, 1e-3):
        part = cell_of(neuron, cell)._replace(Delta_T=Delta_T, V_cut=V_cut, a=0.0)
        found = in_lanes(part, constant(2.0 * part.g_L * (part.V_th - part.E_L), 1000.0), 0.01)
        sharp.append(len(spikes_of(found)))
        assert Delta_T > 0.0 or part.V_spike == part.V_th
    assert sharp[0] > 2
    assert abs(sharp[0] - sharp[1]) <= 1


def test_without_input_it_stays_at_rest_or_fires_regularly(any_cell):
    """Only a cell with a drive of its own may fire: it has no rheobase, or one below zero."""
    cell = cell_of(*any_cell)
    found = in_lanes(cell, constant(0.0, 500.0), DT)
    has_rheobase = hasattr(cell, "rheobase")
    if has_rheobase and np.any(cell.rheobase() < 0.0):
        assert found["spiked"].any()
    if has_rheobase and not np.any(cell.rheobase() < 0.0):
        assert not np.any(cell.rheobase() == 0.0)
        assert not found["spiked"].any()
        assert np.ptp(found["v"]) < 0.1
    elif not has_rheobase and not found["spiked"].any():
        assert np.ptp(found["v"]) < 0.1
    else:
        assert np.ptp(np.diff(spikes_of(found))[1:]) <= 1


def test_fires_above_its_rheobase_and_not_below(any_cell):
    """Forward Euler has the fixed points of the equations, so the closed form needs no tolerance in dt.

    2 % below it a cell is silent for 2 s; 10 % above it the slowest, at a saddle-node, has fired by then.
    """
    cell = cell_of(*any_cell)
    rheobase = float(cell.rheobase()) if hasattr(cell, "rheobase") else np.nan
    currents = rheobase + abs(rheobase) * np.repeat([-0.02, 0.1], LANES // 2)
    found = in_lanes(cell, constant(np.nan_to_num(currents), 2000.0), DT)
    if np.isfinite(rheobase):
        assert not found["spiked"][:, 0].any()
        assert found["spiked"][:, -1].any()


def test_strong_input_gives_finite_states_and_regular_firing(any_cell):
    """More current, more spikes; and in the end the intervals come again.

    An interval is a whole number of steps, so that two of them may alternate; a cell that fires every
    few steps remembers how far it overshot, so its count in windows, not its interval, is regular, but for a
    spike or a burst.
    """
    cell = cell_of(*any_cell)
    skip_without_reset(cell)
    factors = np.repeat([3.0, 10.0, 30.0, 100.0], LANES // 4)
    found = in_lanes(cell, constant(factors * strong(*any_cell), 3000.0), DT)
    for name, values in found.items():
        assert np.isfinite(values[1000:]).all(), name
    counts = found["spiked"].sum(axis=0)[:: LANES // 4]
    assert (np.diff(counts) > 0).all()
    windows = found["spiked"][20_000:].reshape(8, -1, LANES).sum(axis=1)[:, :: LANES // 4]
    together = [spikes_together(spikes_of(found, lane)[50:]) for lane in range(0, LANES, LANES // 4)]
    assert (np.ptp(windows, axis=0) <= 1 + np.array(together) + 0.02 * windows.mean(axis=0)).all()


@pytest.mark.parametrize("factor", [2.0, 5.0])
def test_rate_converges_as_the_step_is_halved(any_cell, factor):
    """The bound follows from the step.

    A spike is seen at the end of its step, a hold ends with one, and through an upstroke Euler lags by a step
    or two: an interval is up to four steps too long. Elsewhere Euler's error of an interval is of first
    order, dt over twice the shortest time constant. Halving dt halves both, so that N spikes in T become
    N (2 dt N / T + dt / (4 tau)) more or fewer, and one, or a burst, at the end.
    """
    cell, current, duration = cell_of(*any_cell), factor * strong(*any_cell), 2000.0
    trains = [spikes_of(in_lanes(cell, constant(current, duration, dt), dt)) for dt in (DT, DT / 2)]
    counts = [len(train) for train in trains]
    tau = min(float(np.min(value)) for value in cell.time_constants().values())
    tau = min(tau, getattr(cell, "tau_upstroke", tau))  # where it is a part of the interval
    n = counts[1]
    assert n > 20
    assert abs(counts[0] - n) <= n * (2.0 * DT * n / duration + DT / (4.0 * tau)) + spikes_together(trains[1])


def test_a_parameter_of_each_lane_gives_the_bits_of_each_value_alone(any_cell):
    cell = cell_of(*any_cell)
    current = fluctuating(2.0 * strong(*any_cell), 4000, 2)[:, np.newaxis]
    swept, alone = changed_in_lanes(cell)
    found = in_lanes(swept, current, DT)
    different = []
    for lane, one in enumerate(alone):
        single = in_lanes(one, current, DT)
        for name, values in single.items():
            np.testing.assert_array_equal(found[name][:, lane], values[:, 0], err_msg=f"{lane} {name}")
        different.append(single["v"][:, 0].tobytes())
    assert len(set(different)) > 3
