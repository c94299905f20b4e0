"""QIF and theta neuron: the exact flow, periods in closed form, the square root of the rate."""

import numpy as np
import pytest
from lanes import in_lanes
from test_neurons import cell_of

DT = 0.05


def intervals(cell, current, dt=DT, duration=4000.0):
    """Return the intervals (ms) of a cell under a constant current."""
    found = in_lanes(cell, np.full((round(duration / dt), 32), current), dt)["spiked"][:, 0]
    return np.diff(np.flatnonzero(found)) * dt


def period(cell, current):
    """Return the time from reset to cut in closed form: tau / r (arctan(x_cut / r) - arctan(x_reset / r))."""
    width = cell.V_c - cell.E_L
    r = np.sqrt(current / (cell.g_L * width) - 0.25)
    ends = [(v - 0.5 * (cell.E_L + cell.V_c)) / width for v in (cell.V_cut, cell.V_reset)]
    return cell.C_m / cell.g_L / r * (np.arctan(ends[0] / r) - np.arctan(ends[1] / r))


@pytest.mark.parametrize("name", ["QIF", "Theta"])
@pytest.mark.parametrize("current", [38.0, 45.0, 80.0, 300.0, 2000.0])
def test_intervals_are_the_closed_form_rounded_up_to_a_step(name, current):
    """The flow is exact, so that only the grid is left: a spike is seen at the end of its step."""
    cell = cell_of("theta", name)
    found, expected = intervals(cell, current), period(cell, current)
    assert len(found) >= 2
    assert np.ptp(found) == 0.0
    assert found[0] == pytest.approx(np.ceil(expected / DT - 1e-9) * DT, abs=1e-9)


def test_the_theta_neuron_has_the_rate_of_its_normal_form():
    """sqrt(eta) / pi in units of g_L / C_m, from the saddle-node at eta = 0; 0.1 %: half a step of 30 ms."""
    cell = cell_of("theta", "Theta")
    assert float(cell.rheobase()) == 37.5
    eta = 400.0 / 150.0 - 0.25
    assert intervals(cell, 400.0, dt=0.005).mean() == pytest.approx(20.0 * np.pi / np.sqrt(eta), rel=1e-3)
    assert len(intervals(cell, 37.4)) == 0


@pytest.mark.parametrize("current", [-200.0, 0.0, 37.5, 60.0])
def test_below_a_spike_the_potential_is_the_exact_solution_in_any_step(current):
    """Steps of 1 ms and of 0.01 ms meet, to rounding: eta < 0, = 0 and > 0."""
    cell = cell_of("theta", "QIF")._replace(V_reset=-90.0)
    coarse, fine = (
        in_lanes(cell, np.full((n, 32), current), dt)["v"][:, 0] for n, dt in ((40, 1.0), (4000, 0.01))
    )
    np.testing.assert_allclose(coarse, fine[::100], rtol=1e-9)
    if current == 0.0:
        assert (coarse == cell.E_L).all()
