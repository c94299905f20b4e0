"""Phase planes: closed forms of Touboul and Brette, what the cells do, and the flow of their own step."""

import numpy as np
import pytest
from test_neurons import cell_of

import spikesweep as ss
from spikesweep.analysis.phase_plane import bifurcations, fixed_points, phase_plane, step_rheobase
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock

WORDS = ("neuron=adexp", "network=fs_rs", "protocol=fi_curve")


@pytest.mark.parametrize("name", ["RS", "AdExp"])
def test_bifurcations_of_adexp_are_the_closed_form(name):
    """Touboul and Brette 2008: RS 190.30 pA (Hopf) and 191.42 pA (saddle-node)."""
    p = cell_of("adexp", name)
    ratio, tau = p.a / p.g_L, p.C_m / p.g_L / p.tau_w
    base = p.V_th - p.E_L - p.Delta_T
    fold = (p.g_L + p.a) * (base + p.Delta_T * np.log1p(ratio))
    hopf = (p.g_L + p.a) * (base + p.Delta_T * np.log1p(tau)) + p.Delta_T * p.g_L * (ratio - tau)
    found = bifurcations(p)
    assert found.saddle_node == pytest.approx(fold, rel=1e-12)
    assert found.hopf == pytest.approx(hopf, rel=1e-12)
    assert found.rheobase == found.hopf
    if name == "RS":
        assert (round(found.hopf, 2), round(found.saddle_node, 2)) == (190.30, 191.42)


@pytest.mark.parametrize(
    ("neuron", "name"), [("adexp", "RS2"), ("izhikevich", "RS"), ("izhikevich2004", "Class1")]
)
def test_without_a_hopf_bifurcation_it_is_the_rheobase_of_the_cell(neuron, name):
    cell = cell_of(neuron, name)
    found = bifurcations(cell)
    assert np.isnan(found.hopf)
    assert found.rheobase == pytest.approx(float(cell.rheobase()), rel=1e-12)


def test_rest_loses_its_stability_at_the_hopf_and_is_gone_at_the_saddle_node():
    cell = cell_of("adexp", "RS")
    kinds = [fixed_points(cell, current).kind.values.tolist() for current in (190.29, 190.31, 191.41, 191.43)]
    assert kinds[0] == ["stable focus", "saddle"]
    assert kinds[1] == ["unstable focus", "saddle"]
    assert kinds[2][0].startswith("unstable")
    assert kinds[3] == []


def test_a_slow_ramp_makes_the_cell_fire_at_the_hopf_bifurcation():
    """0.001 pA/ms. A focus that turned unstable is left slowly, so that it fires later, by less than 2 pA."""
    slow = 170.0 + 1e-3 * 0.05 * np.arange(460_000)
    start = np.linspace(0.0, 170.0, 200_000)
    ds = ss.simulate(ss.load(*WORDS), cell="RS", current=np.concatenate([start, slow]), dt=0.05)
    fired = 170.0 + 1e-3 * (float(ds.spike_times[0]) - 10_000.0)
    assert 190.30 < fired < 192.3


def test_a_step_makes_it_fire_below_both():
    """v overshoots before w has followed; without subthreshold adaptation it is the closed form."""
    RS = cell_of("adexp", "RS")
    found = step_rheobase(RS, 100.0, 250.0)
    assert found < 190.0
    assert found > (RS.g_L + 0.0) * (RS.V_th - RS.E_L - RS.Delta_T)  # as if w never followed
    RS2 = cell_of("adexp", "RS2")
    assert step_rheobase(RS2, 100.0, 250.0) == pytest.approx(
        float(RS2.rheobase()), abs=0.2
    )  # slow at the fold
    with pytest.raises(InputError, match="low = 200 pA gives"):
        step_rheobase(RS, 200.0, 250.0)


@pytest.mark.parametrize(
    ("neuron", "name", "second"),
    [
        ("sacha", "RS", "w"),
        ("adexp", "RS", "w"),
        ("izhikevich", "FS", "u"),
        ("izhikevich2004", "Resonator", "u"),
    ],
)
def test_the_flow_is_that_of_the_cells_own_step(neuron, name, second):
    """A step of 1e-6 ms from points off the nullclines; its error is of that order."""
    cell, dt = cell_of(neuron, name), 1e-6
    if neuron == "sacha":
        cell = cell._replace(a=3.0)
    v, w = np.linspace(-75.0, -48.0, 5), np.linspace(-40.0, 90.0, 4)
    ds = phase_plane(cell, 120.0, v, w)
    assert ds.attrs["second"] == second
    c = type(cell.coefficients(Clock.of(dt, "steps")))(
        *(float(x) for x in cell.coefficients(Clock.of(dt, "steps")))
    )
    for i, j in np.ndindex(5, 4):
        x = cell.initial()._replace(v=v[i], **{second: w[j]})
        if neuron == "izhikevich":
            x = x._replace(volts=v[i] * 1e-3, amperes=w[j] * 1e-12)
        after, _ = cell.step.py_func(c, x, 120.0, 5.0, 6.0)
        assert (after.v - v[i]) / dt == pytest.approx(float(ds.dv[i, j]), rel=1e-4, abs=1e-4)
        assert (getattr(after, second) - w[j]) / dt == pytest.approx(float(ds.dw[i, j]), rel=1e-4, abs=1e-4)


def test_fixed_points_lie_on_both_nullclines():
    cell = cell_of("izhikevich2004", "Resonator")
    points = fixed_points(cell, 0.0)
    ds = phase_plane(cell, 0.0, points.v.values, np.zeros(1))
    np.testing.assert_allclose(ds.v_nullcline, ds.w_nullcline, atol=1e-9)
    assert float(points.v[0]) == pytest.approx(float(cell.rest.v), rel=1e-12)
    assert points.kind.values.tolist() == ["stable focus", "saddle"]


@pytest.mark.parametrize(("neuron", "name"), [("lif", "LIF"), ("izhikevich2004", "Accommodation")])
def test_other_cells_are_refused(neuron, name):
    with pytest.raises(InputError, match="has no phase plane; allowed"):
        bifurcations(cell_of(neuron, name))
