"""Synapses that move the potential at once: the jump, the threshold, refractoriness, and who has them."""

import numpy as np
import pytest
from lanes import in_lanes
from scipy.integrate import quad
from scipy.special import erfcx
from test_neurons import cell_of

from spikesweep import models
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES, driver_for, takes_jumps

DT = 0.1
#: A cell of every class that a potential can jump in.
CELLS = (
    ("adexp", "RS"),
    ("sacha", "RS"),
    ("sacha", "RS_heun"),
    ("eif", "EIF"),
    ("gif", "Renewal"),
    ("izhikevich", "RS"),
    ("jercog", "E"),
    ("lif", "LIF"),
    ("lif_psc", "Brunel"),
    ("pospischil2008", "RS"),
    ("theta", "QIF"),
)
#: Cells whose step is a flow, on which the event acts all the time: it moves what it has moved, by less than
#: a step over the shortest time constant (10 ms).
FLOWS = {("pospischil2008", "RS"), ("theta", "QIF")}


def events(n, at, counts=1.0):
    """Return kicks of all lanes, shape (n, LANES), with `counts` events at some samples."""
    kicks = np.zeros((n, LANES))
    kicks[list(at)] = counts
    return kicks


def test_every_cell_in_mV_with_a_capacitance_is_tried():
    jumping = {type(cell_of(*pair)) for pair in CELLS}
    has = [getattr(models, name) for name in dir(models)]
    spiking = {c for c in has if isinstance(c, type) and hasattr(c, "step") and "C_m" in c._fields}
    assert jumping == spiking


@pytest.mark.parametrize("pair", CELLS, ids="/".join)
def test_an_event_moves_the_potential_by_its_weight_in_its_step(pair):
    """With the event a step ends `weight` above where it ends without; before, no bit differs."""
    cell = cell_of(*pair)
    weight = np.linspace(-2.0, 2.0, LANES)
    with_event = in_lanes(cell, events(50, [20]), DT, models.DeltaPotential(weight))
    without = in_lanes(cell, events(50, []), DT, models.DeltaPotential(weight))
    np.testing.assert_array_equal(with_event["v"][:21], without["v"][:21])
    rtol = DT / 10.0 if pair in FLOWS else 1e-12
    np.testing.assert_allclose(with_event["v"][21] - without["v"][21], weight, rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("pair", CELLS, ids="/".join)
def test_n_events_in_a_step_are_one_of_n_times_the_weight(pair):
    cell = cell_of(*pair)
    n = in_lanes(cell, events(400, [3, 50], 4.0), DT, models.DeltaPotential(0.5))
    one = in_lanes(cell, events(400, [3, 50]), DT, models.DeltaPotential(2.0))
    np.testing.assert_array_equal(n["v"], one["v"])


def test_the_threshold_is_looked_at_after_the_jump():
    """At rest v is exactly E_L: a jump up to the threshold does nothing, one beyond it is a spike."""
    cell = cell_of("lif_psc", "Brunel")
    distance = cell.V_th - cell.E_L
    weight = np.where(np.arange(LANES) % 2 == 0, distance - 1e-9, distance + 1e-9)
    found = in_lanes(cell, events(100, [10]), DT, models.DeltaPotential(weight))
    assert not found["spiked"][:, ::2].any()
    for lane in range(1, LANES, 2):
        assert np.flatnonzero(found["spiked"][:, lane]).tolist() == [10]
    assert (found["v"][11, 1::2] == cell.V_reset).all()


def test_events_at_a_refractory_cell_are_lost():
    """Each lane has a second event one step later: those of the 20 held steps do nothing, the next acts."""
    cell = cell_of("lif_psc", "Brunel")
    kicks = events(100, [10], 100.0)
    for lane in range(LANES):
        kicks[11 + lane, lane] = 3.0
    found = in_lanes(cell, kicks, DT, models.DeltaPotential(0.5))
    quiet = in_lanes(cell, events(100, [10], 100.0), DT, models.DeltaPotential(0.5))
    held = round(cell.t_ref / DT)
    np.testing.assert_array_equal(found["v"][:, :held], quiet["v"][:, :held])
    assert (found["v"][-1, held:] > quiet["v"][-1, held:]).all()


def test_a_jump_is_recorded_as_the_current_that_does_it():
    cell = cell_of("lif", "LIF")
    found = in_lanes(cell, events(30, [20]), DT, models.DeltaPotential(-0.5))
    assert found["in_dv"][20, 0] == -0.5
    assert found["in_current"][20, 0] == pytest.approx(-0.5 * cell.C_m / DT)
    assert not np.delete(found["in_current"], 20, axis=0).any()


def test_a_cell_whose_potential_cannot_jump_is_refused():
    cell = cell_of("lif_dimensionless", "LIF")
    assert not takes_jumps(cell)
    with pytest.raises(InputError, match="a DeltaPotential is no synapse of a LIFDimensionless"):
        driver_for(cell, (models.DeltaPotential(0.1),))


@pytest.mark.parametrize(("mu", "sigma"), [(17.0, 4.0), (22.0, 3.0)])
def test_white_noise_of_jumps_gives_the_rate_of_the_first_passage(mu, sigma):
    """Brunel 2000, eq. 21, both ends higher by 0.5826 sigma sqrt(dt / tau): v is looked at once a step.

    The mean of a step's jumps is mu dt / tau, its SD sigma sqrt(dt / tau). The shift: Siegmund 1985,
    "Sequential Analysis", chapter 10. The tolerance, besides a hundredth, is three standard errors at CV 0.8.
    """
    cell, dt, tau, n = cell_of("lif_psc", "Brunel"), 0.05, 20.0, 160_000
    up = 0.5826 * np.sqrt(dt / tau)
    low, high = ((v - mu) / sigma + up for v in (cell.V_reset, cell.V_th))
    expected = 1.0 / (cell.t_ref + tau * np.sqrt(np.pi) * quad(lambda u: erfcx(-u), low, high)[0])
    jumps = np.random.default_rng(5).normal(mu * dt / tau, sigma * np.sqrt(dt / tau), (n, LANES))
    spiked = in_lanes(cell, jumps, dt, models.DeltaPotential(1.0))["spiked"][4000:]
    n_expected = expected * spiked.size * dt
    assert spiked.sum() == pytest.approx(n_expected, rel=0.01 + 3.0 * 0.8 / np.sqrt(n_expected))
