"""Between spikes each cell converges at the order of its method; orders are measured as they are."""

import numpy as np
import pytest
import xarray as xr
from conftest import classes
from test_neurons import cell_of

import spikesweep as ss
from spikesweep.analysis.convergence import convergence
from spikesweep.analysis.plots.convergence import figure
from spikesweep.errors import InputError
from spikesweep.kernels.cells.own_numbers import Named
from spikesweep.models.simulation.cell import simulate_cell

#: Those that are not of order 1: of the solution itself nothing is left but rounding.
ORDERS = {"AdExpHeun": 2.0, "GIF": np.inf, "HodgkinHuxley": 2.0, "LIFExact": np.inf, "QIF": np.inf}
#: Currents (pA) other than 100 that let a cell change for 4 ms and not spike: in the 100 mV of its recovery.
CURRENTS = {"Izhikevich2003": 1.0, "HodgkinHuxley": 300.0, "LIFDimensionless": 0.5}
T = 4.0
#: What the own numbers of a cell are of, which draws none that matters here.
NAMED = Named(np.zeros(1, np.uint64), np.zeros(1, np.int64))


def potentials(cell, current):
    """Return v at T for steps of 0.05 ms and its halves; assert that nothing has spiked."""
    v = []
    for k in range(5):
        dt = 0.05 / 2**k
        reversal = {"g_exc": 0.0, "g_inh": -80.0}
        ds = simulate_cell(cell, {"current": current}, reversal, dt, T + 2 * dt, "exact", NAMED)
        assert ds.sizes["spike"] == 0
        v.append(ds.v.values[round(T / dt)])
    return xr.DataArray(v, {"dt": 0.05 / 2.0 ** np.arange(5)}, "dt")


def test_the_potential_converges_at_the_order_of_the_method(any_cell):
    """To 5 %: of five steps from 0.05 ms on, which is not small to the fastest cells; or to rounding."""
    kind = classes()[any_cell].__name__
    cell = cell_of(*any_cell)
    if kind == "LIFDimensionless":  # by itself it fires, under noise
        cell = cell._replace(offset=0.0, noise_D=0.0)
    v = potentials(cell, CURRENTS.get(kind, 100.0))
    assert np.ptp(v.values) < 0.2
    expected = ORDERS.get(kind, 1.0)
    if expected == np.inf:
        np.testing.assert_allclose(v, v[0], rtol=1e-13, atol=1e-11)
        return
    assert float(convergence(v).order) == pytest.approx(expected, rel=0.05)


def test_orders_and_errors_of_powers_are_found():
    dt = np.array([0.4, 0.1, 0.2, 0.05])
    one, two = xr.DataArray(5.0 + 3.0 * dt, {"dt": dt}, "dt"), xr.DataArray(5.0 - dt**2, {"dt": dt}, "dt")
    both = xr.concat([one, two], "case")
    for values, order in ((one, 1.0), (two, 2.0)):
        found = convergence(values)
        assert float(found.order) == pytest.approx(order)
        finest = float(values.sel(dt=0.05))
        np.testing.assert_allclose(found.error, abs(values.sel(dt=[0.4, 0.2, 0.1]) - 5.0) / finest, rtol=1e-9)
    apart = convergence(both)
    assert apart.order.dims == ("case",)
    np.testing.assert_allclose(apart.order, [1.0, 2.0])
    assert float(convergence(both, over=["case"]).change[0]) == pytest.approx(
        np.sqrt((apart.change.isel(dt=0) ** 2).mean())
    )
    assert np.isnan(convergence(xr.ones_like(one)).order)
    for steps in ([0.1, 0.2], [0.1, 0.2, 0.3]):
        with pytest.raises(InputError, match="allowed: three or more, each q times the next"):
            convergence(xr.DataArray(np.ones(len(steps)), {"dt": steps}, "dt"))


def test_intervals_of_a_sweep_converge_at_order_one_and_are_drawn(tmp_path):
    """On the grid of steps that is so for any method; that of Heun is off by less. Order to 0.3."""
    found = {}
    for neuron, cell in (("sacha", "RS"), ("sacha", "RS_heun")):
        words = (f"neuron={neuron}", "protocol=fi_curve", f"network.populations=[{cell}]")
        grid = ("grid.i_ext={start:150,stop:600,num:10}", "grid.protocol.dt=[0.0125,0.025,0.05,0.1]")
        cfg = ss.load(
            *words, *grid, "protocol.refractory=exact", "compute=serial", f"outputs={tmp_path}/{cell}"
        )
        found[cell] = convergence(ss.run(cfg).first_isi.squeeze().load(), over=["i_ext"])
        assert float(found[cell].order) == pytest.approx(1.0, abs=0.3)
    assert float(found["RS_heun"].error[0]) < 0.6 * float(found["RS"].error[0]) < 0.015
    (ax,) = figure(found).axes
    assert len(ax.lines) == 3
    assert ax.get_xlabel() == "time step (ms)"
