"""What every synapse with a compiled `advance` must do: enumerated from spikesweep.models.

A new synapse adds its response to one event below: the charge that it carries and the highest current.
"""

from itertools import product
from math import e, exp, log
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from lanes import changed_in_lanes, in_lanes, synapse_by_steps
from test_neurons import cell_of

from spikesweep import models
from spikesweep.units import unit_of, units_of

DT = 0.05
#: Values of a synapse's fields by unit, in turn.
VALUES = {
    "ms": (4.0, 9.0, 15.0),
    "nS": (2.0,),
    "fC": (30.0,),
    "pA": (60.0,),
    "mV": (0.0,),
    "mV of weight": (0.5,),
    "1": (0.5, 0.25),
}
#: Current (pA) that makes a potential of the cell below jump by 1 mV in a step: what a jump counts as.
C_M = 150.0
PER_JUMP = C_M / DT
#: A potential at which nothing spikes, and a conductance that reverses at 0 mV drives 50 pA/nS.
V = -50.0


def kinds():
    """Return a synapse of each class, and of each option of it."""
    found = []
    for name in sorted(dir(models)):
        cls = getattr(models, name)
        if not hasattr(cls, "advance") or ".synapses." not in cls.__module__:
            continue
        hints = get_type_hints(cls, include_extras=True)
        options = {k: get_args(hint) for k, hint in hints.items() if get_origin(hint) is Literal}
        values, used = {}, dict.fromkeys(VALUES, 0)
        for field, hint in hints.items():
            if field not in options:
                kind = unit_of(hint) + (" of weight" if (field, unit_of(hint)) == ("weight", "mV") else "")
                values[field] = VALUES[kind][used[kind]]
                used[kind] += 1
        found += [cls(**values, **dict(zip(options, o, strict=True))) for o in product(*options.values())]
    return found


def exponential(s):
    """An event acts at full height and decays exactly: a geometric series."""
    return s.weight * DT / (1.0 - exp(-DT / s.tau_syn)) * (s.E_rev - V), s.weight * (s.E_rev - V)


def euler(s):
    """An event decays by 1 - dt / tau a step, in the prototype's order once before it acts."""
    first = 1.0 if s.order == "package" else 1.0 - DT / s.tau_syn
    return s.weight * s.tau_syn * first * (s.E_rev - V), s.weight * first * (s.E_rev - V)


def two_stage(s):
    """A difference of exponentials of charge `weight`; its peak that of the continuous equations."""
    rise, fall = s.tau_rise, s.tau_fall
    t = rise * fall / (fall - rise) * log(fall / rise)
    return s.weight, s.weight / (fall - rise) * (exp(-t / fall) - exp(-t / rise))


def delta(s):
    """A jump of the potential is the charge that moves it: all of it in one step."""
    return s.weight * C_M, s.weight * PER_JUMP


def exponential_current(s):
    """The charge of the continuous equation; the highest is the mean over the first step."""
    return s.weight * s.tau_syn, s.weight * s.tau_syn / DT * (1.0 - exp(-DT / s.tau_syn))


def alpha_current(s):
    """The charge and the peak of the continuous equation."""
    return e * s.weight * s.tau_syn, s.weight


def alpha_conductance(s):
    """The peak of the continuous equation; the sum over samples of t exp(-t / tau) is a known series."""
    x, driving_force = DT / s.tau_syn, s.E_rev - V
    return e * s.weight * DT * x * exp(-x) / (1.0 - exp(-x)) ** 2 * driving_force, s.weight * driving_force


#: (charge in fC, highest current in pA) of one event at V.
RESPONSES = {
    "AlphaConductance": alpha_conductance,
    "AlphaCurrent": alpha_current,
    "DeltaPotential": delta,
    "EulerConductance": euler,
    "ExponentialConductance": exponential,
    "ExponentialCurrent": exponential_current,
    "TwoStageCurrent": two_stage,
}
#: Those that decay as t exp(-t / tau).
ALPHA = ("AlphaConductance", "AlphaCurrent")


@pytest.fixture(params=kinds(), ids=lambda s: "-".join([type(s).__name__, *getattr(s, "order", "").split()]))
def synapse(request):
    return request.param


def run(synapse, kicks):
    """Return what a synapse does in every lane onto a cell that its currents make spike."""
    return in_lanes(cell_of("lif", "LIF"), np.asarray(kicks, float)[:, np.newaxis], DT, synapse)


def response(synapse, kicks):
    """Return the current (pA) at V under kicks, step by step."""
    return synapse_by_steps(synapse, np.asarray(kicks, float), np.full(len(kicks), V), DT, PER_JUMP)[
        "current"
    ]


def events(n, seed):
    return np.random.default_rng(seed).poisson(0.2, n).astype(float)


def single_event(n=40_000):
    return np.where(np.arange(n) == 100, 1.0, 0.0)


def test_equals_its_own_functions_without_numba_bit_for_bit(synapse):
    kicks = events(6000, 1)
    found = run(synapse, kicks)
    assert found["spiked"][:, 0].sum() > 3
    alone = synapse_by_steps(synapse, kicks, found["v"][:, 0], DT, PER_JUMP)
    for name, values in alone.items():
        np.testing.assert_array_equal(found[f"in_{name}"][:, 0], values, err_msg=name)
        np.testing.assert_array_equal(found[f"in_{name}"][:, -1], values, err_msg=name)


def test_an_event_has_the_charge_and_the_peak_of_the_closed_form(synapse):
    """A peak after the event is that of the continuous equations, from which Euler's is dt / tau off."""
    charge, peak = RESPONSES[type(synapse).__name__](synapse)
    current = response(synapse, single_event())
    assert not current[:100].any()
    assert current.sum() * DT == pytest.approx(charge, rel=1e-9)
    at_event = np.argmax(current) == 100
    off = 1e-12 if at_event else DT / min(synapse.time_constants().values())
    assert current.max() == pytest.approx(peak, rel=off)


def test_an_event_decays_with_the_slowest_time_constant_to_nothing(synapse):
    """After the peak it only falls, and late its fall is that of the slowest time constant."""
    current = response(synapse, single_event())
    peak = int(np.argmax(current))
    assert (np.diff(current[peak:]) <= 0.0).all()
    assert current[-1] < 1e-12 * current[peak]
    if not synapse.time_constants():
        assert not current[peak + 1 :].any()
        return
    slowest = max(synapse.time_constants().values())
    late = peak + round(12.0 * slowest / DT)
    ratio = current[late + round(slowest / DT)] / current[late]
    rising = 14.0 / 13.0 if type(synapse).__name__ in ALPHA else 1.0  # the peak is at slowest
    assert ratio == pytest.approx(rising * exp(-1.0), rel=2.0 * DT / slowest)


def test_currents_add_up(synapse):
    """Twice the weight is twice the current to the bit; the sum of two trains that of two currents."""
    a, b = events(4000, 2), events(4000, 3)
    one, other, both = (response(synapse, kicks) for kicks in (a, b, a + b))
    np.testing.assert_allclose(both, one + other, rtol=1e-12, atol=1e-12 * both.max())
    doubled = synapse._replace(weight=2.0 * synapse.weight)
    np.testing.assert_array_equal(response(doubled, a), 2.0 * one)


def test_no_event_no_current(synapse):
    assert not response(synapse, np.zeros(100)).any()


def test_a_parameter_of_each_lane_gives_the_bits_of_each_value_alone(synapse):
    kicks = events(3000, 4)
    swept, alone = changed_in_lanes(synapse)
    found = run(swept, kicks)
    different = set()
    for lane, one in enumerate(alone):
        single = run(one, kicks)
        for name, values in single.items():
            np.testing.assert_array_equal(found[name][:, lane], values[:, 0], err_msg=f"{lane} {name}")
        different.add(single["in_current"].tobytes())
    assert len(different) == len(alone)


def test_parameters_and_states_have_units(synapse):
    for part in (synapse, synapse.initial()):
        units = units_of(type(part))
        assert {units[name] for name, value in part._asdict().items() if isinstance(value, float)} <= {
            *VALUES,
        } - {"1"}


def test_every_synapse_has_a_closed_form():
    assert {type(s).__name__ for s in kinds()} == set(RESPONSES)
