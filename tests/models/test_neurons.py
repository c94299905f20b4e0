"""The parameters of every neuron of conf/neuron, and closed forms; test_every_neuron has what all must do."""

import inspect
import math
from functools import cache
from typing import get_type_hints

import numpy as np
import pytest
from conftest import CONF

import spikesweep as ss
from spikesweep.config import compose as config
from spikesweep.config.build import build
from spikesweep.kernels.cells.driver import Clock
from spikesweep.units import units_of


@cache
def cell_of(neuron, cell):
    return build(config.plain(ss.load(f"neuron={neuron}"))["neuron"][cell], f"neuron.{cell}")


def test_every_parameter_has_a_unit_and_a_finite_value(any_cell):
    cell = cell_of(*any_cell)
    units = units_of(type(cell))
    for name, value in cell._asdict().items():
        if isinstance(value, str):  # an option: any of its words
            assert "Literal" in str(get_type_hints(type(cell))[name]), name
            continue
        assert units[name] != "1", name
        if value is None:  # only where the annotation says so
            assert "None" in str(get_type_hints(type(cell))[name]), name
        else:
            assert isinstance(value, float), name
            assert math.isfinite(value)


def test_no_default_stands_in_code(any_cell):
    parameters = inspect.signature(type(cell_of(*any_cell)).__new__).parameters.values()
    assert all(p.default is inspect.Parameter.empty for p in parameters)


def test_yaml_writes_floats_and_names_its_source(any_neuron):
    text = (CONF / "neuron" / f"{any_neuron}.yaml").read_text()
    assert "doi:" in text
    numbers = [line.split(":")[1].split("#")[0].strip() for line in text.splitlines() if line[:2] == "  "]
    numbers = [n for n in numbers if n and n[0] in "-0123456789"]
    assert numbers or "defaults: [" in text  # of other files
    assert all("." in n for n in numbers), numbers


def test_refractory_cell_is_held_at_reset():
    """V_reset differs from E_L here: the original script would leave E_L in the trace."""
    cfg = ss.load("neuron=adexp", "neuron.RS.V_reset=-55.0")
    ds = ss.simulate(cfg, cell="RS", current=600.0, duration=100.0)
    first = round(float(ds.spike_times[0]) / 0.05)
    held = ds.v.values[first : first + 100]
    assert (held == -55.0).all()
    assert ds.v.values[first + 103] != -55.0


@pytest.mark.parametrize("current", [130.0, 200.0, 400.0, 600.0, 1000.0])
def test_lif_intervals_are_those_of_the_closed_form(current):
    """The closed form of forward Euler, itself solved in steps; one step is the clock's own rounding."""
    p = cell_of("lif", "LIF")
    dt = 0.01
    tau = p.C_m / p.g_L
    v_inf = p.E_L + current / p.g_L
    # forward Euler: v_n = v_inf + (v_0 - v_inf) (1 - dt/tau)^n crosses V_th after this many steps
    n = math.floor(math.log((v_inf - p.V_th) / (v_inf - p.V_reset)) / math.log1p(-dt / tau)) + 1
    period = n * dt + p.t_ref
    ds = ss.simulate(ss.load("neuron=lif"), cell="LIF", current=current, duration=2000.0, dt=dt)
    intervals = np.diff(ds.spike_times.values)
    assert len(intervals) > 10
    assert intervals.min() >= period - 1.01 * dt
    assert intervals.max() <= period + 1.01 * dt


def test_eif_is_adexp_without_adaptation():
    eif = ss.simulate(ss.load("neuron=eif"), cell="EIF", current=300.0, duration=500.0)
    words = [f"neuron.AdExp.{k}" for k in ("a=0.0", "b=0.0", "tau_w=1.0e9")]
    adexp = ss.simulate(ss.load("neuron=adexp", *words), cell="AdExp", current=300.0, duration=500.0)
    assert eif.sizes["spike"] > 10
    assert eif.spike_times.values.tolist() == adexp.spike_times.values.tolist()


@pytest.mark.parametrize(("rule", "hold"), [("published", 0.005), ("steps", 100.0)])
def test_clock_measures_refractory_time(rule, hold):
    clock = Clock.of(0.05, rule)
    assert clock.hold(5.0) == pytest.approx(hold, rel=1e-15)
    assert clock.hold(np.array([5.0, 0.0])).tolist() == [pytest.approx(hold), 0.0]
