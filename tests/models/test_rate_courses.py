"""Input rates of rate networks that follow a course in time, and images of what goes in and comes out."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.analysis.plots.rate_patterns import images
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

STEPS = "network.courses={FFE:{_target_:spikesweep.models.Steps,times:[0.0,40.0,80.0],factors:[1.0,0.0,2.0]}}"
RAMP = "network.courses={FFE:{_target_:spikesweep.models.Ramp,start:20.0,stop:70.0,before:0.0,after:2.0}}"
TIMES = ("protocol.duration=120.0", "protocol.n_samples=121", "protocol.discard=0.0")


def one(network, *words):
    cfg = ss.load("neuron=rate_unit", f"network={network}", "protocol=rate_dynamics", *TIMES, *words)
    return ss.rate_network(cfg, seed=3)


def test_a_factor_of_one_has_the_bits_of_constant_rates():
    fixed = "protocol.integrator=fixed"
    course = "network.courses={FFE:{_target_:spikesweep.models.Steps,times:[0.0],factors:[1.0]}}"
    for network in ("feedforward_rate", "recurrent_rate"):
        driven, plain = one(network, fixed, course), one(network, fixed)
        for name in ("v", "rate", "current"):
            assert driven[name].values.tobytes() == plain[name].values.tobytes()


def test_currents_decay_with_their_time_constant_once_the_input_is_off():
    """exp(-t / 10 ms) from 40 to 80 ms: to 1e-8, what steps of 0.1 ms of order 4 leave is 1e-10."""
    current = one("feedforward_rate", STEPS, "protocol.integrator=fixed", "protocol.dt=0.1").current.values
    assert current[:, 40].min() > 0.05
    ratio = current[:, 40:81] / current[:, 40:41]
    np.testing.assert_allclose(ratio, np.exp(-np.arange(41) / 10.0) * np.ones((10, 1)), rtol=1e-8)
    assert (current[:, 90] > 5.0 * current[:, 80]).all()  # and then twice what it was


@pytest.mark.parametrize("course", [STEPS, RAMP])
def test_courses_converge_at_order_four_to_the_independent_solution(course):
    """SciPy's of the full system, one state a synapse. From 1 to 0.5 ms by 2^4, within 30 %; then 1e-7 mV."""
    tight = ("protocol.integrator=scipy", "protocol.rtol=1e-10", "protocol.atol=1e-12")
    exact = one("feedforward_rate", course, *tight).v
    fixed = [
        one("feedforward_rate", course, "protocol.integrator=fixed", f"protocol.dt={dt}") for dt in (1.0, 0.5)
    ]
    errors = [float(abs(ds.v - exact).max()) for ds in fixed]
    assert errors[0] > 1e-7
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4.0, rel=0.15)
    near = one("feedforward_rate", course, "protocol.integrator=fixed", "protocol.dt=0.1")
    np.testing.assert_allclose(near.v, exact, atol=1e-7)
    recurrent = [
        one("recurrent_rate", course, *words).v
        for words in (("protocol.integrator=fixed", "protocol.dt=0.1"), tight)
    ]
    np.testing.assert_allclose(*recurrent, atol=2e-5)  # kinks of the rates at v_th cost both an order


def test_a_sweep_has_the_numbers_of_single_networks_and_is_drawn(tmp_path):
    words = ("neuron=rate_unit", "network=feedforward_rate", "protocol=rate_dynamics", "compute=serial")
    record = ("protocol.record=[rate,input_rate]", "protocol.integrator=fixed", STEPS, *TIMES)
    axes = ("grid.pattern=[0,1,2]", "grid.seed=[3]", "grid.weight_scale=[1.0]")
    ds = ss.run(ss.load(*words, *record, *axes, f"outputs={tmp_path}", "compute.block_points=2")).load()
    alone = one("feedforward_rate", STEPS, "protocol.integrator=fixed")
    np.testing.assert_array_equal(ds.rate.sel(pattern=0).squeeze(), alone.rate)
    np.testing.assert_array_equal(ds.input_rate.sel(pattern=0).squeeze(), alone.input_FFE)
    assert ds.input.values.tolist() == ["FFE"] * 10
    titles = [ax.get_title() for ax in images(ds, 30.0).axes[:3]]
    assert titles == ["inputs FFE", "E at 30 ms", "E settled"]
    shown = images(ds, 30.0).axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown, ds.input_rate.squeeze().transpose("input_unit", "pattern"))
    with pytest.raises(InputError, match=r"no input_rate; .* protocol.record=\[rate,input_rate\]"):
        images(ds.drop_vars("input_rate"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((STEPS,), "protocol.integrator = 'adaptive' is refused with network.courses: .* fixed, scipy"),
        ((STEPS.replace("FFE", "FF"),), "network.courses.FF is of no input; .*FFE"),
        ((STEPS.replace("80.0", "20.0"),), r"network.courses.FFE.times = .* ascending"),
    ],
)
def test_refusals(words, said):
    with pytest.raises(InputError, match=said):
        make_job(ss.load("neuron=rate_unit", "network=feedforward_rate", "protocol=rate_dynamics", *words))
